// The data of `wgslim evaluate`: files and folders, with pictures and tokens made into what the model takes.
import { stat } from "node:fs/promises";
import { UsageError } from "../base/errors.ts";
import type { OnnxFile } from "../compress/models.ts";
import { imageFolder } from "../data/image-folder.ts";
import { canvasDecoder, imageFiles } from "../data/node-images.ts";
import { openDataset } from "../data/open-dataset.ts";
import { withPictures, type PictureOptions } from "../data/pictures.ts";
import { tokenWindows } from "../data/token-windows.ts";
import type { Dataset } from "../data/dataset.ts";
import type { EvaluationTask } from "../evaluate/evaluate-outputs.ts";
import { readNpy } from "../formats/npy.ts";
import { fromFile } from "../node-files.ts";
import { parseChoice, parseNumber } from "./options.ts";

export interface DataFlags {
  readonly data: string;
  readonly labels?: string;
  readonly labelField?: string;
  readonly size?: string;
  readonly color?: string;
  readonly layout?: string;
  readonly scale?: string;
  readonly mean?: string;
  readonly std?: string;
  readonly window?: string;
  readonly pad?: string;
}

/** What was opened, and how to close it. */
export interface OpenData {
  readonly data: Dataset;
  readonly labels?: Dataset;
  close(): Promise<void>;
}

/** @throws UsageError for options that do not fit; otherwise as the readers do */
export async function openEvaluationData(
  flags: DataFlags,
  task: EvaluationTask,
  model: OnnxFile,
  signal: AbortSignal,
): Promise<OpenData> {
  const pictures = pictureOptions(flags, model);
  const opened: { close?(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const source of opened) await source.close?.();
  };
  const open = async (path: string) => {
    const source = await fromFile(path);
    opened.push(source);
    return source;
  };
  try {
    const labels =
      flags.labels === undefined ? undefined : await openDataset(await open(flags.labels), { field: "label", signal });
    const isFolder = await stat(flags.data).then(
      (found) => found.isDirectory(),
      () => false,
    );
    const data = isFolder
      ? imageFolder(await imageFiles(flags.data, { signal }), {
          ...pictures,
          ...((pictures.crop ?? pictures.resize) ? {} : sizeOfModel(model, pictures)),
          name: flags.data,
          decodeImage: await canvasDecoder(),
        })
      : await fileData(await open(flags.data));
    return { data, ...(labels && { labels }), close };
  } catch (error) {
    await close();
    throw error;
  }

  async function fileData(source: Awaited<ReturnType<typeof fromFile>>): Promise<Dataset> {
    if (task === "language-model") return await tokens(source, flags, model, signal);
    const isClassification = task === "classification" && flags.labelField !== undefined;
    const data = await openDataset(source, { ...(isClassification && { labels: flags.labelField }), signal });
    const asked = [flags.size, flags.color, flags.layout, flags.scale, flags.mean, flags.std].some(
      (flag) => flag !== undefined,
    );
    // IDX holds pictures of bytes, which no model takes as they are.
    if (!asked && !/ubyte|\.idx/i.test(source.name)) return data;
    const field = data.fields.find(({ dims }) => dims.length >= 2);
    if (!field)
      throw new UsageError(`${data.name} holds no pictures.`, { hint: "Leave out the options for pictures." });
    return withPictures(data, field.name, pictures);
  }
}

/** One number, or one for each channel. */
function parseList(option: string, text: string): number | readonly number[] {
  const values = text.split(",").map((value) => parseNumber(option, value));
  return values.length === 1 ? (values[0] ?? 0) : values;
}

function pictureOptions(flags: DataFlags, model: OnnxFile): PictureOptions {
  const dims = pictureInput(model);
  const isLast = dims !== undefined && isChannels(dims[3]) && !isChannels(dims[1]);
  const layout =
    flags.layout === undefined ? (isLast ? "NHWC" : "NCHW") : parseChoice("--layout", flags.layout, ["NCHW", "NHWC"]);
  const isGray = dims?.[layout === "NCHW" ? 1 : 3] === 1;
  return {
    layout,
    color:
      flags.color === undefined
        ? isGray
          ? "gray"
          : "as is"
        : parseChoice("--color", flags.color, ["rgb", "bgr", "gray"]),
    ...(flags.size !== undefined && { resize: parseSize(flags.size) }),
    ...(flags.scale !== undefined && { scale: parseNumber("--scale", flags.scale) }),
    ...(flags.mean !== undefined && { mean: parseList("--mean", flags.mean) }),
    ...(flags.std !== undefined && { std: parseList("--std", flags.std) }),
  };
}

type Dims = readonly (number | string | undefined)[];

/** The dims of the input that takes pictures: the first of four axes. */
function pictureInput({ onnx: { graph } }: OnnxFile): Dims | undefined {
  const initializers = new Set(graph.initializers.map(({ name }) => name));
  return graph.inputs.find(({ name, tensor }) => !initializers.has(name) && tensor?.dims?.length === 4)?.tensor?.dims;
}

const isChannels = (dim: number | string | undefined): boolean => dim === 1 || dim === 3;

/** Where no size is asked for, pictures come out in the model's own. */
function sizeOfModel(model: OnnxFile, { layout }: PictureOptions): PictureOptions {
  const [, second, third, last] = pictureInput(model) ?? [];
  const [height, width] = layout === "NHWC" ? [second, third] : [third, last];
  return typeof height === "number" && typeof width === "number" ? { resize: { height, width } } : {};
}

function parseSize(text: string): { height: number; width: number } {
  const [, height = "", width = height] = /^(\d{1,5})(?:x(\d{1,5}))?$/.exec(text) ?? [];
  if (height === "")
    throw new UsageError(`--size takes HEIGHTxWIDTH, not "${text}".`, { hint: "Example: --size 224x224." });
  return { height: Number(height), width: Number(width) };
}

/** Rows of tokens as they are, one long row in windows. */
async function tokens(
  source: Awaited<ReturnType<typeof fromFile>>,
  { window, pad }: DataFlags,
  { onnx: { graph } }: OnnxFile,
  signal: AbortSignal,
): Promise<Dataset> {
  const initializers = new Set(graph.initializers.map(({ name }) => name));
  const inputs = graph.inputs.filter(({ name }) => !initializers.has(name));
  const input = inputs.find(({ name }) => name === "input_ids") ?? inputs[0];
  const field = input?.name ?? "input_ids";
  const fixed = input?.tensor?.dims?.[1];
  const length = window === undefined ? (typeof fixed === "number" ? fixed : 256) : parseNumber("--window", window, 2);
  if (source.name.toLowerCase().endsWith(".npy")) {
    const rows = await openDataset(source, { field, signal });
    if (rows.fields[0]?.dims.length !== 0) return rows;
    return tokenWindows(source.name, readNpy(await source.read(0, source.size, signal), source.name), {
      length,
      field,
    });
  }
  const padding = pad === undefined ? {} : { padding: { [field]: { value: parseNumber("--pad", pad, 0) } } };
  return await openDataset(source, { jsonLines: padding, signal });
}
