// A shader import: `import code from "../../shaders/family/name.wgsl?flagA&flagB"`.
// The query lists the WESL conditions that hold; the build links the file into plain WGSL.
declare module "*.wgsl" {
  const code: string;
  export default code;
}
declare module "*.wgsl?*" {
  const code: string;
  export default code;
}
