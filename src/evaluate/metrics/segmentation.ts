// Figures of semantic segmentation, from the confusion matrix of pixels: pixel accuracy, intersection over union per
// class and its mean (Everingham et al., "The PASCAL visual object classes challenge", 2015; Long, Shelhamer and
// Darrell, "Fully convolutional networks", 2015, for the frequency-weighted mean).
import { confusionFigures, type Confusion } from "./confusion.ts";

export interface SegmentationFigures {
  readonly pixels: number;
  readonly pixelAccuracy: number;
  /** Mean over the classes of recall. */
  readonly meanAccuracy: number;
  /** Mean IoU over the classes that occur in labels or predictions. */
  readonly meanIou: number;
  /** IoU weighted by the classes' pixels. */
  readonly frequencyWeightedIou: number;
  readonly perClass: readonly { readonly class: number; readonly pixels: number; readonly iou: number }[];
}

/** Figures from pairs of label and prediction with their pixels; a pair may come several times. */
export function segmentationFigures(pairs: Iterable<Confusion>): SegmentationFigures {
  const { samples, accuracy, balancedAccuracy, perClass } = confusionFigures(pairs);
  const ious = perClass.map(({ class: index, support, predicted, right }) => ({
    class: index,
    pixels: support,
    iou: right / (support + predicted - right),
  }));
  return {
    pixels: samples,
    pixelAccuracy: accuracy,
    meanAccuracy: balancedAccuracy,
    meanIou: ious.length === 0 ? 0 : sum(ious.map(({ iou }) => iou)) / ious.length,
    frequencyWeightedIou: samples === 0 ? 0 : sum(ious.map(({ iou, pixels }) => iou * pixels)) / samples,
    perClass: ious,
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
