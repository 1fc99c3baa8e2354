// Reads a line of text with PP-OCRv4's recogniser (PaddleOCR, Apache-2.0): picture in, characters out.
// Input [1, 3, 48, width], channels blue, green, red, values (x / 255 - 0.5) / 0.5; output [1, steps, 6625]
// probabilities for a CTC blank, the dictionary's 6623 characters and a space.
import { bestClass } from "../../src/evaluate/metrics/scores.ts";
import type { InputTensor, OutputTensor } from "../../src/evaluate/tensors.ts";
import type { Picture } from "./render.ts";

/** The classes of the model in order, from the text of its dictionary file (one character a line). */
export function makeAlphabet(dictionary: string): readonly string[] {
  return ["", ...dictionary.replace(/\r?\n$/, "").split(/\r?\n/), " "];
}

/** The model's input for a picture of the right height; the width is padded to a multiple of 8. */
export function toInput({ width, height, rgba }: Picture, name = "x"): InputTensor {
  const padded = Math.ceil(width / 8) * 8;
  const data = new Float32Array(3 * height * padded);
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < padded; x++) {
        // Padding repeats the last column: the recogniser was trained on lines cut from larger pictures.
        const byte = rgba[(y * width + Math.min(x, width - 1)) * 4 + (2 - channel)] ?? 0;
        data[(channel * height + y) * padded + x] = (byte / 255 - 0.5) / 0.5;
      }
    }
  }
  return { name, dtype: "f32", dims: [1, 3, height, padded], data };
}

/** Greedy CTC: the best class of each step, repeats merged, blanks (class 0) dropped; margins read as spaces are cut off. */
export function decodeCtc({ dims, data }: OutputTensor, alphabet: readonly string[]): string {
  const classes = dims.at(-1) ?? 1;
  let text = "";
  let last = 0;
  for (let start = 0; start < data.length; start += classes) {
    const best = bestClass(data.subarray(start, start + classes));
    if (best !== 0 && best !== last) text += alphabet[best] ?? "";
    last = best;
  }
  return text.trim();
}
