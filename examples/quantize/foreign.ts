// What a file is that is no model, by its first bytes: a reader who took a checkpoint for a model is told so.

interface Kind {
  readonly starts: string;
  readonly at?: number;
  readonly is: string;
  readonly hint: string;
}

const exportHint = "Export the model to ONNX, or save its weights as safetensors.";

const kinds: readonly Kind[] = [
  {
    starts: "version https://git-lfs",
    is: "a Git LFS pointer: a note that says where the model is, not the model",
    hint: "Fetch the model itself: git lfs pull, or the download button of its page.",
  },
  {
    starts: "PK\u0003\u0004",
    is: "a ZIP archive, as PyTorch writes its checkpoints (.pt, .pth, .bin)",
    hint: exportHint,
  },
  { starts: "\u0080\u0002", is: "a Python pickle, as older PyTorch writes its checkpoints", hint: exportHint },
  { starts: "\u0089HDF\r\n", is: "an HDF5 file, as Keras writes its models", hint: exportHint },
  { starts: "TFL3", at: 4, is: "a TensorFlow Lite model", hint: exportHint },
  {
    starts: "ORTM",
    at: 4,
    is: "a model in onnxruntime's own format (.ort)",
    hint: "Take the ONNX file that it was made from.",
  },
  { starts: "GGUF", is: "a GGUF file", hint: "Take the ONNX or safetensors files that it was made from." },
  { starts: "<!", is: "a web page", hint: "The link led to a page about the model; download the file itself." },
  { starts: "<html", is: "a web page", hint: "The link led to a page about the model; download the file itself." },
  { starts: "\u0089PNG", is: "a picture", hint: exportHint },
];

/** What the file is and what to do, or undefined where its first bytes tell nothing. */
export async function recognize(blob: Blob): Promise<Pick<Kind, "is" | "hint"> | undefined> {
  const bytes = new Uint8Array(await blob.slice(0, 32).arrayBuffer());
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return kinds.find(({ starts, at = 0 }) => text.startsWith(starts, at));
}
