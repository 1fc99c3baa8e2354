// Tensors of a safetensors file in the terms that rules, packing and reading share with ONNX models.
import { elementCount } from "../base/dtypes.ts";
import { OnnxType, type OnnxTensor } from "../formats/onnx/ir.ts";
import type { SafeDType, SafeTensor } from "../formats/safetensors/types.ts";
import type { Weight } from "../model/weights.ts";

const floats: Readonly<Partial<Record<SafeDType, number>>> = {
  F32: OnnxType.FLOAT,
  F16: OnnxType.FLOAT16,
  BF16: OnnxType.BFLOAT16,
};

/** The same bytes as a tensor of the other format; the element type is told for floats only. */
export const asOnnxTensor = ({ name, dtype, shape, data }: SafeTensor): OnnxTensor => ({
  name,
  dataType: floats[dtype] ?? OnnxType.UINT8,
  dims: shape,
  data,
});

/** The tensor as a weight, if it is a float matrix or more. */
export function asWeight(tensor: SafeTensor): Weight | undefined {
  const { name, dtype, shape } = tensor;
  const dataType = floats[dtype];
  if (dataType === undefined || shape.length < 2) return undefined;
  return {
    id: name,
    holder: { name, path: [], tensor: asOnnxTensor(tensor), held: { as: "initializer" } },
    role: "other",
    dims: shape,
    elements: elementCount(shape),
    uses: [],
    operandRanks: [],
    sharedOtherwise: false,
    timesConstant: false,
    dataType,
    storedType: dataType,
    overridable: false,
  };
}
