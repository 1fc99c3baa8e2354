// Prints a plan for people. The same plan always prints the same text.
import { formatBytes } from "../base/size.ts";
import type { SlotUsage } from "../base/slot.ts";
import type { Command, Plan, PlanOp } from "./types.ts";

/**
 * A plan as text: totals, memory before and after reuse, slots, and on demand every operation.
 *
 * @example console.log(formatPlan(plan, { operations: true }));
 */
export function formatPlan(plan: Plan, { operations = false }: { readonly operations?: boolean } = {}): string {
  const { units, batches, dispatches, submits, peakDeviceBytes, lowerBoundBytes, memoryBudget } = plan;
  const ratio = lowerBoundBytes > 0 ? (peakDeviceBytes / lowerBoundBytes).toFixed(2) : "1.00";
  const budget = memoryBudget === undefined ? "no budget" : `budget ${formatBytes(memoryBudget)}`;
  const lines = [
    `work    ${count(units.length, "unit")} in ${count(batches.length, "batch", "batches")}, ` +
      `${count(dispatches, "dispatch", "dispatches")} in ${count(submits, "submit")}`,
    `bytes   ${formatBytes(plan.bytesIn)} in, ${formatBytes(plan.bytesOut)} out`,
    `memory  ${formatBytes(plan.unsharedBytes)} before reuse, ${formatBytes(peakDeviceBytes)} after ` +
      `(${ratio} of the lower bound ${formatBytes(lowerBoundBytes)}; ${budget})`,
    `slots   ${slotSummary(plan)}`,
    `device  about ${formatSeconds(plan.estimatedSeconds)} of computing on ${plan.adapterClass}`,
    ...plan.warnings.map((warning) => `warning ${warning}`),
  ];
  if (operations) lines.push(...plan.ops.map((op, index) => `${String(index).padStart(4)}  ${formatOp(op, plan)}`));
  return lines.join("\n");
}

function slotSummary({ slots }: Plan): string {
  const usages: readonly SlotUsage[] = ["storage", "upload", "readback", "uniform"];
  const parts = usages.flatMap((usage) => {
    const own = slots.filter((slot) => slot.usage === usage);
    return own.length > 0 ? [`${own.length} ${usage}`] : [];
  });
  return parts.length > 0 ? parts.join(", ") : "none";
}

function formatOp(op: PlanOp, plan: Plan): string {
  if (op.kind === "create" || op.kind === "destroy") {
    const named = op.slots.map((id) => {
      const slot = plan.slots[id];
      return op.kind === "create" && slot ? `#${id} ${slot.usage} ${formatBytes(slot.bytes)}` : `#${id}`;
    });
    return `${op.kind.padEnd(8)}${named.join(", ")}`;
  }
  if (op.kind === "submit") {
    return `submit  batch ${op.batch}: ${op.commands.map((command) => formatCommand(command, plan)).join("; ")}`;
  }
  const labels = plan.batches[op.batch]?.units.map((unit) => plan.units[unit]?.label ?? "") ?? [];
  const slot = op.slot === undefined ? "" : ` #${op.slot}`;
  return `${op.kind.padEnd(8)}batch ${op.batch}${slot} (${shorten(labels)})`;
}

function formatCommand(command: Command, { calls }: Plan): string {
  if (command.kind === "copy") return `copy #${command.from} > #${command.to} ${formatBytes(command.bytes)}`;
  if (command.kind === "clear") return `clear #${command.slot} ${formatBytes(command.bytes)}`;
  const bindings = command.bindings.map(({ slot }) => `#${slot}`).join(" ");
  return `${calls[command.call]?.kernel} ${bindings}`;
}

function shorten(labels: readonly string[]): string {
  const [first = "", second] = labels;
  if (second === undefined) return first;
  return `${first} and ${labels.length - 1} more`;
}

function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

function formatSeconds(seconds: number): string {
  return seconds < 1 ? `${Number((seconds * 1000).toPrecision(2))} ms` : `${Number(seconds.toPrecision(2))} s`;
}
