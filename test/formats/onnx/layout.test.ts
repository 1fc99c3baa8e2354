import { describe, expect, it } from "vitest";
import type { ByteSink, ByteSource } from "../../../src/base/bytes.ts";
import { AbortedError, FormatError, OutOfMemoryError, UnsupportedError, UsageError } from "../../../src/base/errors.ts";
import { getFloat, getGraph, getInt, getInts, getString, getTensor } from "../../../src/formats/onnx/attributes.ts";
import { dtypeOf, onnxTypeOf } from "../../../src/formats/onnx/dtypes.ts";
import { OnnxType, type OnnxModel, type OnnxTensor } from "../../../src/formats/onnx/ir.ts";
import { layoutOnnx, type FileExtent } from "../../../src/formats/onnx/layout.ts";
import * as make from "../../../src/formats/onnx/make.ts";
import { readOnnx } from "../../../src/formats/onnx/read.ts";
import { readTensorBytes } from "../../../src/formats/onnx/tensor-data.ts";
import { writeLayout } from "../../../src/formats/onnx/write.ts";
import { toMemory } from "../../../src/formats/sources/memory.ts";
import {
  block,
  input,
  int,
  model as protobufModel,
  node as protobufNode,
  source as sourceOf,
  text,
} from "./protobuf.ts";

const T = OnnxType;
const withWeights = (...initializers: readonly OnnxTensor[]): OnnxModel =>
  make.makeModel({
    irVersion: 10,
    opsets: [{ domain: "", version: 21 }],
    graph: make.makeGraph({
      nodes: [make.makeNode({ opType: "Identity", inputs: ["x"], outputs: ["y"] })],
      inputs: [make.makeValueInfo("x", T.FLOAT, ["batch", 3, undefined])],
      outputs: [make.makeValueInfo("y", T.FLOAT)],
      initializers,
    }),
  });
const pending = (name: string, key: string, length: number): OnnxTensor =>
  make.makeTensor(name, T.UINT8, [length], { kind: "pending", key, length });

/** Segments must tile a file. */
function expectTiled({ segments, size }: FileExtent): void {
  let at = 0;
  for (const segment of segments) {
    expect(segment.offset).toBe(at);
    at +=
      segment.kind === "bytes" ? segment.bytes.length : segment.kind === "copy" ? segment.range.length : segment.length;
  }
  expect(at).toBe(size);
}

async function write(model: OnnxModel, options?: Parameters<typeof layoutOnnx>[1]) {
  const sink = toMemory("out.onnx");
  const layout = layoutOnnx(model, options);
  expectTiled(layout.main);
  if (layout.external) expectTiled(layout.external);
  const targets = await writeLayout(layout, sink);
  return { sink, layout, targets };
}

describe("a model made by hand", () => {
  const subgraph = make.makeGraph({ name: "body", nodes: [], inputs: [], outputs: [] });
  const attributes = [
    make.makeAttributeInt("int", -(2n ** 63n)),
    make.makeAttributeInt("axis", -1),
    make.makeAttributeFloat("float", 0.1),
    make.makeAttributeString("string", "ä"),
    make.makeAttributeInts("ints", [1, -1, 2n ** 62n]),
    make.makeAttributeFloats("floats", [1, Number.NEGATIVE_INFINITY]),
    make.makeAttributeStrings("strings", ["", "b"]),
    make.makeAttributeTensor("tensor", make.makeTensor("", T.INT4, [3], Uint8Array.of(0x21, 3))),
    make.makeAttributeGraph("graph", subgraph),
  ];
  const made: OnnxModel = {
    ...make.setMetadata(
      withWeights(
        make.makeTensor("s", T.STRING, [2], { kind: "strings", values: [Uint8Array.of(), Uint8Array.of(255)] }),
      ),
      {
        "a key": "a value",
      },
    ),
    producerName: "p",
    producerVersion: "v",
    domain: "d",
    modelVersion: -1n,
    docString: "doc",
  };
  const model: OnnxModel = {
    ...made,
    graph: {
      ...made.graph,
      docString: "graph doc",
      nodes: [
        make.makeNode({
          opType: "Op",
          domain: "my.domain",
          name: "n",
          inputs: ["x", "", "s"],
          outputs: ["y", ""],
          attributes,
          docString: "node doc",
        }),
      ],
      valueInfo: [
        {
          name: "v",
          tensor: { dataType: T.INT8, dims: [2, "N"], denotation: "TENSOR", dimDenotations: [undefined, "BATCH"] },
          docString: "value doc",
        },
        { name: "bare" },
      ],
    },
  };

  it("comes back the same", async () => {
    const { sink } = await write(model);
    const again = await readOnnx(await sink.asSource());
    const bare = JSON.stringify(again, (key, value: unknown) =>
      key === "raw" ? undefined : typeof value === "bigint" ? `${value}n` : value,
    );
    const float = Math.fround(0.1);
    const expected = JSON.stringify({ ...model, graph: { ...model.graph } }, (_, value: unknown) =>
      value === 0.1 ? float : typeof value === "bigint" ? `${value}n` : value,
    );
    expect(JSON.parse(bare)).toEqual(JSON.parse(expected));
  });

  it("is asked for its attributes by type", async () => {
    const { sink } = await write(model);
    const [node] = (await readOnnx(await sink.asSource())).graph.nodes;
    if (!node) throw new Error("no node");
    expect(getInt(node, "axis", 0)).toBe(-1);
    expect(getInt(node, "absent", 5)).toBe(5);
    expect(getInt(node, "absent")).toBeUndefined();
    expect(getFloat(node, "float")).toBe(Math.fround(0.1));
    expect(getString(node, "string")).toBe("ä");
    expect(getTensor(node, "tensor")?.dims).toEqual([3]);
    expect(getGraph(node, "graph")?.name).toBe("body");
    expect(() => getInt(node, "int")).toThrow(FormatError);
    expect(() => getInts(node, "ints")).toThrow(FormatError);
    expect(() => getInt(node, "string")).toThrow(FormatError);
  });
});

describe("what the reader made", () => {
  const unknownFields = [...int(200, 7), ...block(201, [1, 2, 3])];
  const file = protobufModel(
    protobufNode("A", ["x"], ["a"], text(3, "first"), unknownFields),
    protobufNode("B", ["a"], ["b"], unknownFields, block(5, text(1, "p"), int(20, 2), int(3, 5), unknownFields)),
    input("x"),
    unknownFields,
  );

  it("is copied in one stretch where nothing changed", async () => {
    const { layout } = await write(await readOnnx(sourceOf(file)));
    expect(layout.main.segments.filter(({ kind }) => kind === "copy")).toHaveLength(1);
  });

  it("is encoded anew after a change, even by a copy that drags `raw` along, with unknown fields", async () => {
    const model = await readOnnx(sourceOf(file));
    const nodes = model.graph.nodes.map((node) => ({ ...node, name: `${node.name}!` }));
    const { sink } = await write({ ...model, graph: { ...model.graph, nodes } });
    const again = await readOnnx(await sink.asSource());
    expect(again.graph.nodes.map(({ name }) => name)).toEqual(["first!", "!"]);
    for (const node of again.graph.nodes) {
      expect(node.unknown).toEqual([
        { field: 200, payload: Uint8Array.from(int(200, 7)) },
        { field: 201, payload: Uint8Array.from(block(201, [1, 2, 3])) },
      ]);
    }
    expect(again.graph.nodes[1]?.attributes[0]?.unknown).toHaveLength(2);
    expect(again.graph.unknown).toHaveLength(2);
  });
});

describe("pending tensors", () => {
  it("get their places before they are computed, and may come in any order", async () => {
    const model = withWeights(
      make.makeTensor("small", T.UINT8, [3], Uint8Array.of(1, 2, 3)),
      pending("b", "key b", 5000),
      pending("a", "key a", 10),
      pending("none", "key none", 0),
    );
    for (const options of [{}, { externalData: { fileName: "data" } }]) {
      const { sink, targets } = await write(model, options);
      for (const key of ["key a", "key b"]) {
        const target = targets.get(key);
        if (!target) throw new Error(key);
        const fill = key === "key a" ? 0xaa : 0xbb;
        for (let at = target.length - 5; at >= 0; at -= 5) {
          await target.sink.writeAt(target.offset + at, new Uint8Array(5).fill(fill));
        }
      }
      expect(targets.get("key none")?.length).toBe(0);
      await sink.commit();
      const { graph } = await readOnnx(await sink.asSource());
      const bytes = await Promise.all(graph.initializers.map((tensor) => readTensorBytes(tensor)));
      expect(bytes[1]).toEqual(new Uint8Array(5000).fill(0xbb));
      expect(bytes[2]).toEqual(new Uint8Array(10).fill(0xaa));
      expect(graph.initializers[1]?.data).toMatchObject({ kind: "range" });
      expect(sink.siblings().size).toBe("externalData" in options ? 1 : 0);
    }
  });

  it("may be delivered at once", async () => {
    const sink = toMemory();
    await writeLayout(layoutOnnx(withWeights(pending("a", "k", 2000))), sink, {
      pending: (_, length) => new Uint8Array(length).fill(9),
    });
    const [tensor] = (await readOnnx(await sink.asSource())).graph.initializers;
    expect(tensor && (await readTensorBytes(tensor))).toEqual(new Uint8Array(2000).fill(9));
  });

  it("may not share a key", () => {
    expect(() => layoutOnnx(withWeights(pending("a", "k", 1), pending("b", "k", 1)))).toThrow(UsageError);
  });
});

describe("external data", () => {
  it("is aligned, above the threshold only, and may be left out", async () => {
    const sizes = [100, 2000, 3000, 1024 * 1024, 5000];
    const model = withWeights(
      ...sizes.map((size, i) => make.makeTensor(`w${i}`, T.UINT8, [size], new Uint8Array(size).fill(i + 1))),
    );
    const { layout, sink } = await write(model, { externalData: { fileName: "m.data" } });
    await sink.commit();
    const again = await readOnnx(await sink.asSource());
    const offsets = again.graph.initializers.map(({ data }) =>
      data.kind === "range" && data.external ? data.range.offset : -1,
    );
    expect(offsets).toEqual([-1, 0, 2048, 8192, 8192 + 1024 * 1024]);
    expect(layout.external?.size).toBe(8192 + 1024 * 1024 + 5000);
    for (const [i, tensor] of again.graph.initializers.entries())
      expect((await readTensorBytes(tensor))[99]).toBe(i + 1);

    expect(layoutOnnx(model, { externalData: { fileName: "m.data", when: "needed" } }).external).toBeUndefined();
    expect(
      layoutOnnx(model, { externalData: { fileName: "m.data", thresholdBytes: 2 ** 30 } }).external,
    ).toBeUndefined();
  });

  it.each(["", "../m", "a/b", "/m", "./m", "C:m"])("can't be called %j", (fileName) => {
    expect(() => layoutOnnx(withWeights(), { externalData: { fileName } })).toThrow(UsageError);
  });
});

const mark = 65536;
/** Gigabytes that exist only when read: every 64 KiB begins with its own position. */
function endless(size: number): ByteSource {
  return {
    name: "endless",
    size,
    async read(offset, length) {
      if (offset + length > size) throw new Error("past the end");
      const bytes = new Uint8Array(length);
      const view = new DataView(bytes.buffer);
      for (let at = Math.ceil(offset / mark) * mark; at + 8 <= offset + length; at += mark) {
        view.setFloat64(at - offset, at);
      }
      return bytes;
    },
  };
}

const sizeWith = (total: number): number => layoutOnnx(withWeights(pending("c", "c", total))).main.size;

describe("more than 2 GiB", () => {
  const gib = 2 ** 30;
  const range = (name: string, offset: number, length: number): OnnxTensor =>
    make.makeTensor(name, T.FLOAT, [length / 4], {
      kind: "range",
      range: { source: endless(5 * gib), offset, length },
    });
  const model = withWeights(range("a", 0, 3 * gib), range("b", 3 * gib, gib), pending("c", "c", gib));

  it("needs external data, which may be asked for only then", () => {
    expect(() => layoutOnnx(model)).toThrow(UnsupportedError);
    const layout = layoutOnnx(model, { externalData: { fileName: "data", when: "needed" } });
    expect(layout.external?.size).toBe(5 * gib);
    expect(layout.main.size).toBeLessThan(1000);
    expect(layout.pending.get("c")).toEqual({ file: "external", offset: 4 * gib, length: gib });
  });

  it("fits below 2 GiB exactly", () => {
    const overhead = sizeWith(gib) - gib;
    expect(sizeWith(2 ** 31 - 1 - overhead)).toBe(2 ** 31 - 1);
    expect(() => sizeWith(2 ** 31 - overhead)).toThrow(UnsupportedError);
  });

  it("is copied in bounded chunks", async () => {
    const largest = { chunk: 0, written: 0 };
    const seen = (main: boolean): ByteSink => ({
      name: "checked",
      async writeAt(offset, bytes) {
        largest.chunk = Math.max(largest.chunk, bytes.length);
        if (main) return;
        largest.written += bytes.length;
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        for (let at = 0; at < bytes.length; at += mark) {
          if (view.getFloat64(at) !== offset + at) throw new Error(`wrong bytes at ${offset + at}`);
        }
      },
      allocate: async () => undefined,
      sibling: async () => seen(false),
      commit: async () => undefined,
      discard: async () => undefined,
      asSource: () => Promise.reject(new Error("not readable")),
    });
    const layout = layoutOnnx(model, { externalData: { fileName: "data" } });
    await writeLayout(layout, seen(true));
    expect(largest).toEqual({ chunk: 4 * 2 ** 20, written: 4 * gib });
    await expect(writeLayout(layout, seen(true), { signal: AbortSignal.abort() })).rejects.toThrow(AbortedError);
  });

  it("is not read into memory by accident", async () => {
    await expect(readTensorBytes(range("a", 0, 3 * gib))).rejects.toThrow(OutOfMemoryError);
    await expect(readTensorBytes(pending("c", "c", 4))).rejects.toThrow(UnsupportedError);
    expect(await readTensorBytes(range("a", 8, 400), { maxBytes: 400 })).toHaveLength(400);
  });
});

it("element types map to names and back", () => {
  for (const number of Object.values(T)) expect(onnxTypeOf(dtypeOf(number))).toBe(number);
  expect(() => dtypeOf(0)).toThrow(UnsupportedError);
  expect(() => onnxTypeOf("f6e2m3")).toThrow(UnsupportedError);
});

it("operator sets are raised or added", () => {
  const model = make.setOpset(make.setOpset(withWeights(), "", 13), "com.microsoft", 1);
  expect(model.opsets).toEqual([
    { domain: "", version: 13 },
    { domain: "com.microsoft", version: 1 },
  ]);
});

it("a tensor must fit its dims", () => {
  expect(() => make.makeTensor("t", T.INT4, [3], new Uint8Array(1))).toThrow(UsageError);
  expect(() => make.makeTensor("t", T.STRING, [3], { kind: "strings", values: [] })).toThrow(UsageError);
});
