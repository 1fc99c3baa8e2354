// The same rooms in a dedicated worker.
import { runRooms } from "./rooms.ts";

self.addEventListener("message", async ({ data }: MessageEvent<{ filter: string; most: number }>) => {
  try {
    self.postMessage({ outcome: await runRooms(data.filter, data.most) });
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
