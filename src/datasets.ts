// The public entry "wgslim/data": data sets from files, folders and iterables, as batches of named tensors.
export { fromArrays, idxDataset, npyDataset, npzDataset, type IdxOptions } from "./data/arrays.ts";
export { csvDataset, type CsvOptions } from "./data/csv.ts";
export { batches, type Batch, type BatchOptions, type Dataset, type Field } from "./data/dataset.ts";
export { feedsOf, matchFields } from "./data/feeds.ts";
export {
  imageFolder,
  type DecodedImage,
  type DecodeImage,
  type ImageFile,
  type ImageFolderOptions,
} from "./data/image-folder.ts";
export { jsonLinesDataset, type JsonLinesOptions } from "./data/json-lines.ts";
export { openDataset, type OpenDatasetOptions } from "./data/open-dataset.ts";
export { withPictures, type PictureOptions } from "./data/pictures.ts";
export { batchesFrom, syntheticBatches, type StreamOptions, type SyntheticOptions } from "./data/streams.ts";
export { labelsOf, split, subset, type SplitOptions } from "./data/subsets.ts";
export { tokenWindows, type WindowOptions } from "./data/token-windows.ts";
export { readNpy, writeNpy, type NpyArray } from "./formats/npy.ts";
export { readNpz, writeNpz } from "./formats/npz.ts";
