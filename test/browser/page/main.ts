// The page: runs the rooms here, or in a worker with ?worker, and leaves the outcome in the document.
import { runRooms } from "./rooms.ts";

const query = new URLSearchParams(location.search);
const filter = query.get("filter") ?? "";
const most = Number(query.get("most") ?? Infinity);

async function inWorker(): Promise<unknown> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.addEventListener("message", ({ data }) =>
      data.error ? reject(new Error(data.error)) : resolve(data.outcome),
    );
    worker.addEventListener("error", (event) => reject(new Error(event.message)));
    worker.postMessage({ filter, most });
  });
}

const out = document.querySelector("#out");
try {
  const outcome = query.has("worker") ? await inWorker() : await runRooms(filter, most);
  if (out) out.textContent = JSON.stringify(outcome);
  document.body.dataset["state"] = "done";
} catch (error) {
  if (out) out.textContent = error instanceof Error ? (error.stack ?? error.message) : String(error);
  document.body.dataset["state"] = "failed";
}
