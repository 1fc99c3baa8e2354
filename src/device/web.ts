// The one place that reads `navigator.gpu`, through globalThis so that pages, workers and Deno are alike.
import { NoAdapterError } from "../base/errors.ts";

/** The platform's GPU object, or undefined. */
export function platformGpu(): GPU | undefined {
  return (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
}

/** Says why there is no adapter in a browser, and the ways out. */
export function noAdapterOnWeb(hasGpuObject: boolean): NoAdapterError {
  const insecure = (globalThis as { isSecureContext?: boolean }).isSecureContext === false;
  if (insecure) {
    return new NoAdapterError("WebGPU is hidden from this page, because it is not a secure context.", {
      hint: "Serve the page over https or from localhost.",
      details: { secureContext: false },
    });
  }
  if (!hasGpuObject) {
    return new NoAdapterError("This browser has no WebGPU.", {
      hint:
        "Use a current Chrome, Edge, Firefox or Safari. In Node, import openDevice from the package in Node " +
        "itself, which brings its own drivers.",
      details: { navigatorGpu: false },
    });
  }
  return new NoAdapterError("This browser has WebGPU, but found no adapter.", {
    hint:
      "Turn on hardware acceleration in the browser's settings and look at chrome://gpu. On Linux, or without a GPU, " +
      "start Chrome with --enable-unsafe-webgpu; --use-webgpu-adapter=swiftshader takes its software adapter.",
    details: { navigatorGpu: true },
  });
}
