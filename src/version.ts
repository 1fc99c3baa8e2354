// The package's version, put in at build time.
declare const __WGSLIM_VERSION__: string;

export const wgslimVersion: string = __WGSLIM_VERSION__;
