// From a batch to a model's inputs: which field feeds which input, and whether its shape and values fit.
import { UsageError } from "../base/errors.ts";
import { inputFromArray } from "../evaluate/given-inputs.ts";
import type { InputSpec, InputTensor } from "../evaluate/tensors.ts";
import type { Batch, Dataset, Field } from "./dataset.ts";

/**
 * Which field feeds which input: those named in `given`, then those of equal name, then, if one input and one field
 * that holds no labels are left, the one the other.
 * @param given fields by input
 * @throws UsageError where an input gets no field, or a name is none of the model's or the data's
 */
export function matchFields(
  specs: readonly InputSpec[],
  { name, fields, labelField }: Pick<Dataset, "name" | "fields" | "labelField">,
  given: Readonly<Record<string, string>> = {},
): ReadonlyMap<string, Field> {
  const byName = new Map(fields.map((field) => [field.name, field]));
  const matched = new Map<string, Field>();
  for (const [input, fieldName] of Object.entries(given)) {
    const field = byName.get(fieldName);
    if (!specs.some((spec) => spec.name === input)) throw missing(`The model has no input "${input}".`, specs, fields);
    if (!field) throw missing(`${name}: there is no field "${fieldName}".`, specs, fields);
    matched.set(input, field);
  }
  for (const spec of specs) {
    const field = byName.get(spec.name);
    if (field && !matched.has(spec.name)) matched.set(spec.name, field);
  }
  const taken = new Set([...matched.values()].map((field) => field.name));
  const open = specs.filter((spec) => !matched.has(spec.name));
  const [free, ...others] = fields.filter((field) => !taken.has(field.name) && field.name !== labelField);
  const [last, ...more] = open;
  if (!last) return matched;
  if (more.length > 0 || !free || others.length > 0) {
    throw missing(`${name}: no field is named like the input "${last.name}".`, specs, fields);
  }
  return matched.set(last.name, free);
}

const missing = (what: string, specs: readonly InputSpec[], fields: readonly Field[]): UsageError =>
  new UsageError(what, {
    hint:
      `The model takes ${specs.map((spec) => spec.name).join(", ")}; the data has ` +
      `${fields.map((field) => field.name).join(", ")}. Say which field feeds which input.`,
  });

/**
 * A model's inputs from a batch, in the types that the model takes.
 * @param from for messages
 * @throws UsageError where a shape or value does not fit an input
 */
export function feedsOf(
  batch: Batch,
  specs: readonly InputSpec[],
  matched: ReadonlyMap<string, Pick<Field, "name">>,
  from: string,
): readonly InputTensor[] {
  return specs.map((spec) => {
    const field = matched.get(spec.name);
    const tensor = field && batch.get(field.name);
    if (!tensor)
      throw new UsageError(`${from}: nothing feeds the input "${spec.name}".`, { details: { input: spec.name } });
    return inputFromArray(spec, tensor, `${from}: "${tensor.name}"`);
  });
}
