// Trains the neural field of this example and writes field.bin: `node examples/in-your-app/train.mjs`, some minutes on
// one core, the same result for the same engine. The field maps (x, y, t) to a colour: 32 fixed waves, their
// sines and cosines, three layers of 64 sine units, and 3 outputs under a sigmoid.
//
// field.bin, f32 little endian: waves [32, 3] (cycles along x, y, t); then for each layer the weight [rows, cols]
// and the bias [rows]: 64x64, 64x64, 64x64, 3x64.
import { writeFileSync } from "node:fs";
import { scene } from "./scene.mjs";

const steps = Number(process.argv[2] ?? 4000);
const batch = 768;
const widths = [64, 64, 64, 64, 3];
const waves = 32;

let state = 20240611;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

// Whole cycles along t, so that the film ends where it began.
const wave = Float32Array.from({ length: waves * 3 }, (_, i) =>
  i % 3 === 2 ? Math.floor(random() * 3) - 1 : normal() * (i % 3 === 0 ? 0.55 : 0.7),
);
const layers = widths.slice(1).map((rows, l) => {
  const cols = widths[l];
  const spread = Math.sqrt(6 / cols) / (l === 0 ? 1.5 : 1);
  return {
    rows,
    cols,
    w: Float32Array.from({ length: rows * cols }, () => (random() * 2 - 1) * spread),
    b: Float32Array.from({ length: rows }, () => (random() * 2 - 1) * 0.5),
  };
});
const slots = layers.flatMap((layer) =>
  ["w", "b"].map((key) => ({
    values: layer[key],
    gradient: new Float32Array(layer[key].length),
    first: new Float32Array(layer[key].length),
    second: new Float32Array(layer[key].length),
  })),
);
const inputs = widths.map((width) => new Float32Array(batch * width));
const sums = layers.map(({ rows }) => new Float32Array(batch * rows));
const deltas = layers.map(({ rows }) => new Float32Array(batch * rows));

let average = 0;
for (let step = 1; step <= steps; step++) {
  const target = new Float32Array(batch * 3);
  for (let m = 0; m < batch; m++) {
    const [x, y, t] = [random() * 2 - 1, random() * 2 - 1, random()];
    target.set(scene(x, y, t), m * 3);
    for (let k = 0; k < waves; k++) {
      const angle = 2 * Math.PI * (wave[k * 3] * x + wave[k * 3 + 1] * y + wave[k * 3 + 2] * t);
      inputs[0][m * 64 + k] = Math.sin(angle);
      inputs[0][m * 64 + waves + k] = Math.cos(angle);
    }
  }
  for (const [l, { rows, cols, w, b }] of layers.entries()) {
    const last = l === layers.length - 1;
    const [x, z, y] = [inputs[l], sums[l], inputs[l + 1]];
    for (let m = 0; m < batch; m++) {
      for (let r = 0; r < rows; r++) {
        let sum = b[r];
        for (let k = 0; k < cols; k++) sum += w[r * cols + k] * x[m * cols + k];
        z[m * rows + r] = sum;
        y[m * rows + r] = last ? 1 / (1 + Math.exp(-sum)) : Math.sin(sum);
      }
    }
  }
  let loss = 0;
  const output = inputs[layers.length];
  for (let i = 0; i < output.length; i++) {
    const error = output[i] - target[i];
    loss += error * error;
    deltas[layers.length - 1][i] = ((2 * error) / output.length) * output[i] * (1 - output[i]);
  }
  for (let l = layers.length - 1; l >= 0; l--) {
    const { rows, cols, w } = layers[l];
    const [gw, gb] = [slots[2 * l].gradient.fill(0), slots[2 * l + 1].gradient.fill(0)];
    const [x, above] = [inputs[l], deltas[l]];
    const below = l > 0 ? deltas[l - 1].fill(0) : undefined;
    for (let m = 0; m < batch; m++) {
      for (let r = 0; r < rows; r++) {
        const delta = above[m * rows + r];
        gb[r] += delta;
        for (let k = 0; k < cols; k++) gw[r * cols + k] += delta * x[m * cols + k];
        if (below) for (let k = 0; k < cols; k++) below[m * cols + k] += delta * w[r * cols + k];
      }
    }
    if (below) for (let i = 0; i < below.length; i++) below[i] *= Math.cos(sums[l - 1][i]);
  }
  const rate = 4e-3 * (0.02 + 0.98 * 0.5 * (1 + Math.cos((Math.PI * step) / steps)));
  for (const { values, gradient, first, second } of slots) {
    for (let i = 0; i < values.length; i++) {
      first[i] += 0.1 * (gradient[i] - first[i]);
      second[i] += 0.005 * (gradient[i] * gradient[i] - second[i]);
      const up = first[i] / (1 - 0.9 ** step) / (Math.sqrt(second[i] / (1 - 0.995 ** step)) + 1e-9);
      values[i] -= rate * up;
    }
  }
  average += (loss / output.length - average) * (step < 100 ? 1 / step : 0.01);
  if (step % 250 === 0) console.log(`step ${step}: ${(-10 * Math.log10(average)).toFixed(2)} dB`);
}

const parts = [wave, ...layers.flatMap(({ w, b }) => [w, b])];
const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
let at = 0;
for (const part of parts) {
  whole.set(part, at);
  at += part.length;
}
writeFileSync(new URL("field.bin", import.meta.url), new Uint8Array(whole.buffer));
