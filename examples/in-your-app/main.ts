// The page around the app: controls, figures, and a first tour through all formats by itself.
// ?size=WIDTHxHEIGHT sets the pictures' resolution, ?no-webgpu shows what a browser without WebGPU sees.
import { DeviceLostError, NoAdapterError, type ScaleSearch } from "../../src/web.ts";
import { byId, failureOf, formatBytes, make, setState, showFailure } from "../shared/page.ts";
import type { FormatChoice } from "./app-shaders.ts";
import { loadField } from "./field.ts";
import { packField, type PackedField } from "./packed-field.ts";
import { Renderer } from "./renderer.ts";

const formats: readonly FormatChoice[] = ["f32", "int8", "int4", "uint2"];
const framesPerFormat = 4;
const query = new URLSearchParams(location.search);

async function openOwnDevice(): Promise<GPUDevice> {
  const gpu: GPU | undefined = query.has("no-webgpu") ? undefined : navigator.gpu;
  const adapter = await gpu?.requestAdapter();
  if (!adapter) {
    throw new NoAdapterError(gpu ? "WebGPU is there, but has no adapter." : "This browser has no WebGPU.", {
      hint: "Use a current Chrome, Edge, Firefox or Safari with hardware acceleration turned on; chrome://gpu tells more.",
    });
  }
  return adapter.requestDevice();
}

function isSoftware({ adapterInfo }: GPUDevice): boolean {
  const words = `${adapterInfo.vendor} ${adapterInfo.architecture} ${adapterInfo.description}`.toLowerCase();
  return /swiftshader|llvmpipe|software/.test(words);
}

/** Small pictures where the CPU draws them. */
function pictureSize(device: GPUDevice): readonly [number, number] {
  const [width = 0, height = 0] = (query.get("size") ?? "").split("x").map(Number);
  if (width > 0 && height > 0 && (width * height) % 4 === 0) return [width, height];
  return isSoftware(device) ? [96, 64] : [240, 160];
}

const canvas = (id: string): HTMLCanvasElement => byId(id, HTMLCanvasElement);

class App {
  readonly #device: GPUDevice;
  readonly #field: Awaited<ReturnType<typeof loadField>>;
  readonly #renderer: Renderer;
  readonly #originalBytes: number;
  readonly #best = new Map<FormatChoice, { bytes: number; psnrDb: number }>();
  #format: FormatChoice = "f32";
  #search: ScaleSearch["kind"] = "absmax";
  #packed: PackedField | undefined;
  #touring = true;
  #paused = matchMedia("(prefers-reduced-motion: reduce)").matches;
  #milliseconds = 0;

  constructor(device: GPUDevice, field: Awaited<ReturnType<typeof loadField>>) {
    this.#device = device;
    this.#field = field;
    const canvases = {
      original: canvas("original"),
      packed: canvas("packed"),
      difference: canvas("difference"),
      weights: canvas("weights"),
    };
    this.#renderer = new Renderer(device, field, canvases, pictureSize(device));
    this.#originalBytes = field.layers.reduce((sum, { weight }) => sum + weight.byteLength, 0);
    byId("original-bytes", HTMLElement).textContent = formatBytes(this.#originalBytes);
    this.#listen();
  }

  /** Visits every format, checks what each one draws, then goes on for as long as the page is open. */
  async run(): Promise<void> {
    let clock = 0;
    let last = performance.now();
    let frames = 0;
    for (;;) {
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      if (!this.#paused) clock += Math.min(0.25, (now - last) / 1000);
      last = now;
      this.#renderer.render((0.12 + clock / 24) % 1, this.#format, this.#packed);
      await this.#device.queue.onSubmittedWorkDone();
      const spent = performance.now() - now;
      this.#milliseconds += (spent - this.#milliseconds) * (frames === 0 ? 1 : 0.1);
      frames += 1;
      if (frames % (this.#touring ? framesPerFormat : 20) === 0) await this.#report();
      if (this.#touring && frames % framesPerFormat === 0) await this.#nextStop();
    }
  }

  async choose(format: FormatChoice, search: ScaleSearch["kind"]): Promise<void> {
    const kind: ScaleSearch = search === "mse" ? { kind: "mse" } : { kind: "absmax" };
    const { layers } = this.#field;
    const packed =
      format === "f32" ? undefined : await packField(this.#device, layers, format, kind, this.#renderer.pixels);
    const before = this.#packed;
    [this.#packed, this.#format, this.#search] = [packed, format, search];
    before?.destroy();
    byId("packed-name", HTMLElement).textContent = format === "f32" ? "f32 (the same)" : `${format}, ${search}`;
    byId("psnr", HTMLElement).textContent = "…";
    byId("packed-bytes", HTMLElement).textContent = formatBytes(packed?.weightBytes ?? this.#originalBytes);
    for (const input of document.querySelectorAll<HTMLInputElement>('input[type="radio"]')) {
      input.checked = input.value === format || input.value === search;
    }
  }

  async #nextStop(): Promise<void> {
    const next = formats[formats.indexOf(this.#format) + 1];
    if (next) return this.choose(next, this.#search);
    this.#touring = false;
    await this.choose("int4", "mse");
    this.#renderer.render(0.3, this.#format, this.#packed);
    await this.#report();
    setState("done");
  }

  async #report(): Promise<void> {
    const format = this.#format;
    const bytes = this.#packed?.weightBytes ?? this.#originalBytes;
    const { psnrDb, finite } = await this.#renderer.measure();
    if (!finite) throw new Error(`With ${format} weights the picture holds values outside of 0 to 1.`);
    this.#best.set(format, { bytes, psnrDb });
    byId("psnr", HTMLElement).textContent = describePsnr(psnrDb);
    const fps = 1000 / Math.max(1, this.#milliseconds);
    const where = isSoftware(this.#device) ? "; this adapter is software: the CPU draws" : "";
    byId("speed", HTMLElement).textContent =
      `${this.#milliseconds.toFixed(1)} ms a frame (${fps.toFixed(fps < 10 ? 1 : 0)} fps at most), both networks and quantization${where}`;
    byId("footnote", HTMLElement).textContent =
      `${this.#renderer.pixels.toLocaleString("en")} pixels; codes in blocks of 32 with f32 scales; the kernels' own ` +
      `scratch memory: ${formatBytes(this.#packed?.scratchBytes ?? 0)}. Frames are never read back, but for the PSNR now and then.`;
    byId("results", HTMLElement).replaceChildren(
      ...[...this.#best].map(([name, result]) => {
        const bar = make("div", "bar");
        bar.style.width = `${(100 * result.bytes) / this.#originalBytes}%`;
        const row = make(
          "tr",
          name === format ? "chosen" : "",
          make("td", "", name),
          make("td", "", bar),
          make("td", "number", formatBytes(result.bytes)),
          make("td", "number", `${((100 * result.bytes) / this.#originalBytes).toFixed(1)} %`),
          make("td", "number", describePsnr(result.psnrDb)),
        );
        row.dataset["format"] = name;
        row.dataset["bytes"] = String(result.bytes);
        row.dataset["psnr"] = String(result.psnrDb);
        return row;
      }),
    );
  }

  #listen(): void {
    for (const input of document.querySelectorAll<HTMLInputElement>('input[type="radio"]')) {
      input.addEventListener("change", () => {
        const format = formats.find((name) => name === input.value) ?? this.#format;
        const search = input.name === "search" ? (input.value === "mse" ? "mse" : "absmax") : this.#search;
        this.choose(format, search).catch(fail);
      });
    }
    const pause = byId("pause", HTMLButtonElement);
    const label = (): void => void (pause.textContent = this.#paused ? "Play" : "Pause");
    label();
    pause.addEventListener("click", () => {
      this.#paused = !this.#paused;
      label();
    });
  }
}

const describePsnr = (db: number): string => (Number.isFinite(db) ? `${db.toFixed(1)} dB` : "the same");

function fail(error: unknown): void {
  showFailure(byId("problem", HTMLElement), failureOf(error));
  setState("failed");
}

try {
  const device = await openOwnDevice();
  const field = await loadField();
  byId("app", HTMLElement).hidden = false;
  device.addEventListener("uncapturederror", ({ error }) => fail(new Error(error.message)));
  device.lost.then(
    ({ message }) => fail(new DeviceLostError(`The GPU device was lost: ${message}`, { hint: "Reload the page." })),
    fail,
  );
  const app = new App(device, field);
  await app.run();
} catch (error) {
  fail(error);
}
