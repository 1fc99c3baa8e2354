import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { forEachGraph, mapGraphs } from "../../../src/formats/onnx/graphs.ts";
import type { OnnxModel, OnnxTensor } from "../../../src/formats/onnx/ir.ts";
import { layoutOnnx, type LayoutOptions } from "../../../src/formats/onnx/layout.ts";
import { setMetadata } from "../../../src/formats/onnx/make.ts";
import { readOnnx } from "../../../src/formats/onnx/read.ts";
import { readTensorBytes } from "../../../src/formats/onnx/tensor-data.ts";
import { writeLayout } from "../../../src/formats/onnx/write.ts";
import { toMemory } from "../../../src/formats/sources/memory.ts";
import { bytesOf, realModels, runModel, sourceOf } from "./real-models.ts";

async function written(model: OnnxModel, options?: LayoutOptions) {
  const layout = layoutOnnx(model, options);
  const sink = toMemory("out.onnx");
  await writeLayout(layout, sink);
  await sink.commit();
  expect(sink.bytes().length).toBe(layout.main.size);
  return { layout, bytes: sink.bytes(), siblings: sink.siblings(), source: await sink.asSource() };
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

type Outputs = Awaited<ReturnType<typeof runModel>>;

function expectSameOutputs(actual: Outputs, expected: Outputs): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, { buffer, byteOffset, byteLength }] of Object.entries(expected)) {
    const other = actual[name];
    const bytes = other && new Uint8Array(other.buffer, other.byteOffset, other.byteLength);
    expect(bytes && sameBytes(bytes, new Uint8Array(buffer, byteOffset, byteLength)), name).toBe(true);
  }
}

async function expectSameTensors(actual: OnnxModel, expected: OnnxModel): Promise<void> {
  const before = tensorsOf(expected);
  const after = tensorsOf(actual);
  expect(after.length).toBe(before.length);
  for (const [index, original] of before.entries()) {
    const tensor = after[index];
    if (!tensor) continue;
    expect([tensor.name, tensor.dims, tensor.dataType]).toEqual([original.name, original.dims, original.dataType]);
    expect(sameBytes(await readTensorBytes(tensor), await readTensorBytes(original)), tensor.name).toBe(true);
  }
}

/** All tensors, wherever they sit. */
function tensorsOf(model: OnnxModel): readonly OnnxTensor[] {
  const tensors: OnnxTensor[] = [];
  forEachGraph(model, (graph) => {
    tensors.push(...graph.initializers);
    for (const { attributes } of graph.nodes) {
      for (const { value } of attributes) if (value.type === "tensor") tensors.push(value.value);
    }
  });
  return tensors;
}

/** Copies of all nodes, attributes, values and tensors, so that nothing is written verbatim. */
function rebuilt(model: OnnxModel): OnnxModel {
  return mapGraphs(model, (graph) => ({
    ...graph,
    nodes: graph.nodes.map((node) => ({
      ...node,
      attributes: node.attributes.map((attribute) =>
        attribute.value.type === "tensor"
          ? { ...attribute, value: { type: "tensor", value: { ...attribute.value.value } } }
          : { ...attribute },
      ),
    })),
    initializers: graph.initializers.map((tensor) => ({ ...tensor })),
    inputs: graph.inputs.map((info) => ({ ...info })),
    outputs: graph.outputs.map((info) => ({ ...info })),
    valueInfo: graph.valueInfo.map((info) => ({ ...info })),
  }));
}

describe.each(realModels)("$id", (real) => {
  it("is written byte for byte, or as an equal of the same size, when nothing changed", async () => {
    const original = bytesOf(real);
    const { bytes, layout } = await written(await readOnnx(sourceOf(real)));
    expect(layout.pending.size).toBe(0);
    expect(Math.abs(bytes.length - original.length)).toBeLessThan(16);
    if (real.id.startsWith("ocr")) expect(sameBytes(bytes, original)).toBe(true);
  });

  it("keeps weights in the file", async () => {
    const model = await readOnnx(sourceOf(real));
    const large = tensorsOf(model).filter(({ data }) => data.kind === "range");
    const inMemory = tensorsOf(model).reduce(
      (sum, { data }) => sum + (data.kind === "bytes" ? data.bytes.length : 0),
      0,
    );
    expect(large.length).toBeGreaterThan(10);
    expect(inMemory).toBeLessThan(0.1 * bytesOf(real).length);
  });

  it("computes the same when every object is encoded anew, and with external data", async () => {
    const model = setMetadata(rebuilt(await readOnnx(sourceOf(real))), { "wgslim.test": "1" });
    const expected = await runModel(bytesOf(real), real.feeds);
    const inline = await written(model);
    expectSameOutputs(await runModel(inline.bytes, real.feeds), expected);

    const again = await readOnnx(inline.source);
    expect(again.metadata).toContainEqual(["wgslim.test", "1"]);
    await expectSameTensors(again, model);

    const split = await written(model, { externalData: { fileName: "out.onnx_data" } });
    const folder = await mkdtemp(join(tmpdir(), "wgslim-onnx-"));
    try {
      await writeFile(join(folder, "out.onnx"), split.bytes);
      for (const [name, bytes] of split.siblings) await writeFile(join(folder, name), bytes);
      expectSameOutputs(await runModel(join(folder, "out.onnx"), real.feeds), expected);
    } finally {
      await rm(folder, { recursive: true });
    }
    const fromSplit = await readOnnx(split.source);
    await expectSameTensors(fromSplit, model);
    // And back into one file: nothing may still point to the data file.
    const merged = await written(fromSplit);
    expect(merged.siblings.size).toBe(0);
    expectSameOutputs(await runModel(merged.bytes, real.feeds), expected);
  });
});
