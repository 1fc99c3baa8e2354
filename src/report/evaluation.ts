// An evaluation as tables of plain text, which the terminal and the page print alike.
import type { EvaluationReport, TaskReports } from "../evaluate/evaluate-outputs.ts";
import type { Interval } from "../evaluate/statistics/bootstrap.ts";
import type { PairedDifference } from "../evaluate/statistics/paired-bootstrap.ts";
import { escapeHtml } from "./escape.ts";
import { formatPercent } from "./numbers.ts";
import { htmlPage, htmlTable, section, tiles } from "./page.ts";

export interface EvaluationTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

type Write = (value: number) => string;
type Figure = readonly [name: string, value: number | null | undefined, write: Write, interval?: Interval | undefined];

const plain: Write = (value) => (value === 0 ? "0" : value.toPrecision(4));
const decibels: Write = (value) => `${value.toFixed(1)} dB`;
const written = (value: number | null | undefined, write: Write): string =>
  value === null || value === undefined ? "-" : write(value);
const range = (interval: Interval | undefined, write: Write): string =>
  interval ? `${write(interval.low)} to ${write(interval.high)}` : "-";

function classifierFigures(of: TaskReports["classification"]["model"]): readonly Figure[] {
  if (!of) return [];
  return [
    ["accuracy", of.accuracy, formatPercent, of.intervals?.accuracy],
    ...of.topK.filter(({ k }) => k > 1).map(({ k, accuracy }): Figure => [`top-${k}`, accuracy, formatPercent]),
    ["balanced accuracy", of.balancedAccuracy, formatPercent, of.intervals?.balancedAccuracy],
    ["macro F1", of.f1.macro, plain, of.intervals?.macroF1],
    ["cross-entropy (nats)", of.crossEntropy, plain],
    ["expected calibration error", of.calibration.expected, plain],
    ...(of.rocAuc ? [["macro ROC AUC", of.rocAuc.macro, plain] as const] : []),
  ];
}

function languageFigures(of: TaskReports["language-model"]["model"]): readonly Figure[] {
  if (!of) return [];
  return [
    ["cross-entropy (nats)", of.crossEntropy, plain, of.crossEntropyInterval],
    ["perplexity", of.perplexity, plain],
    ["bits per token", of.bitsPerToken, plain],
    ["bits per byte", of.bitsPerByte, plain],
  ];
}

function regressionFigures(of: TaskReports["regression"]["model"]): readonly Figure[] {
  if (!of) return [];
  return [
    ["mean squared error", of.mse, plain, of.mseInterval],
    ["root of it", of.rmse, plain],
    ["mean absolute error", of.mae, plain],
    ["largest error", of.maxAbsError, plain],
    ["PSNR", of.psnrDb, decibels],
    ["R²", of.r2, plain],
  ];
}

function segmentationFigures(of: TaskReports["segmentation"]["model"]): readonly Figure[] {
  if (!of) return [];
  return [
    ["mean IoU", of.meanIou, formatPercent, of.meanIouInterval],
    ["pixel accuracy", of.pixelAccuracy, formatPercent],
    ["mean class accuracy", of.meanAccuracy, formatPercent],
    ["weighted IoU", of.frequencyWeightedIou, formatPercent],
  ];
}

const embeddingFigures = (of: TaskReports["embedding"]["model"]): readonly Figure[] =>
  of ? [["rank correlation", of.rankCorrelation, plain, of.interval]] : [];

function figuresOf(report: EvaluationReport, which: "model" | "original"): readonly Figure[] {
  if (report.task === "classification") return classifierFigures(report[which]);
  if (report.task === "language-model") return languageFigures(report[which]);
  if (report.task === "regression") return regressionFigures(report[which]);
  if (report.task === "segmentation") return segmentationFigures(report[which]);
  return embeddingFigures(report[which]);
}

function agreementOf(report: EvaluationReport): readonly Figure[] {
  if (!report.agreement) return [];
  if (report.task === "classification") {
    const { sameTopClass, klDivergence, klInterval } = report.agreement;
    return [
      ["same top class", sameTopClass, formatPercent],
      ["KL to the original (nats)", klDivergence, plain, klInterval],
    ];
  }
  if (report.task === "language-model") {
    const { sameTopToken, klDivergence, klInterval } = report.agreement;
    return [
      ["same top token", sameTopToken, formatPercent],
      ["KL to the original (nats)", klDivergence, plain, klInterval],
    ];
  }
  if (report.task === "regression") return regressionFigures(report.agreement);
  if (report.task === "segmentation") {
    const { samePixels, meanIou } = report.agreement;
    return [
      ["same pixels", samePixels, formatPercent],
      ["mean IoU with the original", meanIou, formatPercent],
    ];
  }
  const { meanCosine, minCosine, cosineInterval, rankCorrelation, sameNeighbour } = report.agreement;
  return [
    ["mean cosine", meanCosine, (value) => value.toFixed(6), cosineInterval],
    ["least cosine", minCosine, (value) => value.toFixed(6)],
    ["rank correlation of similarities", rankCorrelation, plain],
    ["same nearest neighbour", sameNeighbour, formatPercent],
  ];
}

const differenceNames: Readonly<Record<string, string>> = {
  accuracy: "accuracy",
  macroF1: "macro F1",
  crossEntropy: "cross-entropy (nats)",
  mse: "mean squared error",
  meanIou: "mean IoU",
  rankCorrelation: "rank correlation",
};

function differencesOf({ difference = {} }: EvaluationReport): EvaluationTable[] {
  const paired = Object.entries(difference).flatMap(([key, value]: [string, PairedDifference | object]) =>
    "excludesZero" in value ? [[differenceNames[key] ?? key, value] as const] : [],
  );
  if (paired.length === 0) return [];
  return [
    {
      title: "Difference to the original (paired bootstrap)",
      head: ["figure", "original", "model", "difference", "interval", "more than chance"],
      rows: paired.map(([name, value]) => [
        name,
        plain(value.original),
        plain(value.compressed),
        plain(value.estimate),
        range(value, plain),
        value.excludesZero ? "yes" : "no",
      ]),
    },
  ];
}

function mcnemarOf(report: EvaluationReport): EvaluationTable[] {
  if (report.task !== "classification" || !report.difference) return [];
  const { onlyFirst, onlySecond, method, pValue } = report.difference.mcnemar;
  return [
    {
      title: "McNemar's test",
      head: ["only the original right", "only the model right", "test", "p"],
      rows: [[String(onlyFirst), String(onlySecond), method, plain(pValue)]],
    },
  ];
}

const mostClasses = 40;

function classesOf(report: EvaluationReport): EvaluationTable[] {
  if (report.task !== "classification" || !report.model || report.classes > mostClasses) return [];
  return [
    {
      title: "Classes",
      head: ["class", "samples", "precision", "recall", "F1"],
      rows: report.model.perClass.map((each) => [
        report.classNames?.[each.class] ?? String(each.class),
        String(each.support),
        formatPercent(each.precision),
        formatPercent(each.recall),
        each.f1.toFixed(3),
      ]),
    },
  ];
}

const cells = ([, value, write, interval]: Figure): string[] => [written(value, write), range(interval, write)];

/** The tables of a report, those that have rows. */
export function evaluationTables(report: EvaluationReport): readonly EvaluationTable[] {
  const [model, original, agreement] = [figuresOf(report, "model"), figuresOf(report, "original"), agreementOf(report)];
  const level = model.find(([, , , interval]) => interval)?.[3]?.level ?? 0.95;
  const interval = `${100 * level} % interval`;
  return [
    {
      title: "Figures",
      head: ["figure", "model", interval, ...(original.length > 0 ? ["original", interval] : [])],
      rows: model.map((figure, row) => {
        const before = original[row];
        return [figure[0]].concat(cells(figure), before ? cells(before) : []);
      }),
    },
    {
      title: "Agreement with the original",
      head: ["figure", "value", interval],
      rows: agreement.map((figure) => [figure[0]].concat(cells(figure))),
    },
    ...differencesOf(report),
    ...mcnemarOf(report),
    ...classesOf(report),
  ].filter(({ rows }) => rows.length > 0);
}

export interface EvaluationFacts {
  readonly model: string;
  readonly against?: string;
  readonly data: string;
  readonly adapter: string;
  readonly samples: number;
  readonly available: number;
  readonly seed: number;
  readonly report: EvaluationReport;
}

/** One line that says what was judged by what. */
export const evaluationSubject = ({
  model,
  against,
  data,
  adapter,
  samples,
  available,
  seed,
}: EvaluationFacts): string =>
  `${model}${against === undefined ? "" : ` against ${against}`} on ${samples} of ${available} samples of ${data}, seed ${seed}, on ${adapter}`;

/** The report as a self-contained page. */
export function evaluationPage(facts: EvaluationFacts): string {
  const { report } = facts;
  const figures = [...figuresOf(report, "model"), ...agreementOf(report)].slice(0, 4);
  const warnings = report.warnings.map((text) => `<li>${escapeHtml(text)}</li>`).join("");
  const body = [
    `<h1>Evaluation: ${escapeHtml(report.task)}</h1><p class="soft">${escapeHtml(evaluationSubject(facts))}</p>`,
    tiles(figures.map(([label, value, write]) => ({ figure: written(value, write), label }))),
    ...(warnings === "" ? [] : [section("Warnings", `<ul>${warnings}</ul>`, "", "warn")]),
    ...evaluationTables(report).map(({ title, head, rows }) => {
      const columns = head.map((text, at) => ({
        title: text,
        kind: at === 0 ? ("name" as const) : ("number" as const),
      }));
      return section(title, htmlTable(columns, rows));
    }),
  ].join("\n");
  return htmlPage({ title: `Evaluation of ${facts.model}`, body });
}
