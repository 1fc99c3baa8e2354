// The public entry for pages and workers: everything of the main entry, and the browser's files.
export * from "./index.ts";
export { blobCheckpoint } from "./web-checkpoint.ts";
export { toBlob, toOpfs, type BlobSink, type OpfsOptions } from "./web-files.ts";
export { openWebBackend, type WebBackend, type WebBackendOptions } from "./web-backend.ts";
export { bitmapDecoder, imagesFromFiles } from "./data/web-images.ts";
