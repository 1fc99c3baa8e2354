// The zoo: architectures as graphs made by code, with weights by seed, for everything that takes a model. Small by
// default, of published size by options. The operator sets, the places of constants, the forms of norms and of
// activation functions differ from one to the next as they do among exporters.
import { bertBase } from "./bert.ts";
import { convnextTiny } from "./convnext.ts";
import { densenet121 } from "./densenet.ts";
import { efficientnetB0 } from "./efficientnet.ts";
import type { ZooEntry, ZooOptions } from "./entry.ts";
import { googlenet } from "./googlenet.ts";
import { gpt2 } from "./gpt2.ts";
import { lenet5 } from "./lenet.ts";
import { llama } from "./llama.ts";
import { mobilenetV2 } from "./mobilenet-v2.ts";
import { mobilenetV3Large, mobilenetV3Small } from "./mobilenet-v3.ts";
import { fcnResnet50, resnet18, resnet50 } from "./resnet.ts";
import { shufflenetV2 } from "./shufflenet.ts";
import { squeezenet } from "./squeezenet.ts";
import { swinTiny } from "./swin.ts";
import { gruStream, gruTagger, lstmTagger } from "./taggers.ts";
import { unetResize, unetTranspose } from "./unet.ts";
import { vgg16, vgg16Norms } from "./vgg.ts";
import { vitB16 } from "./vit.ts";
import { whisperTiny } from "./whisper.ts";

export const zoo: readonly ZooEntry<ZooOptions>[] = [
  lenet5,
  vgg16,
  vgg16Norms,
  resnet18,
  resnet50,
  fcnResnet50,
  mobilenetV2,
  mobilenetV3Small,
  mobilenetV3Large,
  densenet121,
  shufflenetV2,
  squeezenet,
  googlenet,
  efficientnetB0,
  convnextTiny,
  unetTranspose,
  unetResize,
  vitB16,
  swinTiny,
  bertBase,
  gpt2,
  llama,
  whisperTiny,
  lstmTagger,
  gruTagger,
  gruStream,
];
