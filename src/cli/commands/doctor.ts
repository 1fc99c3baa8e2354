// `wgslim doctor`.
import { doctorReport } from "../../device/node-doctor.ts";
import { formatDoctor } from "../../device/doctor.ts";
import { printJson, printText } from "../print.ts";

export async function doctor(flags: { readonly json?: boolean }): Promise<void> {
  const report = await doctorReport();
  if (flags.json) printJson(report);
  else printText(formatDoctor(report));
}
