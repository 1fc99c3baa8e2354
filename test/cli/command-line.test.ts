// The command line as processes of its own: exit codes, what goes to stdout and stderr, and which files are touched.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { writeSyntheticModel } from "../../src/bench/synthetic-model.ts";
import { buildCli, type Cli, type CliOptions } from "../support/cli.ts";
import { floatTensor, onnxBytes, op, randomTensor, smallModel } from "../support/onnx-models.ts";

let cli: Cli;
let model: Uint8Array;
let folder = "";

const at = (...names: string[]): string => join(folder, ...names);
const files = (): string[] => readdirSync(folder).toSorted();
const run = (line: string, options?: CliOptions) => cli.run(folder, line.split(" "), options);
const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

beforeAll(async () => {
  cli = await buildCli();
  model = await onnxBytes(
    smallModel({
      // One less than what int8 scales per channel need.
      opset: 12,
      nodes: [op("MatMul", ["x", "first.weight"], ["h"]), op("MatMul", ["h", "second.weight"], ["y"])],
      inputs: [["x", ["batch", 64]]],
      outputs: [["y", ["batch", 32]]],
      initializers: [randomTensor("first.weight", [64, 48]), randomTensor("second.weight", [48, 32])],
    }),
  );
});
afterAll(() => cli.remove());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wgslim-cli-"));
  writeFileSync(at("in.onnx"), model);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const onCpu = "--adapter cpu --format int8";

describe("exit codes and messages", () => {
  it("help is no error, and a command that is missing or misspelt is one of usage", async () => {
    const [help, bare, misspelt] = await Promise.all([run("--help"), cli.run(folder, []), run("quantise in.onnx")]);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toMatch(/quantize .*compare .*doctor /s);
    expect(bare).toMatchObject({ code: 2, stdout: "" });
    expect(bare.stderr).toContain("Usage: wgslim");
    expect(misspelt).toMatchObject({ code: 2, stdout: "" });
    expect(misspelt.stderr).toContain("Did you mean quantize?");
  });

  it.each([
    ["quantize in.onnx -o out.onnx", 2, /No format is given.*--format int8/s],
    ["quantize in.onnx --format int8", 2, /--output/],
    ["quantize in.onnx -o out.onnx --format int5", 2, /There is no format "int5".*int4/s],
    ["quantize in.onnx -o out.onnx --format int8 --bloc 32", 2, /Did you mean --block/],
    [`quantize in.onnx -o out.onnx ${onCpu} --block 33`, 2, /33.*--block 32/s],
    ["quantize in.onnx -o out.onnx --format int8 --adapter cuda", 2, /--adapter takes one of auto, webgpu/],
    ["quantize in.onnx -o out.onnx --format int8 --min-cosine 2", 2, /--min-cosine takes a number from -1 to 1/],
    ["quantize in.onnx -o out.onnx --format int8 --memory-budget lots", 2, /"lots" is not a size/],
    ["quantize in.onnx -o out.onnx --format int8 --report r.pdf", 2, /\.html, \.md or \.json/],
    [`quantize in.onnx -o out.onnx ${onCpu} --rule *frist.weight=int4`, 2, /matches no weight.*first\.weight/s],
    [`quantize in.onnx -o out.onnx ${onCpu} --rule first=float`, 2, /is not PATTERN=FORMAT/],
    ["quantize in.onnx -o out --preset transformers.js --format int8", 2, /--preset .* --format does not go/],
    ["quantize none.onnx -o out.onnx --format int8", 1, /none\.onnx can't be opened: ENOENT.*check the path/s],
    ["quantize in.onnx -o no/out.onnx --format int8", 1, /no\/out\.onnx can't be written: ENOENT/],
    ["quantize in.onnx -o in.onnx/out.onnx --format int8", 1, /can't be written: ENOTDIR/],
    ["quantize in.onnx -o . --format int8", 2, /is a folder/],
    [`quantize in.onnx -o out.onnx ${onCpu} --report no/r.md`, 1, /no\/r\.md can't be written/],
    ["inspect text.onnx", 1, /text\.onnx/],
    ["inspect", 2, /missing required argument.*--help lists/s],
    ["quantize in.onnx -o out.safetensors --format int8", 2, /the input is onnx.*out\.onnx/s],
    ["compare in.onnx in.onnx --runs 1.5", 2, /1\.5 is not a count of runs/],
    ["bench --runs 0", 2, /--runs 0 is not a count/],
    ["compare in.onnx none.onnx", 1, /none\.onnx/],
    ["compare in.onnx in.onnx --dim batch", 2, /--dim takes name=value/],
  ])("wgslim %s: exit %i", async (line, code, message) => {
    writeFileSync(at("text.onnx"), "no model at all, though long enough to be one");
    const result = await run(line);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toMatch(message);
    // A message for a reader, not a stack.
    expect(result.stderr).not.toMatch(/\n {4}at /);
    expect(files()).toEqual(["in.onnx", "text.onnx"]);
  });

  it.skipIf(process.getuid?.() === 0)(
    "a folder that takes no files is named (needs a user other than root)",
    async () => {
      mkdirSync(at("locked"));
      chmodSync(at("locked"), 0o555);
      const result = await run("quantize in.onnx -o locked/out.onnx --format int8");
      expect(result).toMatchObject({ code: 1 });
      expect(result.stderr).toMatch(/locked\/out\.onnx can't be written: EACCES.*another folder/s);
    },
  );

  it("names a weight with NaN, and leaves nothing", async () => {
    const values = Array.from({ length: 64 * 48 }, (_, i) => (i === 77 ? NaN : Math.sin(i)));
    const broken = smallModel({
      nodes: [op("MatMul", ["x", "bad.weight"], ["y"])],
      inputs: [["x", ["batch", 64]]],
      outputs: [["y", ["batch", 48]]],
      initializers: [floatTensor("bad.weight", [64, 48], values)],
    });
    writeFileSync(at("nan.onnx"), await onnxBytes(broken));
    const result = await run(`quantize nan.onnx -o out.onnx ${onCpu}`);
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toMatch(/"bad\.weight" holds 1 values .* the first at element 77/);
    expect(files()).toEqual(["in.onnx", "nan.onnx"]);
  });

  it("a gate that is missed exits 3, leaves no output, and the earlier one as it was", async () => {
    writeFileSync(at("out.onnx"), "precious");
    for (const gate of ["--min-sqnr 80", "--min-cosine 0.9999999"]) {
      const result = await run(`quantize in.onnx -o out.onnx --force ${onCpu} --report r.html ${gate}`);
      expect(result).toMatchObject({ code: 3, stdout: "" });
      expect(result.stderr).toMatch(/Tensor "first\.weight": .* is below .*No output was written/);
    }
    expect(readFileSync(at("out.onnx"), "utf8")).toBe("precious");
    expect(files()).toEqual(["in.onnx", "out.onnx"]);
  });

  it("a file that passes a limit of the process is a typed error, and nothing is left", async () => {
    const line = `ulimit -f 1; exec "${process.execPath}" "${cli.path}" quantize in.onnx -o out.onnx ${onCpu}`;
    const { status, stderr } = spawnSync("bash", ["-c", line], { cwd: folder, encoding: "utf8" });
    expect(stderr).toMatch(/out\.onnx needs \d+ bytes, more than one file may have here.*ulimit/s);
    expect(status).toBe(1);
    expect(files()).toEqual(["in.onnx"]);
  });
});

describe("files that must survive", () => {
  it("an existing output and an existing report, unless forced", async () => {
    for (const [line, name] of [
      [`quantize in.onnx -o out.onnx ${onCpu}`, "out.onnx"],
      [`quantize in.onnx -o new.onnx --report out.md ${onCpu}`, "out.md"],
    ] as const) {
      writeFileSync(at(name), "precious");
      const refused = await run(line);
      expect(refused).toMatchObject({ code: 2, stdout: "" });
      expect(refused.stderr).toContain(`${name} exists.\n  Choose another name, or force overwriting (--force).`);
      expect(readFileSync(at(name), "utf8")).toBe("precious");
      expect(await run(`${line} --force`)).toMatchObject({ code: 0 });
      expect(readFileSync(at(name), "utf8")).not.toBe("precious");
    }
    expect(files()).toEqual(["in.onnx", "new.onnx", "out.md", "out.onnx"]);
  });

  it("the input and its data file, by any name, for any use, forced or not", async () => {
    await writeSyntheticModel(at("big.onnx"), { bytes: 300_000, width: 128, externalDataFile: "weights.bin" });
    symlinkSync("big.onnx", at("soft.onnx"));
    linkSync(at("weights.bin"), at("hard.bin"));
    const before = files();
    const kept = ["big.onnx", "weights.bin"].map((name) => sha256(at(name)));
    const lines = [
      "-o big.onnx",
      "-o soft.onnx",
      "-o weights.bin",
      "-o hard.bin",
      "-o out.onnx --external-data weights.bin",
      "-o out.onnx --checkpoint weights.bin",
      "-o out.onnx --checkpoint soft.onnx",
    ];
    for (const line of lines) {
      const result = await run(`quantize big.onnx ${line} --force ${onCpu}`);
      expect(result, line).toMatchObject({ code: 2, stdout: "" });
      expect(result.stderr).toMatch(/is the input itself or one of its data files/);
    }
    linkSync(at("weights.bin"), at("r.json"));
    expect((await run(`quantize big.onnx -o out.onnx --report r.json --force ${onCpu}`)).code).toBe(2);
    const clash = await run(`quantize big.onnx -o out.json --report out.json ${onCpu}`);
    expect(clash.stderr).toMatch(/The report and the output are one file/);
    expect(files()).toEqual([...before, "r.json"].toSorted());
    expect(["big.onnx", "weights.bin"].map((name) => sha256(at(name)))).toEqual(kept);
  });

  it("the shards of a safetensors index", async () => {
    const [shape, values] = [[64, 48], randomValues(64 * 48)] as const;
    writeFileSync(at("a.safetensors"), safetensorsBytes([{ name: "a", shape, values }]));
    writeFileSync(at("b.safetensors"), safetensorsBytes([{ name: "b", shape, values }]));
    const index = { weight_map: { a: "a.safetensors", b: "b.safetensors" } };
    writeFileSync(at("model.safetensors.index.json"), JSON.stringify(index));
    const kept = sha256(at("b.safetensors"));
    const result = await run(`quantize model.safetensors.index.json -o b.safetensors --force ${onCpu}`);
    expect(result).toMatchObject({ code: 2 });
    expect(sha256(at("b.safetensors"))).toBe(kept);
  });

  it("under a preset, the model, its data, and files of the names that it writes", async () => {
    await writeSyntheticModel(at("big.onnx"), { bytes: 300_000, width: 128, externalDataFile: "weights.bin" });
    mkdirSync(at("set"));
    writeFileSync(at("set", "weights.bin"), "precious");
    const preset = "quantize big.onnx --preset transformers.js --adapter cpu -o";
    const refused = await run(`${preset} set`);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toMatch(/set\/weights\.bin exists/);
    expect(readdirSync(at("set"))).toEqual(["weights.bin"]);
    // In the model's own folder there is nothing to copy.
    copyFileSync(at("weights.bin"), at("big_fp16.onnx"));
    const beside = await run(`${preset} .`);
    expect(beside.stderr).toMatch(/big_fp16\.onnx exists/);
    expect(sha256(at("weights.bin"))).toBe(sha256(at("big_fp16.onnx")));
  });
});

const randomValues = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));

describe("results", () => {
  it("--json prints one object, and the rest goes to stderr", async () => {
    const result = await run(`quantize in.onnx -o out.onnx --json ${onCpu} --report r.json --rule first*=int4`);
    expect(result.code).toBe(0);
    const report: unknown = JSON.parse(result.stdout);
    expect(report).toEqual({
      input: { path: "in.onnx", bytes: model.length, sha256: sha256(at("in.onnx")) },
      output: { path: "out.onnx", bytes: readFileSync(at("out.onnx")).length, sha256: sha256(at("out.onnx")) },
      adapter: expect.any(String),
      plan: {
        peakDeviceBytes: expect.any(Number),
        lowerBoundBytes: expect.any(Number),
        dispatches: expect.any(Number),
        submits: expect.any(Number),
      },
      tensors: [
        {
          name: "first.weight",
          op: "MatMul",
          shape: [64, 48],
          format: "int4",
          bytesBefore: 64 * 48 * 4,
          bytesAfter: expect.any(Number),
          sqnrDb: expect.any(Number),
          maxAbsError: expect.any(Number),
          cosine: expect.any(Number),
        },
        expect.objectContaining({ name: "second.weight", format: "int8" }),
      ],
      skipped: [],
      warnings: expect.arrayContaining([expect.stringContaining("Operator set raised")]),
      seconds: expect.any(Number),
    });
    expect(result.stderr).toMatch(/^wgslim: warning: Operator set raised [^\n]*\n$/);
    expect(JSON.parse(readFileSync(at("r.json"), "utf8"))).toEqual(report);
  });

  it("data files count as part of their model, in reports, plans and inspections", async () => {
    await writeSyntheticModel(at("big.onnx"), { bytes: 300_000, width: 128, externalDataFile: "weights.bin" });
    const weights = { path: "weights.bin", bytes: readFileSync(at("weights.bin")).length };
    const result = await run(`quantize big.onnx -o out.onnx --external-data out.bin --json --report r.md ${onCpu}`);
    expect(JSON.parse(result.stdout)).toMatchObject({
      input: { path: "big.onnx", dataFiles: [weights] },
      output: { path: "out.onnx", dataFiles: [{ path: "out.bin", bytes: readFileSync(at("out.bin")).length }] },
    });
    expect(readFileSync(at("r.md"), "utf8")).toMatch(/after .* 2\d\.\d %.*its data .*out/s);
    expect((await run("plan big.onnx --format int8")).stdout).toMatch(/file +769 KiB -> .* \(2\d\.\d %\)/);
    expect(JSON.parse((await run("inspect big.onnx --json")).stdout)).toMatchObject({
      dataFiles: [{ path: "weights.bin", bytes: weights.bytes }],
    });
    const packed = await run("inspect out.onnx");
    expect(packed.stdout).toMatch(/layer5\.weight_quantized +DequantizeLinear +int8 +512x128 +64 KiB/);
  });

  it("prints a table without a progress bar into a pipe, nothing with --quiet, and reports by extension", async () => {
    const plain = await run(`quantize in.onnx -o out.onnx ${onCpu} --report r.html`);
    expect(plain).toMatchObject({ code: 0 });
    expect(plain.stdout).toMatch(/first\.weight +MatMul +64×48 +int8/);
    expect(plain.stdout + plain.stderr).not.toContain("\u001B");
    expect(readFileSync(at("r.html"), "utf8")).toContain("first.weight");
    const quiet = await run(`quantize in.onnx -o out.onnx --force --quiet ${onCpu} --report r.md`);
    expect(quiet).toMatchObject({ code: 0, stdout: "" });
    expect(readFileSync(at("r.md"), "utf8")).toMatch(/first\\?\.weight/);
  });

  it.skipIf(spawnSync("script", ["--version"]).status !== 0)("shows progress on a terminal (needs script)", () => {
    const line = `"${process.execPath}" "${cli.path}" quantize in.onnx -o out.onnx ${onCpu}`;
    const { stdout, status } = spawnSync("script", ["-qec", line, "/dev/null"], { cwd: folder, encoding: "utf8" });
    expect(status).toBe(0);
    for (const phase of ["packing second.weight", "proving second.weight", "hashing out.onnx"]) {
      expect(stdout).toMatch(new RegExp(`█ 100% \\| [^|]*/s \\| ${phase}`));
    }
    // The cursor is hidden while the bar runs, and comes back.
    expect(stdout.lastIndexOf("\u001B[?25h")).toBeGreaterThan(stdout.lastIndexOf("\u001B[?25l"));
  });

  it.each([
    ["first*=int4", ["int4", "int8"]],
    ["*weight=uint8", ["uint8", "uint8"]],
    ["/^SECOND/i=int4", ["int8", "int4"]],
    ["h_node=uint8", ["uint8", "int8"]],
    ["/^y_/=skip", ["int8"]],
  ])("--rule %s matches names of weights and nodes", async (rule, formats) => {
    const { code, stdout } = await run(`plan in.onnx --format int8 --json --rule ${rule}`);
    expect(code).toBe(0);
    const { tensors } = JSON.parse(stdout) as { tensors: { format: string }[] };
    expect(tensors.map(({ format }) => format)).toEqual(formats);
  });

  it("plan and inspect print one object with --json, for a reader without, also where nobody reads on", async () => {
    const plan = await run("plan in.onnx --format int4 --json");
    expect(JSON.parse(plan.stdout)).toMatchObject({
      plan: { dispatches: expect.any(Number) },
      tensors: [{}, {}],
      skipped: [],
    });
    const inspect = await run("inspect in.onnx --stats --json");
    expect(JSON.parse(inspect.stdout)).toMatchObject({
      format: "onnx",
      operators: { MatMul: 2 },
      weights: [{ name: "first.weight", dtype: "float", shape: [64, 48], stats: { count: 64 * 48, nonFinite: 0 } }, {}],
    });
    const text = await run("inspect in.onnx --stats");
    expect(text.stdout).toMatch(/MatMul x2.*first\.weight .*[▁▂▃▄▅▆▇█]{8}/s);
    const head = `"${process.execPath}" "${cli.path}" inspect in.onnx | true`;
    expect(spawnSync("bash", ["-c", head], { cwd: folder, encoding: "utf8" }).stderr).toBe("");
  });

  it("inspect and plan read safetensors, single and sharded, and know tensors that wgslim packed", async () => {
    const values = randomValues(64 * 48);
    writeFileSync(at("a.safetensors"), safetensorsBytes([{ name: "a", shape: [64, 48], values }], { author: "us" }));
    writeFileSync(at("b.safetensors"), safetensorsBytes([{ name: "b", shape: [7], values: values.subarray(0, 7) }]));
    const index = { weight_map: { a: "a.safetensors", b: "b.safetensors" } };
    writeFileSync(at("model.safetensors.index.json"), JSON.stringify(index));
    const single = JSON.parse((await run("inspect a.safetensors --stats --json")).stdout) as unknown;
    const stats = { count: 64 * 48, nonFinite: 0, max: Math.max(...values) };
    expect(single).toMatchObject({
      format: "safetensors",
      metadata: { author: "us" },
      tensors: [{ name: "a", dtype: "f32", shape: [64, 48], bytes: 64 * 48 * 4, stats }],
    });
    const sharded = await run("inspect model.safetensors.index.json");
    expect(sharded.stdout).toMatch(/shard .*a\.safetensors.*shard .*b\.safetensors.*a +f32 +64x48 +12 KiB/s);
    const plan = await run("plan model.safetensors.index.json --format int4 --json");
    expect(JSON.parse(plan.stdout)).toMatchObject({ tensors: [{ name: "a", format: "int4" }] });

    expect(
      await run("quantize model.safetensors.index.json -o p.safetensors --format int4 --adapter cpu"),
    ).toMatchObject({ code: 0 });
    const packed = JSON.parse((await run("inspect p.safetensors --json --stats")).stdout) as { tensors: unknown };
    expect(packed.tensors).toEqual([
      {
        name: "a",
        dtype: "f32",
        shape: [64, 48],
        bytes: expect.any(Number),
        packed: { encoding: "uint4 block 32 asymmetric", parts: ["a.codes", "a.scales", "a.zero_points"] },
      },
      expect.objectContaining({ name: "b", dtype: "f32", shape: [7] }),
    ]);
    expect((await run("inspect p.safetensors")).stdout).toMatch(/packed as.*a +f32 +64x48 .*uint4 block 32/s);
  });

  it("compare takes .npy and .json inputs, prints one object with --json, and fails a gate with 3", async () => {
    await run(`quantize in.onnx -o out.onnx ${onCpu}`);
    writeFileSync(at("x.json"), JSON.stringify([Array.from(randomValues(64))]));
    const result = await run("compare in.onnx out.onnx --input x=x.json --json");
    expect(result).toMatchObject({ code: 0 });
    expect(JSON.parse(result.stdout)).toMatchObject({
      inputs: [{ name: "x", dims: [1, 64], content: "x.json" }],
      outputs: [{ name: "y", cosine: expect.any(Number) }],
    });
    writeFileSync(at("x.npy"), npy([2, 64], randomValues(128)));
    const gated = await run("compare in.onnx out.onnx --input x=x.npy --min-cosine 1");
    expect(gated).toMatchObject({ code: 3 });
    expect(gated.stdout).toMatch(/x +f32 \[2, 64\] +x\.npy/);
    expect(gated.stderr).toMatch(/Cosine 1 is not reached by y/);
  });
});

interface PlainTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** A file of f32 tensors: length of the header, header, data. */
function safetensorsBytes(tensors: readonly PlainTensor[], metadata?: Readonly<Record<string, string>>): Buffer {
  let end = 0;
  const entries = tensors.map(({ name, shape, values }) => {
    const begin = end;
    end += values.byteLength;
    return [name, { dtype: "F32", shape, data_offsets: [begin, end] }] as const;
  });
  const header = Buffer.from(
    JSON.stringify({ ...(metadata && { __metadata__: metadata }), ...Object.fromEntries(entries) }),
  );
  const length = Buffer.alloc(8);
  length.writeUInt32LE(header.length);
  const data = tensors.map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  return Buffer.concat([length, header, ...data]);
}

/** Version 1.0 of NumPy's format. */
function npy(shape: readonly number[], values: Float32Array): Buffer {
  const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  const header = `${dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11)}\n`;
  const head = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length & 255, header.length >> 8]);
  return Buffer.concat([head, Buffer.from(header), Buffer.from(values.buffer, values.byteOffset, values.byteLength)]);
}

describe("a machine without an adapter", () => {
  // A driver of the user's own choosing that is not there: the same on every machine.
  const env = { VK_ICD_FILENAMES: "/nowhere/icd.json", WGSLIM_ADAPTER: "" };

  it("is told once, with the ways out", async () => {
    const result = await run("quantize in.onnx -o out.onnx --format int8 --adapter webgpu", { env });
    expect(result).toMatchObject({ code: 1, stdout: "" });
    const messages = result.stderr.split("\n").filter((line) => line.startsWith("wgslim: "));
    expect(messages).toEqual([expect.stringContaining("No WebGPU adapter can be had.")]);
    expect(result.stderr).toMatch(/driver.*mesa-vulkan-drivers.*@sparticuz\/chromium.*wgslim doctor/s);
    expect(files()).toEqual(["in.onnx"]);
  });

  it("goes on with gpu.js unless told otherwise, and says so; the bytes are the same", async () => {
    const result = await run("quantize in.onnx -o out.onnx --format int4 --search absmax --json", { env });
    expect(result).toMatchObject({ code: 0 });
    expect(JSON.parse(result.stdout)).toMatchObject({
      adapter: expect.stringMatching(/gpu\.js/i),
      warnings: expect.arrayContaining([expect.stringMatching(/Going on with gpu\.js, which is much slower/)]),
    });
    await run("quantize in.onnx -o cpu.onnx --format int4 --search absmax --adapter cpu");
    expect(sha256(at("out.onnx"))).toBe(sha256(at("cpu.onnx")));
  });
});

const packagesOf = (lines: readonly string[]): readonly string[] => [
  ...new Set(lines.flatMap((line) => /.*\/node_modules\/((?:@[^/]+\/)?[^./][^/]*)/.exec(line)?.[1] ?? [])),
];
const isNative = (line: string): boolean =>
  line.startsWith("dlopen ") || /(?:dawn|vulkan|onnxruntime)[^/]*$|\.node$/i.test(line);

describe("what is loaded", () => {
  const preload = pathToFileURL(join(import.meta.dirname, "../support/loaded-modules.mjs")).href;
  const loadedBy = async (line: string, env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> => {
    await run(line, { node: ["--import", preload], env: { ...env, WGSLIM_TEST_LOADED: at("loaded") } });
    const lines = readFileSync(at("loaded"), "utf8").split("\n");
    rmSync(at("loaded"));
    return lines;
  };
  it.each([
    "--help",
    "quantize --help",
    "inspect in.onnx",
    "inspect in.onnx --stats --json",
    "plan in.onnx --format int4",
  ])("wgslim %s loads commander and nothing native", async (line) => {
    const lines = await loadedBy(line);
    expect(lines.some((each) => each.includes("/cli.js"))).toBe(true);
    expect(packagesOf(lines)).toEqual(["commander"]);
    expect(lines.filter(isNative)).toEqual([]);
  });

  it("and a device loads Dawn, so that the test above can fail", async () => {
    const line = "quantize in.onnx -o out.onnx --format int8 --adapter webgpu";
    const lines = await loadedBy(line, { VK_ICD_FILENAMES: "/nowhere/icd.json", WGSLIM_ADAPTER: "" });
    expect(packagesOf(lines)).toContain("webgpu");
    expect(lines.some(isNative)).toBe(true);
  });
});

describe("run and inspect --ops", () => {
  it("runs a graph on the references and writes its outputs", async () => {
    const { code, stdout } = await run("run in.onnx --adapter cpu --dim batch=2 -o out.npz --json");
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.outputs).toMatchObject([{ name: "y", type: "FLOAT", dims: [2, 32], nonFinite: 0 }]);
    expect(files()).toContain("out.npz");
    const again = await run("run in.onnx --adapter cpu --dim batch=2 -o out.npz");
    expect(again.code).not.toBe(0);
  });

  it("simulates tensors by rules, of the command line and of a file", async () => {
    const rules = ["MatMul=int8,on=weights", { pattern: "y", format: "int8", scale: 2 }];
    writeFileSync(at("rules.json"), JSON.stringify(rules));
    const [plain, file] = await Promise.all([
      run("run in.onnx --adapter cpu --dim batch=2 --json"),
      run("run in.onnx --adapter cpu --dim batch=2 --json --check-finite --fake-quant rules.json"),
    ]);
    expect(file).toMatchObject({ code: 0 });
    const [{ outputs }, simulated] = [JSON.parse(plain.stdout), JSON.parse(file.stdout)];
    expect(simulated.fakeQuant).toMatchObject([{ pattern: "MatMul", format: "int8", on: "weights" }, { scale: 2 }]);
    const { max } = simulated.outputs[0];
    expect(Number.isInteger(max / 2)).toBe(true);
    expect(Math.abs(max - outputs[0].max)).toBeLessThan(4);
    expect(max).not.toBe(outputs[0].max);
  });

  it("refuses rules that match nothing, and files that hold none", async () => {
    writeFileSync(at("broken.json"), "{");
    const [unmatched, wrong, broken] = await Promise.all([
      run("run in.onnx --adapter cpu --dim batch=2 --fake-quant MatMull=int8"),
      run("run in.onnx --adapter cpu --dim batch=2 --fake-quant MatMul=int9"),
      run("run in.onnx --adapter cpu --dim batch=2 --fake-quant broken.json"),
    ]);
    for (const { code } of [unmatched, wrong, broken]) expect(code).toBe(2);
    expect(unmatched.stderr).toMatch(/matches no tensor, node or operator.*Near names: MatMul/s);
    expect(wrong.stderr).toContain("is not PATTERN=FORMAT");
    expect(broken.stderr).toContain("broken.json is no JSON");
  });

  it("names inputs that the graph lacks, and leaves no file", async () => {
    const { code, stderr } = await run("run in.onnx --adapter cpu --input q=q.npy -o out.npz");
    expect(code).toBe(2);
    expect(stderr).toContain("Its inputs are x");
    expect(files()).not.toContain("out.npz");
  });

  it("lists what can be run", async () => {
    const { code, stdout } = await run("inspect in.onnx --ops --json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      runs: true,
      operators: [{ domain: "ai.onnx", operator: "MatMul", opset: 12, count: 2, supported: true, nodes: [] }],
    });
  });
});

describe("calibrate", () => {
  it("writes statistics that merge and that static quantization takes, and refuses what is none", async () => {
    const options = "--adapter cpu --dim batch=4";
    const first = await run(`calibrate in.onnx --synthetic 2 ${options} -o a.json`);
    expect([first.code, first.stdout]).toEqual([0, expect.stringContaining("8 samples")]);
    expect(first.stderr).toContain("made up");
    await run(`calibrate in.onnx --synthetic 1 --seed 7 ${options} -o b.json`);
    const both = await run("calibrate in.onnx --merge a.json b.json -o all.json --json");
    const report = JSON.parse(both.stdout) as { samples: number; tensors: { name: string; min: number }[] };
    expect(report.samples).toBe(12);
    expect(report.tensors.map(({ name }) => name)).toEqual(["x", "h", "y"]);
    const small = await run("quantize in.onnx -o q.onnx --algorithm static --calibration all.json --adapter cpu");
    expect([small.code, small.stderr]).toEqual([0, expect.any(String)]);
    expect(files()).toEqual(["a.json", "all.json", "b.json", "in.onnx", "q.onnx"]);
    const again = await run(`calibrate in.onnx --synthetic 1 ${options} -o a.json`);
    expect(again.code).not.toBe(0);
    writeFileSync(at("bad.json"), "{}");
    const bad = await run("calibrate in.onnx --merge a.json bad.json -o c.json");
    expect([bad.code === 0, bad.stderr]).toEqual([false, expect.stringContaining("bad.json")]);
    expect(files()).not.toContain("c.json");
  });
});
