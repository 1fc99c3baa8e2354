// The command line as it is published: built once for a test file, run as a process of its own.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const root = resolve(import.meta.dirname, "../..");

export interface CliResult {
  /** Undefined where a signal ended the process. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of Node itself. */
  readonly node?: readonly string[];
}

export interface CliProcess {
  readonly process: ChildProcess;
  readonly ended: Promise<CliResult>;
}

export interface Cli {
  /** Path of the program. */
  readonly path: string;
  /** Runs a command in a folder to its end. */
  run(folder: string, args: readonly string[], options?: CliOptions): Promise<CliResult>;
  start(folder: string, args: readonly string[], options?: CliOptions): CliProcess;
  remove(): void;
}

/** Builds below node_modules, where the program finds its dependencies and nobody else's build is touched. */
export async function buildCli(): Promise<Cli> {
  const cache = join(root, "node_modules/.cache/wgslim");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "cli-"));
  const vite = join(root, "node_modules/vite/bin/vite.js");
  await promisify(execFile)(process.execPath, [vite, "build", "--outDir", folder, "--logLevel", "error"], {
    cwd: root,
    env: { ...process.env, NODE_ENV: "production" },
  });
  const path = join(folder, "cli.js");
  const start: Cli["start"] = (cwd, args, { env = {}, node = [] } = {}) => {
    const child = spawn(process.execPath, [...node, path, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
    const ended = new Promise<CliResult>((done, fail) => {
      child.once("error", fail);
      child.once("close", (code, signal) => {
        done({ code: code ?? undefined, signal: signal ?? undefined, stdout: stdout(), stderr: stderr() });
      });
    });
    return { process: child, ended };
  };
  return {
    path,
    start,
    run: (cwd, args, options) => start(cwd, args, options).ended,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString("utf8");
}
