// The public entry for pages and workers: everything of the main entry, and the browser's files.
export * from "./index.ts";
export { toBlob, toOpfs } from "./web-files.ts";
export { openWebBackend, type WebBackend, type WebBackendOptions } from "./web-backend.ts";
