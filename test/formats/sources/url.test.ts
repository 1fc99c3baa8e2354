import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { FormatError, IoError } from "../../../src/base/errors.ts";
import { fromUrl } from "../../../src/formats/sources/url.ts";

const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255);
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(handler: Handler): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

/** Serves `content` at every path, with ranges. */
function withRanges(log: string[], etag: () => string = () => '"a"', bytes = content): Handler {
  return (request, response) => {
    log.push(`${request.url} ${request.headers.range ?? "-"}`);
    const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    response.setHeader("etag", etag());
    if (!match) return void response.end(bytes);
    const from = Number(match[1]);
    const to = Math.min(Number(match[2]), bytes.length - 1);
    response.writeHead(206, { "content-range": `bytes ${from}-${to}/${bytes.length}` });
    response.end(bytes.subarray(from, to + 1));
  };
}

/** Announces 100 bytes and sends 10. */
const short: Handler = (_request, response) => {
  response.writeHead(206, { "content-range": "bytes 0-99/100" });
  response.end(new Uint8Array(10));
};

describe("a server with ranges", () => {
  it("is asked only for what is needed", async () => {
    const log: string[] = [];
    const source = await fromUrl(`${await serve(withRanges(log))}/models/m.onnx?token=1`);
    expect(source.size).toBe(content.length);
    expect(Buffer.compare(await source.read(200_000, 1000), content.subarray(200_000, 201_000))).toBe(0);
    expect(Buffer.compare(await source.read(10, 20), content.subarray(10, 30))).toBe(0);
    expect(log).toEqual(["/models/m.onnx?token=1 bytes=0-65535", "/models/m.onnx?token=1 bytes=200000-200999"]);
    await expect(source.read(299_999, 2)).rejects.toBeInstanceOf(FormatError);
  });

  it("serves siblings of the same folder only", async () => {
    const log: string[] = [];
    const source = await fromUrl(`${await serve(withRanges(log))}/models/m.onnx?token=1`);
    await source.sibling?.("parts/w #1.bin");
    expect(log.at(-1)).toBe("/models/parts/w%20%231.bin bytes=0-65535");
    const count = log.length;
    for (const path of ["../x", "/x", "http://127.0.0.1/x", "//host/x", "a/../../x", "..\\x", "a//b", ""]) {
      await expect(source.sibling?.(path), path).rejects.toBeInstanceOf(FormatError);
    }
    expect(log.length).toBe(count);
  });

  it("is an error when the file changes", async () => {
    let etag = '"a"';
    const source = await fromUrl(`${await serve(withRanges([], () => etag))}/m`);
    etag = '"b"';
    await expect(source.read(100_000, 10)).rejects.toThrow(/content changed/);
  });

  it("is an error when it answers with another range, or too little", async () => {
    let calls = 0;
    const lying: Handler = (_request, response) => {
      const [from, to] = calls++ === 0 ? [0, 9] : [50, 59];
      response.writeHead(206, { "content-range": `bytes ${from}-${to}/100` });
      response.end(new Uint8Array(10));
    };
    const source = await fromUrl(`${await serve(lying)}/m`);
    await expect(source.read(40, 10)).rejects.toThrow(/another range/);
    await expect(source.read(50, 10)).resolves.toHaveLength(10);
    await expect(fromUrl(`${await serve(short)}/m`)).rejects.toBeInstanceOf(IoError);
  });
});

describe("a server without ranges", () => {
  it("is asked once, and everything is read from that", async () => {
    let requests = 0;
    const url = await serve((_request, response) => {
      requests++;
      response.end(content);
    });
    const source = await fromUrl(`${url}/m`);
    expect(source.size).toBe(content.length);
    expect(Buffer.compare(await source.read(150_000, 5), content.subarray(150_000, 150_005))).toBe(0);
    expect(requests).toBe(1);
  });

  it("may not send without end", async () => {
    const url = await serve((_request, response) => {
      const push = (): void => void (response.write(new Uint8Array(65536)) && setImmediate(push));
      response.on("drain", push);
      push();
    });
    await expect(fromUrl(`${url}/m`, { maxDownloadBytes: 1_000_000 })).rejects.toThrow(/more than 1000000/);
  });

  it("that hides the range header falls back to a download", async () => {
    const url = await serve((request, response) => {
      if (!request.headers.range) return void response.end(content);
      response.writeHead(206);
      return void response.end(content.subarray(0, 65536));
    });
    expect((await fromUrl(`${url}/m`)).size).toBe(content.length);
  });
});

it.each([404, 403, 500])("status %i is an IoError", async (status) => {
  const url = await serve((_request, response) => void response.writeHead(status).end("no"));
  await expect(fromUrl(`${url}/m`)).rejects.toThrow(new RegExp(String(status)));
});

it("an unreachable server is an IoError, an abort an AbortedError", async () => {
  const url = await serve(() => undefined);
  const controller = new AbortController();
  const opening = fromUrl(`${url}/m`, { signal: controller.signal });
  controller.abort();
  await expect(opening).rejects.toMatchObject({ code: "ABORTED" });
  for (const close of closers.splice(0)) close();
  await expect(fromUrl(`${url}/m`)).rejects.toMatchObject({ code: "IO" });
});

it("an empty file is an empty source", async () => {
  const url = await serve((_request, response) => void response.writeHead(416, { "content-range": "bytes */0" }).end());
  expect((await fromUrl(`${url}/m`)).size).toBe(0);
});
