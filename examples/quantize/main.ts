// The page: takes a file, shows the plan, the run and what was lost. All work is the worker's.
// ?auto=MODEL&format=FORMAT[&block=N][&search=KIND][&budget=BYTES] runs by itself; ?no-webgpu behaves as a browser
// without WebGPU does.
import { describeFormat, formatNames, resolveFormat, type FormatName } from "../../src/web.ts";
import { byId, failureOf, formatBytes, make, setState, showFailure, type Failure } from "../shared/page.ts";
import { histogramChart, lossChart } from "./charts.ts";
import type { Histograms } from "./histograms.ts";
import { bundledModels, fetchModel } from "./models.ts";
import { showPlan, showRows } from "./plan-view.ts";
import type { Choice, LayerLoss, PlanSummary, Reply, Request } from "./protocol.ts";

const query = new URLSearchParams(location.search);
const worker = new Worker(new URL("worker.ts", import.meta.url), { type: "module" });
const ask = (request: Request): void => worker.postMessage(request, {});

const element = (id: string): HTMLElement => byId(id, HTMLElement);
const select = (id: string): HTMLSelectElement => byId(id, HTMLSelectElement);
const widthOf = (id: string): number => Math.max(240, element(id).clientWidth);
const problem = element("problem");

let adapter = "";
let modelName = "";
let plan: PlanSummary | undefined;
let losses = new Map<string, LayerLoss>();
let chosen: string | undefined;
let phase: "idle" | "running" | "done" = "idle";
let histograms: Histograms | undefined;
let downloadUrl: string | undefined;
/** Set while the page runs by itself, until the first layer's histograms stand. */
let auto = query.has("auto");

function choiceOf(): Choice {
  const [block, search, budget] = [select("block").value, select("search").value, select("budget").value];
  return {
    format: formatNames.find((name) => name === select("format").value) ?? "int4",
    ...(block && !select("block").disabled ? { blockSize: Number(block) } : {}),
    ...((search === "absmax" || search === "mse" || search === "hqq") && !select("search").disabled ? { search } : {}),
    ...(budget ? { memoryBudget: Number(budget) } : {}),
  };
}

/** Asks for a plan of the current choices; controls that a format has no use for are switched off. */
function replan(): void {
  const format = choiceOf().format;
  const { family, granularity } = resolveFormat(format);
  select("search").disabled = family !== "affine";
  select("block").disabled = !(family === "affine" || (family === "table" && granularity === "block"));
  element("format-words").textContent = describeFormat(resolveFormat(format));
  problem.hidden = true;
  ask({ kind: "plan", choice: choiceOf() });
}

function setPhase(next: typeof phase, status = ""): void {
  phase = next;
  const busy = phase === "running";
  byId("run", HTMLButtonElement).disabled = busy;
  element("run").hidden = phase === "done";
  element("cancel").hidden = !busy;
  element("progress").hidden = phase === "idle";
  element("download").hidden = phase !== "done";
  element("digest").hidden = phase !== "done";
  for (const id of ["format", "block", "search", "budget"]) select(id).dataset["busy"] = String(busy);
  byId("choices", HTMLFormElement).inert = busy;
  element("drop").inert = busy;
  element("status").textContent = status;
}

function forget(): void {
  losses = new Map();
  [chosen, histograms] = [undefined, undefined];
  element("histogram").replaceChildren(make("p", "note", "Choose a layer when the run is done."));
  element("histogram-title").textContent = "Weights of a layer";
  byId("progress", HTMLProgressElement).value = 0;
}

function drawLayers(): void {
  if (!plan) return;
  const bars = plan.tensors.map(({ name }) => ({ name, sqnrDb: losses.get(name)?.sqnrDb }));
  element("loss").replaceChildren(lossChart(widthOf("loss"), bars, chosen, choose));
  showRows(plan, (name) => ({ loss: losses.get(name), chosen: name === chosen }), choose);
}

function drawHistograms(): void {
  if (histograms) element("histogram").replaceChildren(histogramChart(widthOf("histogram"), histograms));
}

/** Scrolls the table, not the page. */
function showChosenRow(): void {
  const row = document.querySelector<HTMLElement>("#rows .chosen");
  const table = row?.closest(".scroll");
  if (!row || !table) return;
  const hidden =
    row.offsetTop + row.offsetHeight - table.scrollTop > table.clientHeight || row.offsetTop < table.scrollTop;
  if (hidden) table.scrollTop = row.offsetTop - table.clientHeight / 2;
}

function choose(name: string): void {
  chosen = name;
  drawLayers();
  showChosenRow();
  if (phase === "done") ask({ kind: "values", tensor: name });
}

function open(name: string, blob: Blob): void {
  [modelName, plan] = [name, undefined];
  forget();
  setPhase("idle");
  problem.hidden = true;
  element("plan").hidden = true;
  element("model").textContent = `Reading ${name} …`;
  ask({ kind: "open", name, blob });
}

function start(): void {
  if (downloadUrl) URL.revokeObjectURL(downloadUrl);
  forget();
  drawLayers();
  problem.hidden = true;
  setPhase("running", "Starting …");
  setState("running");
  ask({ kind: "run", outputName: outputName() });
}

const outputName = (): string => modelName.replace(/(\.\w+)?$/, (ending) => `_${choiceOf().format}${ending}`);

function finish({ blob, sha256, seconds }: Extract<Reply, { kind: "done" }>): void {
  const link = byId("download", HTMLAnchorElement);
  downloadUrl = URL.createObjectURL(blob);
  link.href = downloadUrl;
  link.download = outputName();
  link.textContent = `Download ${link.download} (${formatBytes(blob.size)})`;
  element("digest").textContent = `SHA-256 ${sha256}`;
  byId("progress", HTMLProgressElement).value = 1;
  setPhase("done", `Done and proven in ${seconds.toFixed(1)} s.`);
  const worst = [...losses.values()].toSorted((a, b) => a.sqnrDb - b.sqnrDb)[0];
  if (worst) choose(worst.name);
}

function failed(during: Request["kind"], failure: Failure): void {
  if (failure.code === "ABORTED") {
    forget();
    drawLayers();
    setPhase("idle", "Cancelled. Nothing was kept.");
    setState("cancelled");
    return;
  }
  if (during === "open") element("model").textContent = "No model yet.";
  if (during === "plan") element("plan").hidden = true;
  if (during === "run") setPhase("idle");
  if (during === "start") element("app").hidden = true;
  showFailure(problem, failure);
  setState("failed");
}

/** Says that there is no WebGPU, what to do about it, and what computes meanwhile. */
function showStandIn(description: string, warning: string): void {
  const notice = element("stand-in");
  notice.replaceChildren(
    make("h2", "", "No WebGPU here"),
    make("p", "", warning),
    make("p", "", `This page goes on with ${description}: the same bytes, more slowly.`),
  );
  notice.hidden = false;
}

function receive(reply: Reply): void {
  if (reply.kind === "device") {
    adapter = reply.description;
    if (reply.warning !== undefined) showStandIn(reply.description, reply.warning);
    if (!auto) setState("ready");
  } else if (reply.kind === "model") {
    element("model").textContent = `${reply.name}: ${formatBytes(reply.bytes)}, ${reply.content}.`;
    element("setup").hidden = false;
    replan();
  } else if (reply.kind === "plan") {
    plan = reply.summary;
    forget();
    setPhase("idle");
    for (const id of ["plan", "charts", "layers"]) element(id).hidden = false;
    showPlan(plan, adapter);
    drawLayers();
    if (auto) start();
    else setState("ready");
  } else if (reply.kind === "progress") {
    const { label, done, total, bytesDone, bytesTotal } = reply;
    byId("progress", HTMLProgressElement).value = bytesDone / Math.max(1, bytesTotal);
    element("status").textContent = `${reply.phase === "prove" ? "Proving " : ""}${done} of ${total}: ${label}`;
  } else if (reply.kind === "layer") {
    losses.set(reply.loss.name, reply.loss);
    drawLayers();
  } else if (reply.kind === "done") finish(reply);
  else if (reply.kind === "values") {
    if (reply.tensor !== chosen) return;
    element("histogram-title").textContent = `Weights of ${reply.tensor}`;
    histograms = reply.histograms;
    drawHistograms();
    auto = false;
    setState("done");
  } else failed(reply.during, reply.failure);
}

function listen(): void {
  worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => receive(data));
  worker.addEventListener("error", (event) => failed("start", failureOf(new Error(event.message))));
  byId("choices", HTMLFormElement).addEventListener("change", replan);
  element("run").addEventListener("click", start);
  element("cancel").addEventListener("click", () => ask({ kind: "cancel" }));
  const input = byId("file", HTMLInputElement);
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    if (file) open(file.name, file);
  });
  window.addEventListener("resize", () => {
    drawLayers();
    drawHistograms();
  });
  const drop = element("drop");
  for (const kind of ["dragover", "dragleave", "drop"] as const) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      const file = kind === "drop" ? event.dataTransfer?.files[0] : undefined;
      if (file && phase !== "running") open(file.name, file);
    });
  }
}

async function takeBundled(id: string): Promise<void> {
  const model = bundledModels.find((candidate) => candidate.id === id);
  if (!model) throw new Error(`There is no bundled model "${id}".`);
  for (const button of element("bundled").children) button.classList.toggle("chosen", button.id === id);
  open(`${model.id}.onnx`, await fetchModel(model));
}

function fillControls(): void {
  const format = select("format");
  format.append(...formatNames.map((name: FormatName) => make("option", "", name)));
  format.value = "int4";
  for (const id of ["format", "block", "search", "budget"]) {
    const asked = query.get(id);
    if (asked !== null) select(id).value = asked;
  }
  for (const { id, title, about } of bundledModels) {
    const button = make("button", "", title);
    button.type = "button";
    button.id = id;
    button.title = about;
    button.addEventListener("click", () => {
      takeBundled(id).catch((error: unknown) => failed("open", failureOf(error)));
    });
    element("bundled").append(button);
  }
}

fillControls();
listen();
ask({ kind: "start", hideWebGpu: query.has("no-webgpu") });
const asked = query.get("auto");
if (asked !== null) takeBundled(asked).catch((error: unknown) => failed("open", failureOf(error)));
