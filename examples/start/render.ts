// Draws lines of text as a camera might see them: fonts from npm packages (no system font is used), grey ink
// on light paper, noise on every pixel. Knows nothing of models.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createCanvas, GlobalFonts } from "@napi-rs/canvas";
import { seededRandom } from "../../src/base/random.ts";

const require = createRequire(import.meta.url);
const fonts = {
  "wgslim sans": "@fontsource/arimo/files/arimo-latin-400-normal.woff2",
  "wgslim dejavu": "@fontsource/dejavu-sans/files/dejavu-sans-latin-400-normal.woff2",
} as const;
const families = Object.keys(fonts) as (keyof typeof fonts)[];
let registered = false;

function registerFonts(): void {
  if (registered) return;
  for (const family of families) GlobalFonts.register(readFileSync(require.resolve(fonts[family])), family);
  registered = true;
}

/** A picture, four bytes a pixel, red first. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray;
}

export interface RenderedLine {
  readonly text: string;
  readonly picture: Picture;
  /** The picture as a PNG file. */
  readonly png: Uint8Array;
}

/** Pixels in a line's height: what the model reads. */
export const lineHeight = 48;

/**
 * Draws one line; the seed decides font, size, colours, place and noise.
 * @param noise each channel of each pixel moves by up to this much, 0 to 255
 */
export function renderLine(text: string, seed: number, noise: number): RenderedLine {
  registerFonts();
  const random = seededRandom(seed, "render");
  const font = `${random.int(29, 38)}px "${random.pick(families)}"`;
  const ruler = createCanvas(1, 1).getContext("2d");
  ruler.font = font;
  const width = Math.ceil(ruler.measureText(text).width) + 2 * random.int(8, 16);
  const canvas = createCanvas(width, lineHeight);
  const context = canvas.getContext("2d");
  const paper = random.int(205, 250);
  context.fillStyle = `rgb(${paper} ${paper - random.int(0, 12)} ${paper - random.int(0, 25)})`;
  context.fillRect(0, 0, width, lineHeight);
  const ink = random.int(10, 80);
  context.fillStyle = `rgb(${ink} ${ink} ${ink + random.int(0, 30)})`;
  context.font = font;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, width / 2, lineHeight / 2 + random.uniform(-2, 2));
  const image = context.getImageData(0, 0, width, lineHeight);
  for (let index = 0; index < image.data.length; index++) {
    if (index % 4 !== 3) image.data[index] = (image.data[index] ?? 0) + random.uniform(-noise, noise);
  }
  context.putImageData(image, 0, 0);
  return { text, picture: { width, height: lineHeight, rgba: image.data }, png: canvas.toBuffer("image/png") };
}
