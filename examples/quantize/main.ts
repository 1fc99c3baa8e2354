// The page: takes a model, shows the plan, the run and what was lost. All work is the worker's.
// ?auto=MODEL&format=FORMAT[&block=N][&search=KIND][&budget=BYTES] runs by itself; ?no-webgpu behaves as a browser
// without WebGPU does.
import { describeFormat, formatNames, resolveFormat } from "../../src/web.ts";
import { byId, failureOf, formatBytes, make, setState, showFailure, type Failure } from "../shared/page.ts";
import { describeBar, histogramChart, lossChart, type LossBar } from "./charts.ts";
import { nameOf, outputNameOf } from "./files.ts";
import { formatWords } from "./format-words.ts";
import type { Histograms } from "./histograms.ts";
import { Intake } from "./intake.ts";
import { LayersView } from "./layers-view.ts";
import { showPlan, showWarnings, shrinks } from "./plan-view.ts";
import { describeProblem, missingFile } from "./problems.ts";
import type { Choice, LayerLoss, OpenedModel, PlanSummary, Reply, Request } from "./protocol.ts";

const query = new URLSearchParams(location.search);
const worker = new Worker(new URL("worker.ts", import.meta.url), { type: "module" });
const ask = (request: Request): void => worker.postMessage(request, {});

const element = (id: string): HTMLElement => byId(id, HTMLElement);
const select = (id: string): HTMLSelectElement => byId(id, HTMLSelectElement);
const widthOf = (id: string): number => Math.max(240, element(id).clientWidth);
const problem = element("problem");
const layers = new LayersView(choose);

let adapter = "";
let model: OpenedModel | undefined;
let plan: PlanSummary | undefined;
let losses = new Map<string, LayerLoss>();
let chosen: string | undefined;
let phase: "idle" | "running" | "done" = "idle";
let histograms: Histograms | undefined;
let urls: string[] = [];
/** Weights that the reader leaves float. */
let keep: string[] = [];
/** What to do once a cancelled run has ended. */
let afterCancel: (() => void) | undefined;
/** Set while the page runs by itself, until the first layer's histograms stand. */
let auto = query.has("auto");

function choiceOf(): Choice {
  const [block, search, budget] = [select("block").value, select("search").value, select("budget").value];
  const format = formatNames.find((name) => name === select("format").value) ?? "int4";
  return {
    format,
    ...(block && !select("block").disabled ? { blockSize: Number(block) } : {}),
    ...((search === "absmax" || search === "mse" || search === "hqq") && !select("search").disabled ? { search } : {}),
    ...(budget ? { memoryBudget: Number(budget) } : {}),
    apart: byId("apart", HTMLInputElement).checked && model?.format === "onnx",
    keep,
    outputName: outputNameOf(model?.name ?? "model.onnx", format),
  };
}

/** Asks for a plan of the current choices; controls that a format has no use for are switched off. */
function replan(): void {
  const { format } = choiceOf();
  const { family, granularity } = resolveFormat(format);
  select("search").disabled = family !== "affine";
  select("block").disabled = !(family === "affine" || (family === "table" && granularity === "block"));
  byId("apart", HTMLInputElement).disabled = model?.format !== "onnx";
  const { about, written } = formatWords[format];
  const { blockSize, search } = choiceOf();
  const options = { ...(blockSize ? { blockSize } : {}), ...(search ? { search: { kind: search } } : {}) };
  element("format-words").replaceChildren(
    make("p", "", about),
    make("p", "note", describeFormat(resolveFormat(format, options))),
    ...(model?.format === "onnx" ? [make("p", "note", `Written as ${written}.`)] : []),
  );
  problem.hidden = true;
  ask({ kind: "plan", choice: choiceOf() });
}

function setPhase(next: typeof phase, status = ""): void {
  const hadFocus = document.activeElement;
  phase = next;
  const busy = phase === "running";
  const run = byId("run", HTMLButtonElement);
  run.hidden = phase !== "idle";
  const worth = !plan || shrinks(plan);
  run.textContent = worth ? "Quantize" : "Quantize all the same";
  run.classList.toggle("primary", worth);
  element("cancel").hidden = !busy;
  element("progress").hidden = !busy;
  element("result").hidden = phase !== "done";
  byId("choices", HTMLFormElement).inert = busy;
  element("drop").inert = busy;
  element("status").textContent = status;
  // A reader with a keyboard stays at the button of the day.
  if (hadFocus instanceof HTMLElement && hadFocus.hidden) element(busy ? "cancel" : "run").focus();
  if (hadFocus === element("cancel") && phase === "done") element("download").focus();
}

function forget(): void {
  losses = new Map();
  [chosen, histograms] = [undefined, undefined];
  layers.clear();
  layers.choose(undefined);
  element("histogram").replaceChildren(
    make("p", "empty", "When the run is done, choose a layer to see its weights before and after."),
  );
  element("histogram-title").textContent = "Weights of a layer";
  byId("progress", HTMLProgressElement).value = 0;
  drawSoon();
}

let drawing = false;

/** Draws once a frame, however many layers have come in. */
function drawSoon(): void {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    drawLosses();
  });
}

function drawLosses(): void {
  if (!plan) return;
  const formats = [...new Set(plan.tensors.map(({ format }) => format))];
  const bars = plan.tensors.map(({ name, format }) => ({ name, format, sqnrDb: losses.get(name)?.sqnrDb }));
  const hadFocus = element("loss").contains(document.activeElement);
  const point = (bar: LossBar | undefined): void => {
    const shown = bar ?? bars.find(({ name }) => name === chosen);
    element("loss-readout").textContent = shown ? describeBar(shown) : "";
  };
  const width = widthOf("loss");
  element("loss").replaceChildren(
    lossChart({ width, layers: bars, chosen, formats, onChoose: choose, onPoint: point }),
  );
  const legend = formats.map((format, index) => make("span", "", make("i", `c${index % 4}`), format));
  element("loss-legend").replaceChildren(...legend);
  point(undefined);
  if (hadFocus) element("loss").querySelector<SVGElement>(".chosen")?.focus();
}

function drawHistograms(): void {
  if (histograms) element("histogram").replaceChildren(histogramChart(widthOf("histogram"), histograms));
}

function choose(name: string): void {
  chosen = name;
  layers.choose(name);
  drawSoon();
  if (phase === "done") ask({ kind: "values", tensor: name });
}

function start(resume: boolean): void {
  for (const url of urls.splice(0)) URL.revokeObjectURL(url);
  if (!resume) forget();
  problem.hidden = true;
  setPhase("running", resume ? "Opening the GPU again …" : "Starting …");
  setState("running");
  ask({ kind: "run", resume });
}

function finish({ files, seconds, warnings }: Extract<Reply, { kind: "done" }>): void {
  const links = files.map(({ name, blob }, index) => {
    const url = URL.createObjectURL(blob);
    urls.push(url);
    const link = make("a", "button primary large", `Download ${name}`, make("small", "", formatBytes(blob.size)));
    [link.href, link.download] = [url, name];
    if (index === 0) link.id = "download";
    return link;
  });
  element("downloads").replaceChildren(...links);
  const digests = files.map(({ name, sha256 }) =>
    make("div", "", ...(files.length > 1 ? [`${name} `] : []), `SHA-256 ${sha256}`),
  );
  element("digest").replaceChildren(...digests);
  showWarnings(warnings);
  layers.working("");
  setPhase("done", `Done in ${seconds.toFixed(1)} s. The file was read back and every weight matches.`);
  const worst = [...losses.values()].toSorted((a, b) => a.sqnrDb - b.sqnrDb)[0];
  if (worst) choose(worst.name);
  runEnded();
}

/** A run may be over before the word to cancel it arrives: what was to follow follows all the same. */
function runEnded(): void {
  const then = afterCancel;
  afterCancel = undefined;
  then?.();
}

function failed(during: Request["kind"], failure: Failure): void {
  if (failure.code === "ABORTED") {
    forget();
    setPhase("idle", "Cancelled. Nothing was kept.");
    setState("cancelled");
    runEnded();
    return;
  }
  if (during === "open") element("model").textContent = "No model yet.";
  if (during === "open" || during === "plan") showSections([]);
  if (during === "open") element("setup").hidden = true;
  if (during === "run") setPhase("idle");
  if (during === "run" && afterCancel) return runEnded();
  if (during === "start") element("app").hidden = true;
  intake.lack(during === "open" ? missingFile(failure) : undefined);
  const {
    title,
    failure: shown,
    actions,
  } = describeProblem(during, failure, {
    resume: () => start(true),
    restart: () => start(false),
    chooseMissing: () => byId("file", HTMLInputElement).click(),
    keepFloat(tensor) {
      keep.push(tensor);
      replan();
    },
  });
  showFailure(problem, shown, { title, actions });
  problem.scrollIntoView({ block: "nearest" });
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

/** Shows these of the sections that need a plan, and hides the others. */
function showSections(shown: readonly string[]): void {
  for (const id of ["plan", "charts", "layers"]) element(id).hidden = !shown.includes(id);
}

function showModel(next: OpenedModel): void {
  model = next;
  const { name, bytes, content, dataFiles } = next;
  const beside = dataFiles.length > 3 ? ` with ${dataFiles.length} data files` : "";
  const named = dataFiles.length > 0 && !beside ? ` with ${dataFiles.join(", ")}` : beside;
  element("model").replaceChildren(make("b", "", name), `${named}: ${formatBytes(bytes)}, ${content}`);
  element("setup").hidden = false;
  replan();
}

function receive(reply: Reply): void {
  if (reply.kind === "device") {
    adapter = reply.description;
    if (reply.warning !== undefined) showStandIn(reply.description, reply.warning);
    if (!auto) setState("ready");
  } else if (reply.kind === "model") showModel(reply.model);
  else if (reply.kind === "plan") {
    plan = reply.summary;
    showSections(plan.tensors.length > 0 ? ["plan", "charts", "layers"] : ["plan"]);
    layers.show(plan);
    forget();
    setPhase("idle");
    showPlan(plan, adapter);
    if (auto) start(false);
    else setState("ready");
  } else if (reply.kind === "progress") {
    const { label, done, total, bytesDone, bytesTotal } = reply;
    byId("progress", HTMLProgressElement).value = bytesDone / Math.max(1, bytesTotal);
    element("status").textContent = `${reply.phase === "prove" ? "Proving " : ""}${done} of ${total}: ${label}`;
    layers.working(label);
  } else if (reply.kind === "layer") {
    losses.set(reply.loss.name, reply.loss);
    layers.fill(reply.loss);
    drawSoon();
  } else if (reply.kind === "note") {
    forget();
    element("status").textContent = reply.text;
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

const failedToOpen = (error: unknown): void => failed("open", failureOf(error));

const intake = new Intake({
  open(files) {
    [model, plan, keep] = [undefined, undefined, []];
    problem.hidden = true;
    showSections([]);
    element("model").textContent = `Reading ${nameOf(files.main.path)} …`;
    setState("running");
    ask({ kind: "open", ...files });
  },
  isBusy: () => phase === "running",
  cancel(then) {
    if (phase !== "running") return then();
    afterCancel = then;
    ask({ kind: "cancel" });
  },
  fail: failedToOpen,
});

function fillControls(): void {
  const groups = new Map<string, HTMLOptGroupElement>();
  for (const name of formatNames) {
    const { group } = formatWords[name];
    const made = groups.get(group) ?? make("optgroup", "");
    made.label = group;
    made.append(make("option", "", name));
    groups.set(group, made);
  }
  select("format").append(...groups.values());
  select("format").value = "int4";
  for (const id of ["format", "block", "search", "budget"]) {
    const asked = query.get(id);
    if (asked !== null) select(id).value = asked;
  }
}

function listen(): void {
  worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => receive(data));
  worker.addEventListener("error", (event) => failed("start", failureOf(new Error(event.message))));
  byId("choices", HTMLFormElement).addEventListener("change", replan);
  element("run").addEventListener("click", () => start(false));
  element("again").addEventListener("click", replan);
  element("cancel").addEventListener("click", () => ask({ kind: "cancel" }));
  window.addEventListener("resize", () => {
    drawSoon();
    drawHistograms();
  });
}

fillControls();
listen();
ask({ kind: "start", hideWebGpu: query.has("no-webgpu") });
const asked = query.get("auto");
if (asked !== null) intake.takeBundled(asked).catch(failedToOpen);
