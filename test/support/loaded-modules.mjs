// Preloaded into a process (node --import), prints at its exit what it has loaded: every resolved file or package,
// and every native library that was opened. Goes to the file that WGSLIM_TEST_LOADED names.
import { appendFileSync, readFileSync } from "node:fs";
import { register } from "node:module";

const log = process.env.WGSLIM_TEST_LOADED;
const hooks = `
import { appendFileSync } from "node:fs";
export async function load(url, context, next) {
  appendFileSync(${JSON.stringify(log)}, url + "\\n");
  return await next(url, context);
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const { dlopen } = process;
process.dlopen = (module, path, ...rest) => {
  appendFileSync(log, `dlopen ${path}\n`);
  return dlopen.call(process, module, path, ...rest);
};
process.on("exit", () => {
  if (process.platform !== "linux") return;
  const libraries = new Set(readFileSync("/proc/self/maps", "utf8").match(/\/\S+\.(?:so[.\d]*|node)$/gm));
  for (const library of libraries) appendFileSync(log, `mapped ${library}\n`);
});
