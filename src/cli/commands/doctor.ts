// `wgslim doctor`.
import { doctorReport } from "../../device/node-doctor.ts";
import { formatDoctor } from "../../device/doctor.ts";

export async function doctor(flags: { readonly json?: boolean }): Promise<void> {
  const report = await doctorReport();
  process.stdout.write(`${flags.json ? JSON.stringify(report, undefined, 2) : formatDoctor(report)}\n`);
}
