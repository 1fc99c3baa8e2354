// The page: takes whole models through the public web API as a page does, from Blobs and URLs to Blobs and the
// private file system, and gives the SHA-256 of what it wrote. Driven by files.test.ts through `globalThis.runJob`.
import {
  fromBlob,
  fromUrl,
  openModel,
  openWebBackend,
  planCompression,
  runCompression,
  toBlob,
  toOpfs,
  WgslimError,
  type ByteSource,
  type QuantizeRecipe,
} from "../../../src/web.ts";

export interface Job {
  /** Address of the model. */
  readonly url: string;
  /** `url`: ranges of the address; `blob`: fetched first, its data file beside it if `data` names one. */
  readonly from: "url" | "blob";
  readonly to: "blob" | "opfs";
  readonly data?: string;
  readonly recipes: readonly QuantizeRecipe[];
}

export type Outcome = { readonly digests: readonly string[] } | { readonly code: string; readonly message: string };

const fetchBlob = async (url: string): Promise<Blob> => (await fetch(url)).blob();

async function digestOf(blob: Blob): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function sourceOf({ url, from, data }: Job): Promise<ByteSource> {
  if (from === "url") return fromUrl(url);
  const siblings = data === undefined ? {} : { [data]: await fetchBlob(new URL(data, url).href) };
  return fromBlob(await fetchBlob(url), "model.onnx", { siblings });
}

const opened = openWebBackend({ adapter: "webgpu" });

async function run(job: Job): Promise<Outcome> {
  try {
    const [{ backend }, model] = [await opened, await openModel(await sourceOf(job))];
    const digests: string[] = [];
    for (const recipe of job.recipes) {
      const plan = planCompression(model, backend.profile, recipe);
      if (job.to === "blob") {
        const output = toBlob("out.onnx");
        await runCompression(plan, backend, { output });
        digests.push(await digestOf(output.blob()));
        continue;
      }
      await runCompression(plan, backend, { output: await toOpfs("out.onnx") });
      const folder = await navigator.storage.getDirectory();
      digests.push(await digestOf(await (await folder.getFileHandle("out.onnx")).getFile()));
      const left: string[] = [];
      for await (const name of folder.keys()) if (name.endsWith(".part")) left.push(name);
      if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
    }
    return { digests };
  } catch (error) {
    if (error instanceof WgslimError) return { code: error.code, message: error.message };
    throw error;
  }
}

Object.assign(globalThis, { runJob: run });
document.body.dataset["state"] = "done";
