// Typed access to a node's attributes. Without a default, an absent attribute is undefined; one of the
// wrong kind is an error of the file.
import { FormatError } from "../../base/errors.ts";
import type { AttributeValue, OnnxGraph, OnnxNode, OnnxTensor } from "./ir.ts";

const utf8 = new TextDecoder();

type Kind = AttributeValue["type"];
type ValueOf<K extends Kind> = Extract<AttributeValue, { type: K }> extends { value: infer V } ? V : never;

function find<K extends Kind>(node: OnnxNode, name: string, kind: K): ValueOf<K> | undefined {
  const value = node.attributes.find((attribute) => attribute.name === name)?.value;
  if (!value) return undefined;
  if (isKind(value, kind)) return value.value as ValueOf<K>;
  throw new FormatError(
    `Node "${node.name}" (${node.opType}): attribute "${name}" is of kind ${value.type}, not ${kind}.`,
    {
      details: { node: node.name, attribute: name },
    },
  );
}

const isKind = <K extends Kind>(
  value: AttributeValue,
  kind: K,
): value is Extract<AttributeValue, { type: K; value: unknown }> => value.type === kind;

function toSafe(value: bigint, node: OnnxNode, name: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new FormatError(`Node "${node.name}" (${node.opType}): attribute "${name}" is ${value}, beyond 2^53.`, {
    details: { node: node.name, attribute: name },
  });
}

export const hasAttribute = (node: OnnxNode, name: string): boolean =>
  node.attributes.some((attribute) => attribute.name === name);

/** @throws FormatError for another kind of attribute or a value beyond 2^53 */
export function getInt(node: OnnxNode, name: string): number | undefined;
export function getInt(node: OnnxNode, name: string, otherwise: number): number;
export function getInt(node: OnnxNode, name: string, otherwise?: number): number | undefined {
  const value = find(node, name, "int");
  return value === undefined ? otherwise : toSafe(value, node, name);
}

export function getFloat(node: OnnxNode, name: string): number | undefined;
export function getFloat(node: OnnxNode, name: string, otherwise: number): number;
export function getFloat(node: OnnxNode, name: string, otherwise?: number): number | undefined {
  return find(node, name, "float") ?? otherwise;
}

/** The attribute's bytes as UTF-8. */
export function getString(node: OnnxNode, name: string): string | undefined;
export function getString(node: OnnxNode, name: string, otherwise: string): string;
export function getString(node: OnnxNode, name: string, otherwise?: string): string | undefined {
  const value = find(node, name, "string");
  return value === undefined ? otherwise : utf8.decode(value);
}

/** @throws FormatError for another kind of attribute or a value beyond 2^53 */
export function getInts(node: OnnxNode, name: string): readonly number[] | undefined;
export function getInts(node: OnnxNode, name: string, otherwise: readonly number[]): readonly number[];
export function getInts(node: OnnxNode, name: string, otherwise?: readonly number[]): readonly number[] | undefined {
  return find(node, name, "ints")?.map((value) => toSafe(value, node, name)) ?? otherwise;
}

export const getFloats = (node: OnnxNode, name: string): readonly number[] | undefined => find(node, name, "floats");

export const getStrings = (node: OnnxNode, name: string): readonly string[] | undefined =>
  find(node, name, "strings")?.map((value) => utf8.decode(value));

export const getTensor = (node: OnnxNode, name: string): OnnxTensor | undefined => find(node, name, "tensor");

export const getGraph = (node: OnnxNode, name: string): OnnxGraph | undefined => find(node, name, "graph");
