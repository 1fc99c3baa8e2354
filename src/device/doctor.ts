// What `wgslim doctor` finds, as plain data and as text. Here also the probe for browsers; the drivers
// of Node are probed in node-doctor.ts. Opens adapters only to look at them.
import type { DeviceProfile } from "../base/profile.ts";
import { formatBytes } from "../base/size.ts";
import { readProfile } from "./profile.ts";
import { noAdapterOnWeb, platformGpu } from "./web.ts";

/** One way to an adapter: whether it is there, and what to do where it isn't. */
export interface DoctorCandidate {
  readonly driver: string;
  readonly found: boolean;
  /** Why it was found or not, one sentence. */
  readonly why: string;
  /** What it would need; absent where found. */
  readonly remedy?: string;
  readonly profile?: DeviceProfile;
  /** Optional features that wgslim would use and the adapter lacks. */
  readonly lacks?: readonly string[];
}

export interface DoctorReport {
  /** Name and value of what influences the choice: versions, system, environment variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** In order of preference. */
  readonly candidates: readonly DoctorCandidate[];
  /** The candidate that `openDevice()` takes, and why; absent where there is none. */
  readonly chosen?: { readonly driver: string; readonly why: string };
}

const useful = ["shader-f16", "subgroups", "timestamp-query"];

/** Looks at the adapter of `navigator.gpu`. Never throws: what is wrong stands in the report. */
export async function doctorReport(): Promise<DoctorReport> {
  const gpu = platformGpu();
  const adapter = await gpu?.requestAdapter().catch(() => null);
  const candidate: DoctorCandidate = adapter
    ? foundCandidate("browser", readProfile(adapter, adapter.info))
    : missingCandidate("browser", noAdapterOnWeb(gpu !== undefined));
  const agent = (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent;
  return {
    environment: agent ? { browser: agent } : {},
    candidates: [candidate],
    ...(adapter ? { chosen: { driver: "browser", why: "It is the only one that a page can use." } } : {}),
  };
}

/** A candidate with an adapter. */
export function foundCandidate(driver: string, profile: DeviceProfile): DoctorCandidate {
  return {
    driver,
    found: true,
    why: `${profile.description} (${profile.adapterClass})`,
    profile,
    lacks: useful.filter((feature) => !profile.features.includes(feature)),
  };
}

function missingCandidate(driver: string, error: { message: string; hint: string | undefined }): DoctorCandidate {
  return { driver, found: false, why: error.message, ...(error.hint ? { remedy: error.hint } : {}) };
}

/** The report as lines for a terminal. */
export function formatDoctor(report: DoctorReport): string {
  const lines: string[] = [];
  const names = Object.keys(report.environment);
  const width = Math.max(0, ...names.map((name) => name.length));
  for (const name of names) lines.push(`${name.padEnd(width)}  ${report.environment[name]}`);
  for (const candidate of report.candidates) {
    lines.push("", `${candidate.found ? "[x]" : "[ ]"} ${candidate.driver}: ${candidate.why}`);
    if (candidate.remedy) lines.push(`    to get it: ${candidate.remedy}`);
    if (candidate.profile) lines.push(...describeProfile(candidate.profile, candidate.lacks ?? []));
  }
  const { chosen } = report;
  lines.push("", chosen ? `Chosen: ${chosen.driver}. ${chosen.why}` : "No adapter: wgslim can't compute here.");
  return lines.join("\n");
}

function describeProfile({ limits, features, subgroupSize }: DeviceProfile, lacks: readonly string[]): string[] {
  const has = useful.filter((feature) => features.includes(feature));
  const subgroups = subgroupSize ? ` (subgroups of ${subgroupSize.min} to ${subgroupSize.max})` : "";
  return [
    `    features: ${has.join(", ") || "none"}${subgroups}${lacks.length > 0 ? `; lacks ${lacks.join(", ")}` : ""}`,
    `    limits: binding ${formatBytes(limits.maxStorageBufferBindingSize)}, ` +
      `buffer ${formatBytes(limits.maxBufferSize)}, ` +
      `${limits.maxStorageBuffersPerShaderStage} storage buffers, ` +
      `${limits.maxComputeInvocationsPerWorkgroup} invocations, ` +
      `${formatBytes(limits.maxComputeWorkgroupStorageSize)} of workgroup memory`,
  ];
}
