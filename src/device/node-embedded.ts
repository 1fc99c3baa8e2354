// Unpacks the software Vulkan driver that npm `@sparticuz/chromium` carries into a cache folder, once
// per version of that package. Node only. Safe when several processes do it at the same time: each
// unpacks into a folder of its own and the first rename wins.
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { FormatError, IoError } from "../base/errors.ts";

export const embeddedPackage = "@sparticuz/chromium";

/** The files of an unpacked driver. */
export interface EmbeddedDriver {
  /** The Vulkan loader, for machines that have none. */
  readonly loader: string;
  /** The manifest that VK_ICD_FILENAMES shall name. */
  readonly manifest: string;
}

const files = ["libvk_swiftshader.so", "libvulkan.so.1", "vk_swiftshader_icd.json"] as const;

/** Where the package lies; undefined when it isn't installed. */
export function findEmbeddedPackage(): string | undefined {
  // The package exports no package.json, so go up from its entry to the folder of its own name.
  try {
    let folder = dirname(createRequire(import.meta.url).resolve(embeddedPackage));
    while (!folder.endsWith(join("@sparticuz", "chromium")) && folder !== dirname(folder)) folder = dirname(folder);
    return folder;
  } catch {
    return undefined;
  }
}

/**
 * Makes the driver's files available and says where they are.
 * @throws IoError where nothing can be written; FormatError where the archive isn't what we expect
 */
export async function unpackEmbeddedDriver(packageFolder: string): Promise<EmbeddedDriver> {
  const { version } = JSON.parse(await readFile(join(packageFolder, "package.json"), "utf8")) as { version: string };
  const folder = join(cacheRoot(), `swiftshader-${version}-${process.arch}`);
  const driver = { loader: join(folder, "libvulkan.so.1"), manifest: join(folder, "vk_swiftshader_icd.json") };
  if (await exists(driver.manifest)) return driver;
  const archive = brotliDecompressSync(await readFile(join(packageFolder, "bin", "swiftshader.tar.br")));
  try {
    await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
    const draft = await mkdtemp(`${folder}.`);
    for (const name of files) await writeFile(join(draft, name), tarEntry(archive, name), { mode: 0o755 });
    try {
      await rename(draft, folder);
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      if (!(await exists(driver.manifest))) throw error;
    }
  } catch (cause) {
    if (await exists(driver.manifest)) return driver;
    throw new IoError(`The embedded Vulkan driver could not be unpacked into ${folder}.`, {
      hint: "Make the folder writable, or set XDG_CACHE_HOME to one that is.",
      details: { folder },
      cause,
    });
  }
  return driver;
}

function cacheRoot(): string {
  // A folder of the user's own: what is loaded from a shared /tmp could be planted by someone else.
  const home = homedir();
  const base =
    process.env["XDG_CACHE_HOME"] ??
    (home ? join(home, ".cache") : join(tmpdir(), `wgslim-${process.getuid?.() ?? 0}`));
  return join(base, "wgslim");
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** One file of a ustar archive: 512-byte headers with name at 0 and octal size at 124, data padded to 512. */
function tarEntry(archive: Uint8Array, name: string): Uint8Array {
  const text = (from: number, length: number): string =>
    new TextDecoder().decode(archive.subarray(from, from + length)).replace(/\0[\s\S]*$/, "");
  for (let at = 0; at + 512 <= archive.length;) {
    const size = Number.parseInt(text(at + 124, 12), 8) || 0;
    if (text(at, 100).replace(/^\.\//, "") === name) return archive.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new FormatError(`${embeddedPackage} carries no ${name}.`, {
    hint: "Install a version of the package that carries bin/swiftshader.tar.br with this file.",
    details: { file: "bin/swiftshader.tar.br", entry: name },
  });
}
