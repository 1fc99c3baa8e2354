import { describe, expect, it } from "vitest";
import type { ByteSource } from "../../../src/base/bytes.ts";
import { FormatError, WgslimError } from "../../../src/base/errors.ts";
import { readOnnx } from "../../../src/formats/onnx/read.ts";
import {
  block,
  fixed32,
  initializer,
  input,
  int,
  model,
  node,
  output,
  source,
  text,
  varint,
  type Bytes,
} from "./protobuf.ts";
import { bytesOf, realModels } from "./real-models.ts";

const attribute = (name: string, type: number, ...fields: readonly Bytes[]): Bytes =>
  block(5, text(1, name), int(20, type), ...fields);
/** An attribute as IR version 1 has it, without a type. */
const untyped = (name: string, ...fields: readonly Bytes[]): Bytes => block(5, text(1, name), ...fields);
const read = (...graph: readonly Bytes[]) => readOnnx(source(model(...graph)));
const weight = initializer("w", 3, [1], block(9, [1]));

describe("files that are no models", () => {
  const files: Readonly<Record<string, Uint8Array>> = {
    empty: new Uint8Array(0),
    "one byte": Uint8Array.of(8),
    text: new TextEncoder().encode("<!DOCTYPE html><html><body>404</body></html>"),
    zeros: new Uint8Array(1000),
    "all ones": new Uint8Array(1000).fill(255),
    "a PNG": Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13),
    "an IR version and nothing more": Uint8Array.from(int(1, 8)),
    "a graph without an IR version": Uint8Array.from(block(7, weight)),
    "two graphs": Uint8Array.from([...int(1, 8), ...block(7, weight), ...block(7, weight)]),
    "a graph that is a number": Uint8Array.from([...int(1, 8), ...int(7, 1)]),
    "a length beyond the file": Uint8Array.from([...int(1, 8), 58, ...varint(2 ** 40)]),
    "a length beyond 2^63": Uint8Array.from([...int(1, 8), 58, ...varint(2n ** 64n - 1n)]),
    "a varint without end": Uint8Array.from([8, ...Array.from({ length: 30 }, () => 0x80)]),
    "an IR version beyond 2^53": Uint8Array.from([...int(1, 2n ** 60n), ...block(7, weight)]),
    "a group": Uint8Array.from([...int(1, 8), ...varint(50 * 8 + 3), ...varint(50 * 8 + 4)]),
    "field 0": Uint8Array.from([0, 0]),
  };
  it.each(Object.keys(files))("%s", async (name) => {
    const error: unknown = await readOnnx(source(files[name] ?? new Uint8Array(0))).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(FormatError);
    expect(error).toMatchObject({ message: expect.stringContaining("test.onnx"), details: { file: "test.onnx" } });
  });
});

describe("graphs that break the rules", () => {
  const cases: readonly (readonly [string, RegExp, readonly Bytes[]])[] = [
    ["two initializers of one name", /two initializers named "w"/, [weight, weight]],
    [
      "two nodes with one output",
      /two definitions of "y"/,
      [input("x"), node("A", ["x"], ["y"]), node("B", ["x"], ["y"])],
    ],
    ["an output that an initializer defines", /two definitions of "w"/, [weight, input("x"), node("A", ["x"], ["w"])]],
    ["two inputs of one name", /two definitions of "x"/, [input("x"), input("x")]],
    [
      "a cycle",
      /a cycle through .*\(B\).*\(C\)/,
      [input("x"), node("A", ["x"], ["a"]), node("B", ["a", "c"], ["b"]), node("C", ["b"], ["c"])],
    ],
    ["a node that feeds itself", /a cycle through node 0 \(A\) -> node 0 \(A\)/, [node("A", ["a"], ["a"])]],
    [
      "a consumer before its producer",
      /node 0 \(B\) before node 1 \(A\)/,
      [input("x"), node("B", ["a"], ["b"]), node("A", ["x"], ["a"])],
    ],
    ["a value that nothing makes", /uses "ghost"/, [node("A", ["ghost"], ["a"])]],
    ["an output that nothing makes", /the output "ghost"/, [output("ghost")]],
    ["a node without an operator", /no operator type in node 0/, [block(1, text(2, "y"))]],
    ["an initializer without a name", /no name in initializer 0/, [initializer("", 3, [1], block(9, [1]))]],
    ["an input without a name", /no name in input 0/, [block(11)]],
    ["a name that is not UTF-8", /not UTF-8/, [block(1, block(1, [0xff, 0xfe]))]],
    [
      "a tensor attribute without a tensor",
      /attribute "value" of node 0/,
      [node("Constant", [], ["y"], attribute("value", 4))],
    ],
    ["floats cut short", /floats/, [node("A", [], ["y"], attribute("f", 6, block(7, [1, 2, 3])))]],
    [
      "two definitions inside a sub-graph",
      /in graph "body"/,
      [
        input("x"),
        node(
          "If",
          ["x"],
          ["y"],
          attribute("then_branch", 5, block(6, text(2, "body"), node("A", ["x"], ["t"]), node("A", ["x"], ["t"]))),
        ),
      ],
    ],
  ];
  it.each(cases)("%s", async (_, message, graph) => {
    await expect(read(...graph)).rejects.toThrow(FormatError);
    await expect(read(...graph)).rejects.toThrow(message);
  });

  it("accepts what ONNX allows: defaults of inputs, outer values in bodies, hidden names, sparse constants", async () => {
    const body = block(6, text(2, "body"), node("A", ["x", "w", "s"], ["y0"]), output("y0"));
    const sparse = block(15, block(1, text(8, "s")));
    const { graph } = await read(
      input("x"),
      input("w"),
      weight,
      sparse,
      node("If", ["x"], ["y"], attribute("then_branch", 5, body), attribute("else_branch", 5, body)),
      node("A", ["", "y"], ["y0", ""]),
      output("y0"),
      output("x"),
    );
    expect(graph.sparseNames).toEqual(["s"]);
    expect(graph.unknown?.map(({ field }) => field)).toEqual([15]);
  });

  it("names a long cycle and finds it in a long graph without overflowing the stack", async () => {
    const count = 20_000;
    const nodes = Array.from({ length: count }, (_, i) => node("A", [`v${(i + count - 1) % count}`], [`v${i}`]));
    const bytes = Uint8Array.from([
      ...int(1, 8),
      ...varint(58),
      ...varint(nodes.reduce((sum, { length }) => sum + length, 0)),
    ]);
    const file = new Uint8Array(Buffer.concat([bytes, ...nodes.map((bytesOfNode) => Uint8Array.from(bytesOfNode))]));
    await expect(readOnnx(source(file))).rejects.toThrow(/a cycle through/);
  });
});

/** A length-delimited field around `content`, after `before`. */
const wrap = (field: number, before: Bytes, content: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.from([...before, ...varint(field * 8 + 2), ...varint(content.length)]), content]);

/** A model of Ifs within Ifs. */
function nested(depth: number): Uint8Array {
  let inner: Uint8Array = Uint8Array.from(node("A", [], ["y"]));
  for (let i = 0; i < depth; i++) inner = wrap(1, [], wrap(5, text(4, "If"), wrap(6, text(1, "then_branch"), inner)));
  return wrap(7, int(1, 8), inner);
}

describe("nesting", () => {
  it("of 64 graphs is read, of more refused", async () => {
    await expect(readOnnx(source(nested(64)))).resolves.toBeDefined();
    await expect(readOnnx(source(nested(65)))).rejects.toThrow(/deeper than 64/);
    await expect(readOnnx(source(nested(3000)))).rejects.toThrow(/deeper than 64/);
  });
});

describe("attributes", () => {
  it("without a type (IR version 1) are told by their field", async () => {
    const { graph } = await read(
      node(
        "A",
        [],
        ["y"],
        untyped("i", int(3, -7)),
        untyped("f", fixed32(2, 0.5)),
        untyped("is", int(8, 1), block(8, [2, 3])),
      ),
    );
    expect(graph.nodes[0]?.attributes.map(({ name, value }) => [name, value])).toEqual([
      ["i", { type: "int", value: -7n }],
      ["f", { type: "float", value: 0.5 }],
      ["is", { type: "ints", value: [1n, 2n, 3n] }],
    ]);
  });

  it("that leave out a zero (proto3) have it", async () => {
    const { graph } = await read(
      node("A", [], ["y"], attribute("i", 2), attribute("f", 1), attribute("s", 3), attribute("is", 7)),
    );
    expect(graph.nodes[0]?.attributes.map(({ value }) => value)).toEqual([
      { type: "int", value: 0n },
      { type: "float", value: 0 },
      { type: "string", value: new Uint8Array(0) },
      { type: "ints", value: [] },
    ]);
  });
});

/** Fails the test when a reader asks for more than the file has, or does not come to an end. */
function watched(bytes: Uint8Array): ByteSource {
  let reads = 0;
  const inner = source(bytes);
  return {
    ...inner,
    read(offset, length, signal) {
      if (++reads > 10_000) throw new Error("the reader does not come to an end");
      if (offset + length > bytes.length) throw new Error(`asked for ${length} bytes at ${offset}`);
      return inner.read(offset, length, signal);
    },
  };
}

function flip(bytes: Uint8Array, at: number, bit: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
}

describe("mutations of real models", () => {
  const small = realModels.filter(({ id }) => ["fashion-cnn", "ocr-cls", "vad"].includes(id));
  it.each(small)("$id: typed errors or success", async (real) => {
    const rounds = real.id === "fashion-cnn" ? 1000 : 300;
    const original = bytesOf(real);
    let state = 0x9e3779b9 ^ original.length;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    // Structure lies at both ends and between the weights: most mutations aim at places that hold it.
    const model_ = await readOnnx(source(original));
    const places = model_.graph.nodes.flatMap(({ raw }) => (raw ? [raw.offset - 3, raw.offset, raw.offset + 9] : []));
    const aim = (): number => {
      const place = places[random(places.length)];
      const at = place === undefined || random(4) === 0 ? random(original.length) : place + random(24);
      return Math.min(at, original.length - 1);
    };
    const outcomes = { read: 0, refused: 0 };
    for (let round = 0; round < rounds; round++) {
      let bytes = original.slice();
      const kind = round % 4;
      if (kind === 0) bytes = bytes.subarray(0, random(3) === 0 ? random(200) : random(bytes.length));
      else if (kind === 1) for (let i = 0; i <= random(8); i++) flip(bytes, aim(), random(8));
      else if (kind === 2) {
        const at = aim();
        const hostile = [
          varint(2 ** 31),
          varint(2n ** 63n),
          varint(2n ** 64n - 1n),
          varint(random(1 << 20)),
          varint(2 ** 53),
        ];
        bytes.set((hostile[random(hostile.length)] ?? []).slice(0, bytes.length - at), at);
      } else {
        const [to, from] = [aim(), aim()];
        bytes.copyWithin(to, from, from + random(300));
      }
      try {
        await readOnnx(watched(bytes));
        outcomes.read++;
      } catch (error) {
        if (!(error instanceof WgslimError)) throw new Error(`round ${round}`, { cause: error });
        expect(["FORMAT", "UNSUPPORTED"]).toContain(error.code);
        outcomes.refused++;
      }
    }
    expect(outcomes.refused).toBeGreaterThan(0.4 * rounds);
    expect(outcomes.read).toBeGreaterThan(0.01 * rounds);
  });
});
