// What the real models meet in use, made by seed: rendered lines of text for the readers, voiced sound in silence
// and noise for the voice detector with its state carried on, silhouettes of clothes for the classifier, held-out
// speeches for the language model. Synthetic where no data set comes with the packages; no accuracy is claimed.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { toInput } from "../../examples/start/recognize.ts";
import { renderLine, type Picture } from "../../examples/start/render.ts";
import { makeLines } from "../../examples/start/text.ts";
import { seededRandom, type Random } from "../../src/base/random.ts";
import type { OrtModel } from "../../src/cli/ort.ts";
import type { InputTensor, OutputTensor } from "../../src/evaluate/tensors.ts";
import type { DataModel } from "./data-models.ts";

/** One run's outputs after another. */
export type RealisticRuns = (model: OrtModel) => AsyncGenerator<readonly OutputTensor[]>;

/**
 * Runs a model on `count` realistic inputs (lines, pictures, frames of sound or windows of text).
 * A model that carries a state gets its own back, so that errors add up as they do in use.
 */
export function realisticRuns(id: DataModel["id"], count: number, seed = 1): RealisticRuns {
  switch (id) {
    case "ocr-rec":
      return each(() => lines(count, seed).map(({ picture }) => [toInput(picture)]));
    case "ocr-cls":
      return each(() => lines(count, seed).map(({ picture }, index) => [uprightOrNot(picture, index % 2 === 1)]));
    case "fashion-cnn":
      return each(() => clothes(count, seed));
    case "tiny-llama":
      return each(() => windows(count));
    case "vad":
      return (model) => listen(model, count, seed);
    default:
      return id satisfies never;
  }
}

function each(inputs: () => readonly (readonly InputTensor[])[]): RealisticRuns {
  return async function* runAll(model) {
    for (const input of inputs()) yield await model.run(input);
  };
}

const lines = (count: number, seed: number) =>
  makeLines(count, seed).map((text, index) => renderLine(text, seed + index, 20));

/** The line squeezed to the classifier's width of 192, every second one turned by 180 degrees. */
function uprightOrNot({ width, height, rgba }: Picture, turned: boolean): InputTensor {
  const cols = 192;
  const data = new Float32Array(3 * height * cols);
  for (let at = 0; at < data.length; at++) {
    const [x, y, channel] = [at % cols, Math.floor(at / cols) % height, Math.floor(at / cols / height)];
    const [fromX, fromY] = turned ? [cols - 1 - x, height - 1 - y] : [x, y];
    const [start, end] = [Math.floor((fromX * width) / cols), Math.ceil(((fromX + 1) * width) / cols)];
    let sum = 0;
    for (let column = start; column < end; column++) sum += rgba[(fromY * width + column) * 4 + (2 - channel)] ?? 0;
    data[at] = (sum / (end - start) / 255 - 0.5) / 0.5;
  }
  return { name: "x", dtype: "f32", dims: [1, 3, height, cols], data };
}

/** Half-widths of a silhouette from top to bottom, as shares of the picture; between them straight lines. */
const silhouettes: readonly (readonly number[])[] = [
  [0.2, 0.45, 0.28, 0.27, 0.27, 0.27], // shirt
  [0.2, 0.22, 0.23, 0.24, 0.24, 0.24], // trousers; the gap comes below
  [0.12, 0.16, 0.13, 0.18, 0.24, 0.3], // dress
  [0.12, 0.14, 0.4, 0.42, 0.43, 0.41], // bag with a handle
  [0.1, 0.11, 0.12, 0.2, 0.42, 0.44], // boot
  [0.18, 0.4, 0.42, 0.4, 0.38, 0.3], // pullover
];

const size = 28;

/** Batches of one picture in the classifier's own normalisation: smooth silhouettes with texture on black. */
function clothes(count: number, seed: number): InputTensor[][] {
  const random = seededRandom(seed, "clothes");
  return Array.from({ length: count }, (_, index) => [
    { name: "image", dtype: "f32", dims: [1, 1, size, size], data: garment(random, index % silhouettes.length) },
  ]);
}

function garment(random: Random, kind: number): Float32Array {
  const outline = silhouettes[kind] ?? [];
  const [shade, stripe, phase] = [random.uniform(80, 230), random.int(2, 9), random.uniform(0, 6)];
  const [stretch, shift] = [random.uniform(0.85, 1.15), random.uniform(-1.5, 1.5)];
  return Float32Array.from({ length: size * size }, (_, at) => {
    const [x, y] = [at % size, Math.floor(at / size)];
    const along = (y / (size - 1)) * (outline.length - 1);
    const [above, below] = [outline[Math.floor(along)] ?? 0, outline[Math.ceil(along)] ?? 0];
    const half = (above + (below - above) * (along % 1)) * stretch * size;
    const aside = Math.abs(x - size / 2 + 0.5 - shift);
    const gap = kind === 1 && y > 9 ? Math.min(1, Math.max(0, aside - 1)) : 1;
    const inside = Math.min(1, Math.max(0, half - aside)) * gap * (y > 1 && y < size - 2 ? 1 : 0);
    const texture = 18 * Math.sin((y * Math.PI) / stripe + phase) + random.normal(0, 8);
    const pixel = inside === 0 ? 0 : Math.min(255, Math.max(0, inside * (shade + texture)));
    return (pixel / 255 - 0.286) / 0.353;
  });
}

const context = 256;

/** Windows at equal steps over the held-out text, as the language model takes them; a token is a byte + 3. */
export function windows(count: number): (InputTensor & { data: Float64Array })[][] {
  const text = readFileSync(join(import.meta.dirname, "../fixtures/models/tiny-llama/eval.txt"));
  const step = count === 1 ? 0 : Math.floor((text.length - context) / (count - 1));
  return Array.from({ length: count }, (_, index) => {
    const bytes = text.subarray(index * step, index * step + context);
    return [{ name: "input_ids", dtype: "i64", dims: [1, context], data: Float64Array.from(bytes, (b) => b + 3) }];
  });
}

/** `count` frames at 16 kHz, then as many at 8 kHz (another branch of the model), each from a fresh state. */
async function* listen(model: OrtModel, count: number, seed: number): AsyncGenerator<readonly OutputTensor[]> {
  for (const rate of [16_000, 8_000]) {
    const length = rate / 31.25;
    const sound = voice(count * length, rate, seed);
    let state: OutputTensor["data"] = new Float32Array(256);
    for (let frame = 0; frame < count; frame++) {
      const outputs = await model.run([
        { name: "input", dtype: "f32", dims: [1, length], data: sound.subarray(frame * length, (frame + 1) * length) },
        { name: "state", dtype: "f32", dims: [2, 1, 128], data: state },
        { name: "sr", dtype: "i64", dims: [], data: Float64Array.of(rate) },
      ]);
      state = outputs.find((output) => output.name === "stateN")?.data ?? state;
      yield outputs;
    }
  }
}

/** First two formants in Hz of a, e, i, o, u. */
const vowels = [
  [730, 1090],
  [530, 1840],
  [270, 2290],
  [570, 840],
  [300, 870],
] as const;

/** Syllables of a voice (pulses through two resonances, hissing starts) with pauses, over soft noise. */
function voice(length: number, rate: number, seed: number): Float32Array {
  const random = seededRandom(seed, "voice");
  const sound = random.normals(length, 0, 0.003);
  let start = Math.floor(0.15 * rate);
  while (start < length) {
    const [syllable, pause] = [random.uniform(0.12, 0.3), random.pick([0.02, 0.04, 0.06, 0.5])];
    const [pitch, glide, loudness] = [random.uniform(95, 210), random.uniform(-0.2, 0.1), random.uniform(0.1, 0.4)];
    const resonances = random.pick(vowels).map((formant) => resonance(formant, 90, rate));
    const samples = Math.floor(syllable * rate);
    let phase = 0;
    for (let at = 0; at < samples && start + at < length; at++) {
      const part = at / samples;
      phase += (pitch * (1 + glide * part)) / rate;
      const pulse = phase >= 1 ? 1 : 0;
      phase %= 1;
      const hiss = random.normal(0, part < 0.15 ? 0.05 : 0.004);
      const driven = resonances.reduce((value, next) => next(value), pulse + hiss);
      const index = start + at;
      sound[index] = (sound[index] ?? 0) + loudness * Math.sin(Math.PI * part) * Math.max(-2, Math.min(2, driven));
    }
    start += Math.floor((syllable + pause) * rate);
  }
  return sound;
}

/** A two-pole resonator of unit gain at its peak. */
function resonance(frequency: number, width: number, rate: number): (input: number) => number {
  const radius = Math.exp((-Math.PI * width) / rate);
  const turn = 2 * radius * Math.cos((2 * Math.PI * frequency) / rate);
  let [last, before] = [0, 0];
  return (input) => {
    const output = 6 * (1 - radius) * input + turn * last - radius * radius * before;
    [before, last] = [last, output];
    return output;
  };
}
