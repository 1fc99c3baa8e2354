// The pipeline of `quantize` with a copy kernel in place of all its kernels: what reading, uploading,
// reading back and writing cost by themselves. Same plan of units, same chunks, same output file laid out
// and written in place, input and output hashed, output read again. No decoding: there is nothing to prove.
import type { ByteSource } from "../base/bytes.ts";
import { InternalError } from "../base/errors.ts";
import { openModel } from "../compress/open-model.ts";
import { planCompression, type CompressionPlan } from "../compress/plan-compression.ts";
import { readRows } from "../compress/read-rows.ts";
import { writeLayout } from "../formats/onnx/write.ts";
import { copyWordsCall } from "../kernels/util/copy-words.ts";
import { fromFile, toFile } from "../node-files.ts";
import { hashSource } from "../node-hash.ts";
import { openNodeBackend } from "../node-quantize.ts";
import { planUnits } from "../plan/plan-units.ts";
import type { Plan, WorkUnit } from "../plan/types.ts";
import type { DeviceProfile } from "../base/profile.ts";
import { runPlan } from "../run/run-plan.ts";
import { readThrough } from "./synthetic-model.ts";

/** Carries a model through unchanged work; the output has the size of int4, and its weights mean nothing. */
export async function identityFile(input: string, output: string): Promise<void> {
  const source = await fromFile(input);
  const opened = await openNodeBackend({ adapter: "webgpu" });
  try {
    const model = await openModel(source);
    const planned = planCompression(model, opened.backend.profile, {
      format: "int4",
      formatOptions: { search: { kind: "absmax" } },
    });
    const sink = await toFile(output, { force: true });
    try {
      const targets = await writeLayout(planned.job.layout, sink);
      const byUnit = new Map(planned.job.results.map((result) => [result.unit, result]));
      await runPlan(identityPlan(planned, opened.backend.profile), opened.backend, {
        read: async (key, ref, into) => {
          const tensor = planned.job.sources.get(key);
          if (!tensor) throw new InternalError(`No source "${key}".`);
          await readRows(tensor, ref, into);
        },
        deliver: async (unit, results) => {
          const { packed, chunk, parts } = byUnit.get(unit) ?? {};
          for (const name of ["codes", "scales", "zeroPoints"] as const) {
            const place = targets.get(packed?.parts[name]?.key ?? "");
            const bytes = results.get(parts?.[name] ?? "");
            const at = chunk?.placements[name];
            if (place && bytes && at) await place.sink.writeAt(place.offset + at.offset, bytes);
          }
        },
      });
      const written = await sink.asSource();
      await readThroughSource(written);
      await written.close?.();
      await sink.commit();
    } catch (error) {
      await sink.discard();
      throw error;
    }
    const hashed = await fromFile(output);
    await hashSource(source);
    await hashSource(hashed);
    await hashed.close?.();
  } finally {
    opened.dispose();
    await source.close?.();
  }
}

/** The same units with one step each. */
function identityPlan({ plan, job }: CompressionPlan, profile: DeviceProfile): Plan {
  const downloads = plan.batches.flatMap((batch) => batch.downloads);
  const units = job.results.map(({ unit, chunk }, index): WorkUnit => {
    const bytes = chunk.elements * 4;
    return {
      id: unit,
      label: unit,
      buffers: { source: bytes, copied: bytes },
      uploads: [{ buffer: "source", data: chunk.read }],
      steps: [{ call: copyWordsCall(chunk.elements), bindings: ["source", "copied"] }],
      downloads: downloads
        .filter((download) => download.unit === index)
        .map((download) => ({ buffer: "copied", offset: 0, bytes: download.bytes, target: download.target })),
    };
  });
  return planUnits(units, profile);
}

async function readThroughSource(source: ByteSource): Promise<void> {
  const window = 4 * 2 ** 20;
  for (let at = 0; at < source.size; at += window) await source.read(at, Math.min(window, source.size - at));
}

/** Reads all of the input and writes as many bytes as the output has: no device, no hashes. */
export async function readAndWrite(input: string, output: string, outputBytes: number): Promise<void> {
  await readThrough(input);
  const sink = await toFile(output, { force: true });
  await sink.allocate(outputBytes);
  const bytes = new Uint8Array(4 * 2 ** 20);
  for (let at = 0; at < outputBytes; at += bytes.length) {
    await sink.writeAt(at, bytes.subarray(0, Math.min(bytes.length, outputBytes - at)));
  }
  await sink.commit();
}
