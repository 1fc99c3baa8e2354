// A shader import: `import code from "../../shaders/family/name.wgsl?flagA&flagB"`.
// The query lists the WESL conditions that hold; the build links the file into plain WGSL.
// A module pattern may hold one star only, so each query in use has its own declaration.
declare module "*.wgsl" {
  const code: string;
  export default code;
}
declare module "*.wgsl?columns" {
  const code: string;
  export default code;
}
declare module "*.wgsl?contiguous" {
  const code: string;
  export default code;
}
declare module "*.wgsl?quads" {
  const code: string;
  export default code;
}
declare module "*.wgsl?quads&held" {
  const code: string;
  export default code;
}
declare module "*.wgsl?width16&whole" {
  const code: string;
  export default code;
}
declare module "*.wgsl?width32&whole" {
  const code: string;
  export default code;
}
declare module "*.wgsl?width32&quads" {
  const code: string;
  export default code;
}
declare module "*.wgsl?width16" {
  const code: string;
  export default code;
}
declare module "*.wgsl?width32" {
  const code: string;
  export default code;
}
declare module "*.wgsl?subgroups" {
  const code: string;
  export default code;
}
declare module "*.wgsl?wide" {
  const code: string;
  export default code;
}
declare module "*.wgsl?wide&subgroups" {
  const code: string;
  export default code;
}
declare module "*.wgsl?narrow" {
  const code: string;
  export default code;
}
declare module "*.wgsl?whole" {
  const code: string;
  export default code;
}
declare module "*.wgsl?dot4" {
  const code: string;
  export default code;
}
declare module "*.wgsl?half" {
  const code: string;
  export default code;
}
declare module "*.wgsl?half&f16" {
  const code: string;
  export default code;
}
declare module "*.wgsl?half&f16&subgroups" {
  const code: string;
  export default code;
}
declare module "*.wgsl?half&subgroups" {
  const code: string;
  export default code;
}
