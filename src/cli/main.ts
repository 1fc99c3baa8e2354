#!/usr/bin/env node
// The command line: declares commands, runs one, maps errors to exit codes. Each command is loaded when it is
// asked for, so that --help and inspect never load the GPU runtime.
import { Command, CommanderError } from "commander";
import { fakeFormats } from "../methods/fake-quant/formats.ts";
import { wgslimVersion } from "../version.ts";
import { describeError, exitCodeOf, exitCodes } from "./exit.ts";
import { interruption } from "./interruption.ts";
import { printNote } from "./print.ts";
import { addRecipeOptions, collect } from "./recipe-options.ts";

const modelFile = "an ONNX file, a safetensors file, or the index of its shards";

const program = new Command("wgslim")
  .description(
    "Compress neural networks on any GPU: quantize ONNX and safetensors models with WebGPU, prove the result, keep the runtime you have.",
  )
  .version(wgslimVersion)
  .showSuggestionAfterError()
  .showHelpAfterError("(wgslim COMMAND --help lists a command's arguments and options)")
  .exitOverride()
  .configureHelp({ sortSubcommands: false });

program
  .command("inspect")
  .argument("<model>", modelFile)
  .description("layers, operators, shapes, types and bytes; with --stats value ranges and histograms")
  .option("--stats", "read the weights: ranges, zeros, non-finite values, histograms")
  .option("--ops", "which operators the executor can run, and which nodes it can't")
  .option("--all", "list every tensor, not only the largest 40")
  .option("--json", "one JSON object on stdout")
  .addHelpText("after", "\nExample:\n  wgslim inspect model.onnx --stats")
  .action(async (model, flags) => (await import("./commands/inspect.ts")).inspect(model, flags, interruption()));

addRecipeOptions(program.command("plan").argument("<model>", modelFile))
  .description("what quantize would do: bytes, device memory, dispatches, skipped tensors; needs no GPU")
  .option("--ops", "print every step")
  .option("--json", "one JSON object on stdout")
  .addHelpText("after", "\nExample:\n  wgslim plan model.onnx --format int4 --block 32")
  .action(async (model, flags) => (await import("./commands/plan.ts")).plan(model, flags, interruption()));

addRecipeOptions(program.command("quantize").argument("<model>", modelFile))
  .description("quantize weights on the GPU, prove the file, write it")
  .requiredOption("-o, --output <path>", "the file to write; with --preset, the folder")
  .option("--preset <name>", "in place of a format, the set of files that a runtime looks for: transformers.js")
  .option(
    "--algorithm <name>",
    "in place of plain rounding: static (8-bit activations too), gptq, awq, smoothquant (weights by what they do to outputs)",
  )
  .option(
    "--calibration <file>",
    "static: ranges of activations, a JSON file by tensor name; others: samples as the model takes them",
  )
  .option("--activation <type>", "static: uint8, int8, uint16 or int16 (default uint8)")
  .option("--qformat <form>", "static: qdq or qoperator (default qdq)")
  .option("--provider <name>", "static: where the file is to run: cpu, webgpu or wasm (default cpu)")
  .option("--per-channel", "static: a scale for each output channel of a weight (default)")
  .option("--no-per-channel", "static: one scale for each weight")
  .option("--bias-correction", "static: make up in biases for what rounding does to means")
  .option(
    "--min-activation-sqnr <dB>",
    "static: operators stay float where 8 bits keep less of their tensors (default 10)",
  )
  .option("--force", "replace an existing output and report; never the input")
  .option("--min-sqnr <dB>", "fail, exit 3 and write nothing where a tensor falls below")
  .option("--min-cosine <c>", "fail, exit 3 and write nothing where a tensor falls below")
  .option("--checkpoint <file>", "keep finished work here; run again to go on after an interruption")
  .option("--adapter <kind>", "auto, webgpu, gpu.js or cpu", "auto")
  .option("--report <file>", "write a report too: .html, .md or .json")
  .option("--json", "one JSON object on stdout")
  .option("--quiet", "no progress and no table")
  .addHelpText(
    "after",
    '\nExample:\n  wgslim quantize model.onnx -o model_int4.onnx --format int4 --block 32 --search mse --rule "*lm_head*=int8"\n  wgslim quantize model.onnx --preset transformers.js -o onnx',
  )
  .action(async (model, flags) =>
    flags.algorithm === undefined
      ? (await import("./commands/quantize.ts")).quantize(model, flags, interruption())
      : (await import("./commands/algorithm.ts")).quantizeByAlgorithm(model, flags, interruption()),
  );

program
  .command("calibrate")
  .argument("<model>", "an ONNX file")
  .description("run a model over data on the GPU and keep the ranges and means of its activations")
  .requiredOption("-o, --output <file>", "the file of statistics to write, .json")
  .option("--data <file>", "inputs as the model takes them: .npy, .npz, .csv, .jsonl or IDX")
  .option("--synthetic <count>", "that many batches made up by seed instead: poor ranges, with a warning")
  .option("--merge <files...>", "add up statistics of several runs instead")
  .option("--input <name=field>", "which field of the data feeds which input; repeatable", collect)
  .option("--dim <name=size>", "the size of a symbolic dim of made-up inputs; repeatable", collect)
  .option("--batch <samples>", "samples at a time", "1")
  .option("--limit <samples>", "at most so many samples")
  .option("--seed <n>", "of made-up inputs", "1")
  .option("--force", "replace an existing file")
  .option("--adapter <kind>", "webgpu or cpu", "webgpu")
  .option("--json", "one JSON object on stdout")
  .addHelpText(
    "after",
    "\nExample:\n  wgslim calibrate model.onnx --data images.npz --batch 16 -o statistics.json\n  wgslim quantize model.onnx -o small.onnx --algorithm static --calibration statistics.json",
  )
  .action(async (model, flags) =>
    (await import("./commands/calibrate.ts")).calibrateCommand(model, flags, interruption()),
  );

program
  .command("compare")
  .argument("<a>", "an ONNX file, the reference")
  .argument("<b>", "an ONNX file")
  .description("run both in onnxruntime on the same inputs and compare every output")
  .option("--input <name=file>", "input from a .npy or .json file; repeatable", collect)
  .option("--shape <name=dims>", "shape of a random input, such as image=1,3,224,224; repeatable", collect)
  .option("--dim <name=size>", "size of a named dimension; repeatable", collect)
  .option("--runs <n>", "random inputs to average over", "1")
  .option("--seed <n>", "seed of the random inputs", "0")
  .option("--min-cosine <c>", "exit 3 where an output falls below")
  .option("--json", "one JSON object on stdout")
  .addHelpText("after", "\nExample:\n  wgslim compare model.onnx model_int4.onnx --dim batch=2 --seed 1")
  .action(async (a, b, flags) => (await import("./commands/compare.ts")).compare(a, b, flags, interruption()));

program
  .command("evaluate")
  .argument("<model>", "an ONNX file")
  .description("quality on data, run on the GPU, with confidence intervals; with --against, is the difference chance?")
  .requiredOption("--data <path>", ".npy, .npz, .csv, .jsonl or IDX, or a folder of pictures, one sub-folder a class")
  .requiredOption("--task <task>", "classification, language-model, embedding, regression or segmentation")
  .option("--against <original>", "an ONNX file to compare with on the same samples")
  .option("--labels <file>", "what is right, row by row, where it is not in the data")
  .option("--label-field <name>", "the field of the data that holds what is right (default: label)")
  .option("--input <name=field>", "which field of the data feeds which input; repeatable", collect)
  .option("--value <name>", "the value of the graph to judge (default: its output)")
  .option("--batch <samples>", "samples at a time (default: the model's own, or 16)")
  .option("--limit <samples>", "at most so many samples, chosen by the seed")
  .option("--seed <n>", "of the choice of samples and of the bootstrap", "1")
  .option("--size <HxW>", "pictures: resize to this (folders: default the model's own size)")
  .option("--color <order>", "pictures: rgb, bgr or gray")
  .option("--layout <axes>", "pictures: NCHW or NHWC (default: as the model's input looks)")
  .option("--scale <x>", "pictures: multiplies every value (default 1/255)")
  .option("--mean <list>", "pictures: subtracted after scaling, one number or one a channel")
  .option("--std <list>", "pictures: divided by, one number or one a channel")
  .option("--window <tokens>", "language models: cuts one long row of tokens into windows (default 256)")
  .option("--pad <token>", "language models: fills up short lines of .jsonl, and is not judged")
  .option("--bytes-per-token <n>", "language models: for bits per byte")
  .option("--ignore <label>", "a token or a pixel's label that is not judged")
  .option("--adapter <kind>", "webgpu or cpu (plain references)", "webgpu")
  .option("--report <file>", "write a page too: .html")
  .option("--force", "replace an existing report")
  .option("--json", "one JSON object on stdout")
  .addHelpText(
    "after",
    `
Embeddings are judged against the original, or by --labels: one similarity for each pair of samples 1 and 2, 3 and 4 …

Examples:
  wgslim evaluate small.onnx --against model.onnx --task classification --data t10k-images-idx3-ubyte.gz \\
    --labels t10k-labels-idx1-ubyte.gz --mean 0.286 --std 0.353
  wgslim evaluate small.onnx --against model.onnx --task language-model --data tokens.npy --limit 100`,
  )
  .action(async (model, flags) =>
    (await import("./commands/evaluate.ts")).evaluateCommand(model, flags, interruption()),
  );

program
  .command("run")
  .argument("<model>", "an ONNX file")
  .description("run a model's graph once on the GPU; inputs from files or made up by seed")
  .option("--input <name=file>", "input from a .npy or .json file; repeatable", collect)
  .option("--shape <name=dims>", "shape of a random input, such as image=1,3,224,224; repeatable", collect)
  .option("--dim <name=size>", "size of a named dimension; repeatable", collect)
  .option("--seed <n>", "seed of the random inputs", "0")
  .option("--value <name>", "give this value of the graph in place of its outputs; repeatable", collect)
  .option(
    "--fake-quant <rule>",
    "simulate tensors in another format: PATTERN=FORMAT[,per=tensor|channel|token|group:N][,axis=N][,scale=X][,zero=N][,symmetric|asymmetric][,on=weights|activations][,search=mse], or a .json file of rules; repeatable, the last that matches decides",
    collect,
  )
  .option("--check-finite", "name the first node that gives NaN, or infinities out of finite values")
  .option("-o, --output <file>", "write the outputs to a .npz file")
  .option("--force", "replace an existing output")
  .option("--adapter <kind>", "webgpu or cpu (plain references)", "webgpu")
  .option("--json", "one JSON object on stdout")
  .addHelpText(
    "after",
    `
A pattern of --fake-quant is a glob, or a regular expression between slashes, over names of tensors, nodes and
operators. Formats: ${fakeFormats.join(" ")}, or skip.

Examples:
  wgslim run model.onnx --input image=image.npy -o outputs.npz
  wgslim run model.onnx --fake-quant "Conv=int8,per=tensor" --fake-quant "*lm_head*=int4,per=group:32"`,
  )
  .action(async (model, flags) => (await import("./commands/run.ts")).run(model, flags, interruption()));

program
  .command("doctor")
  .description("which adapters there are, which is chosen and why, and what each missing one needs")
  .option("--json", "one JSON object on stdout")
  .addHelpText("after", "\nExample:\n  wgslim doctor")
  .action(async (flags) => (await import("./commands/doctor.ts")).doctor(flags));

program
  .command("bench")
  .description("throughput of every kernel against a copy kernel and against peers, on this adapter")
  .option("--filter <text>", "only benchmarks whose name holds this text")
  .option("--runs <n>", "timed runs of each; the median counts", "5")
  .option("--json <file>", "write the figures here too")
  .addHelpText("after", "\nExample:\n  wgslim bench --filter quantize")
  .action(async (flags) => (await import("./commands/bench.ts")).bench(flags));

// Who reads only the first lines (`| head`) has closed the pipe; there is nobody left to tell.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  else {
    printNote(describeError(error));
    process.exitCode = exitCodeOf(error);
  }
}
// Drivers may keep threads alive; what had to be written is written.
process.stdout.write("", () => process.exit());
