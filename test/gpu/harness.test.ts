// The harness must catch what it exists for: each of these kernels is wrong in one way.
import { describe, expect, it } from "vitest";
import type { KernelCall, KernelSpec } from "../../src/kernels/kernel.ts";
import { testDevice } from "../support/gpu.ts";
import { compareBytes, runCall, runKernelCase } from "../support/kernel-harness.ts";
import type { KernelRoom } from "../support/kernel-harness.ts";

const device = testDevice();

const bytes = (...values: number[]): Uint8Array => new Uint8Array(new Float32Array(values).buffer);

/** A kernel that shall write `i + first` to each of 100 words; `body` decides whether it does. */
function roomOf(name: string, body: string, extra: Partial<KernelRoom> = {}): KernelRoom {
  const wgsl = `
    struct Params { count: u32, first: u32 }
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(1) var<storage, read> addends: array<u32>;
    @group(0) @binding(2) var<storage, read_write> sums: array<u32>;
    @compute @workgroup_size(4)
    fn main(@builtin(workgroup_id) w: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) lane: u32) {
      let i = (w.x + n.x * (w.y + n.y * w.z)) * 4u + lane;
      ${body}
    }`;
  const spec: KernelSpec = {
    id: `test/${name}`,
    params: [
      ["count", "u32"],
      ["first", "u32"],
    ],
    bindings: [
      { name: "addends", access: "read" },
      { name: "sums", access: "read_write" },
    ],
    overrides: {},
    variants: [{ name: "portable", requires: [], wgsl }],
    tolerance: "exact",
  };
  const call: KernelCall = {
    kernel: spec.id,
    variant: "portable",
    overrides: {},
    params: { count: 98, first: 5 },
    workgroups: 25,
    cost: { bytes: 800, ops: 98 },
  };
  return {
    spec,
    reference: ({ count = 0, first = 0 }, [addends = new Uint8Array(), sums = new Uint8Array()]) => {
      const [from, to] = [new Uint32Array(addends.buffer), new Uint32Array(sums.buffer)];
      for (let i = 0; i < count; i++) to[i] = (from[i] ?? 0) + first;
    },
    cases: [{ name: "only", call, buffers: [new Uint8Array(new Uint32Array(98).map((_, i) => i * i).buffer), 98 * 4] }],
    ...extra,
  };
}

async function verdict(room: KernelRoom): Promise<string | undefined> {
  const [only] = room.cases;
  if (!only) throw new Error("no case");
  return await runKernelCase(await device(), room, only);
}

describe("runKernelCase", () => {
  it("passes a kernel that is right", async () => {
    const right = roomOf("right", "if i < params.count { sums[i] = addends[i] + params.first; }");
    expect(await verdict(right)).toBeUndefined();
  });

  it.each([
    [
      "a wrong value",
      "if i < params.count { sums[i] = addends[i] + params.first + u32(i == 71u); }",
      /"sums" word 71: got .*; 1 of 98 words differ$/,
    ],
    ["a missing tail", "if i < params.count - 1u { sums[i] = addends[i] + params.first; }", /"sums" word 97/],
    ["a missing guard", "sums[i] = addends[i] + params.first;", /"sums" was written behind its end: guard word 0/],
    [
      "trust in arrayLength",
      "if i < arrayLength(&sums) { sums[i] = addends[i] + params.first; }",
      /written behind its end/,
    ],
    [
      "a read past the end",
      "if i < params.count { sums[i] = addends[i] + params.first + (addends[i + u32(i == 97u)] - addends[i]); }",
      /"sums" (changes with|word 97)/,
    ],
    [
      "blindness to the grid",
      "let j = w.x * 4u + lane; if j < params.count { sums[j] = addends[j] + params.first; }",
      /changes with the grid/,
    ],
    [
      "workgroups too many at work",
      "if i < params.count { sums[i] = addends[i] + params.first; } else { sums[0] = i; }",
      /"sums"/,
    ],
    ["a shader that does not compile", "sums[i] = 1.0f;", /does not compile: .*near/],
  ])("catches %s", async (name, body, message) => {
    expect(await verdict(roomOf(name.replaceAll(" ", "-"), body))).toMatch(message);
  });

  it("catches a reference that writes to an input", async () => {
    const body = "if i < params.count { sums[i] = addends[i] + params.first; }";
    const room = roomOf("input-writer", body, { reference: (_, [addends]) => addends?.fill(1) });
    expect(await verdict(room)).toMatch(/read-only binding "addends"/);
  });

  it("names kernel, variant, case and adapter", async () => {
    const gpu = await device();
    expect(await verdict(roomOf("names", ""))).toContain(
      `test/names [portable] case "only" on ${gpu.profile.description}: binding "sums" word 0: got 0x00000000 (f32 0), expected 0x00000005`,
    );
  });

  it("lets a room compare in its own way", async () => {
    const room = roomOf("own-way", "", { compare: (binding, gpu, ref) => `${binding} ${gpu[0]} ${ref[0]}` });
    expect(await verdict(room)).toMatch(/binding "sums" sums 0 5$/);
  });

  it("refuses buffers that can't be bound", async () => {
    const room = roomOf("odd", "");
    const [only] = room.cases;
    if (!only || typeof only.call === "function") throw new Error("no case");
    await expect(runCall(await device(), room.spec, only.call, [new Uint8Array(6), 8])).rejects.toThrow(/6 bytes/);
  });
});

describe("compareBytes", () => {
  const loose = { relative: 1e-3, floor: 1 };

  it.each([
    [bytes(1, 2), bytes(1.0005, 2.001)],
    [bytes(1e-9), bytes(-9e-4)],
    [bytes(Number.NaN, Number.POSITIVE_INFINITY), bytes(Number.NaN, Number.POSITIVE_INFINITY)],
    [bytes(0), bytes(-0)],
  ])("accepts what is within the tolerance", (got, want) => {
    expect(compareBytes(loose, got, want)).toBeUndefined();
  });

  it.each([
    [bytes(1.01), bytes(1)],
    [bytes(Number.NaN), bytes(1)],
    [bytes(1), bytes(Number.NaN)],
    [bytes(Number.POSITIVE_INFINITY), bytes(3e38)],
    [bytes(Number.NEGATIVE_INFINITY), bytes(Number.POSITIVE_INFINITY)],
    [bytes(1, 2), bytes(1)],
  ])("refuses what is not", (got, want) => {
    expect(compareBytes(loose, got, want)).toBeTruthy();
    expect(compareBytes("exact", got, want)).toBeTruthy();
  });
});
