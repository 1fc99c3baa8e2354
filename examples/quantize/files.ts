// Which of the files that a reader gave is the model, and what lies beside it: data files of ONNX, shards of
// safetensors, whole folders. Knows files by path only and reads none of them.

export interface GivenFile {
  /** Relative to what was given: a name, or a path below a folder. */
  readonly path: string;
  readonly blob: Blob;
}

/** A model with the files of its folder; their paths are relative to it. */
export interface ModelFiles {
  readonly main: GivenFile;
  readonly siblings: readonly GivenFile[];
}

export type Found =
  | ({ readonly kind: "model" } & ModelFiles)
  | { readonly kind: "several"; readonly candidates: readonly GivenFile[] }
  | { readonly kind: "none" };

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1);
export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

const isGraph = ({ path }: GivenFile): boolean => /\.onnx$/i.test(path);
const isIndex = ({ path }: GivenFile): boolean => /\.safetensors\.index\.json$/i.test(path);
const isBag = ({ path }: GivenFile): boolean => /\.safetensors$/i.test(path);

/** Files that may be models by their names: graphs and indices, and tensors that no index in their folder speaks for. */
export function modelsAmong(files: readonly GivenFile[]): readonly GivenFile[] {
  const indexed = new Set(files.filter(isIndex).map(({ path }) => folderOf(path)));
  return files
    .filter((file) => isGraph(file) || isIndex(file) || (isBag(file) && !indexed.has(folderOf(file.path))))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** The model of these files. One file alone is taken for a model whatever its name. */
export function findModel(files: readonly GivenFile[]): Found {
  const candidates = modelsAmong(files);
  const [main] = candidates.length === 0 && files.length === 1 ? files : candidates;
  if (candidates.length > 1) return { kind: "several", candidates };
  return main ? { kind: "model", ...withSiblings(main, files) } : { kind: "none" };
}

export function withSiblings(main: GivenFile, files: readonly GivenFile[]): ModelFiles {
  const folder = folderOf(main.path);
  const siblings = files
    .filter(({ path }) => path !== main.path && path.startsWith(folder))
    .map(({ path, blob }) => ({ path: path.slice(folder.length), blob }));
  return { main, siblings };
}

/** Whether files that came later are meant to complete a model, rather than to replace it. */
export const completes = (later: readonly GivenFile[], missing: string): boolean =>
  later.some(({ path }) => nameOf(path) === nameOf(missing)) && !later.some((file) => isGraph(file) || isIndex(file));

/**
 * Adds files that came later to a model that lacked one. A file with the missing one's name takes its path, since
 * files chosen one by one have lost their folders.
 */
export function completed(files: ModelFiles, later: readonly GivenFile[], missing: string): ModelFiles {
  const added = later.map(({ path, blob }) => ({ path: nameOf(path) === nameOf(missing) ? missing : path, blob }));
  const taken = new Set(added.map(({ path }) => path));
  return { main: files.main, siblings: [...files.siblings.filter(({ path }) => !taken.has(path)), ...added] };
}

/** `model.safetensors.index.json` in int4 is `model_int4.safetensors`: shards become one file. */
export function outputNameOf(name: string, format: string): string {
  const [, stem = name, ending = ""] = /^(.*?)((?:\.safetensors\.index\.json|\.\w+)?)$/.exec(name) ?? [];
  return `${stem}_${format}${ending.replace(".index.json", "")}`;
}

export const chosenFiles = (list: FileList): readonly GivenFile[] =>
  Array.from(list, (file) => ({ path: file.webkitRelativePath || file.name, blob: file }));

/** Files of a drop, those in folders too. Must be called within the event; entries are gone afterwards. */
export async function droppedFiles(transfer: DataTransfer): Promise<readonly GivenFile[]> {
  const items = Array.from(transfer.items).filter(({ kind }) => kind === "file");
  const read = items.map((item) => {
    const entry = item.webkitGetAsEntry();
    const file = item.getAsFile();
    return entry?.isDirectory ? walk(entry) : file ? [{ path: file.name, blob: file }] : [];
  });
  return (await Promise.all(read)).flat();
}

async function walk(entry: FileSystemEntry): Promise<readonly GivenFile[]> {
  if (isFileEntry(entry)) {
    const blob = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    return [{ path: entry.fullPath.replace(/^\//, ""), blob }];
  }
  if (!isFolderEntry(entry)) return [];
  const reader = entry.createReader();
  const found: GivenFile[] = [];
  // A reader gives some entries at a time, and none at the end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    for (const each of await Promise.all(some.map(walk))) found.push(...each);
  }
}

const isFileEntry = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolderEntry = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;
