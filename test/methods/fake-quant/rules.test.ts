// Rules of simulated quantization: what is read out of text and JSON, and what is refused before anything runs.
import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import {
  fakeQuantRulesOf,
  parseFakeQuantRule,
  settingOf,
  type FakeQuantRule,
} from "../../../src/methods/fake-quant/rules.ts";
import { Targets } from "../../../src/methods/fake-quant/targets.ts";
import { cnn } from "../../support/small-graphs.ts";

describe("text", () => {
  it.each<readonly [string, FakeQuantRule]>([
    ["*=int8", { pattern: "*", format: "int8" }],
    ["Conv=int8,per=tensor,scale=0.02", { pattern: "Conv", format: "int8", per: "tensor", scale: 0.02 }],
    ["a=b=uint8,scale=0.5,zero=3", { pattern: "a=b", format: "uint8", scale: 0.5, zero: 3 }],
    ["/w,q/=int4,per=group:32,asymmetric", { pattern: "/w,q/", format: "int4", per: { group: 32 }, symmetric: false }],
    ["x=int8,scale=0.1:0.2,axis=-1", { pattern: "x", format: "int8", scale: [0.1, 0.2], axis: -1 }],
    ["x=skip,on=activations", { pattern: "x", format: "skip", on: "activations" }],
    ["x=int4,search=hqq,symmetric", { pattern: "x", format: "int4", search: "hqq", symmetric: true }],
    ["x=fp8-e4m3,per=token", { pattern: "x", format: "fp8-e4m3", per: "token" }],
  ])("%s", (text, rule) => {
    expect(parseFakeQuantRule(text)).toEqual(rule);
    expect(fakeQuantRulesOf([rule, text])).toEqual([rule, rule]);
  });

  it.each([
    "x",
    "=int8",
    "x=int9",
    "x=int8,per=row",
    "x=int8,scale=",
    "x=int8,scale=a",
    "x=int8,axis=1.5",
    "x=int8,on=both",
    "x=int8,what=1",
    "x=int8,per=group:x",
    "x=int8,search=best",
  ])("refuses %s", (text) => {
    expect(() => parseFakeQuantRule(text)).toThrow(UsageError);
  });

  it.each([
    {},
    "x=int8",
    [3],
    [null],
    [{ pattern: "x" }],
    [{ pattern: 3, format: "int8" }],
    [{ pattern: "x", format: "int8", bits: 4 }],
    [{ pattern: "x", format: "int8", scale: "1" }],
    [{ pattern: "x", format: "int8", per: {} }],
    [{ pattern: "x", format: "int8", axis: "0" }],
    [{ pattern: "x", format: "int8", symmetric: 1 }],
  ])("refuses the JSON %j", (json) => {
    expect(() => fakeQuantRulesOf(json)).toThrow(UsageError);
  });
});

describe("rules that contradict themselves", () => {
  it.each<readonly [string, string]>([
    ["x=nf4,per=channel", "power of two"],
    ["x=nf4,per=group:24", "power of two"],
    ["x=mxfp4,per=group:16", "blocks are of 32"],
    ["x=nvfp4,per=token", "blocks are of 16"],
    ["x=fp16,per=channel", "no scales"],
    ["x=bf16,axis=0", "no scales"],
    ["x=nf4,symmetric", "no symmetry"],
    ["x=fp8-e4m3,zero=0", "no symmetry"],
    ["x=ternary,scale=1", "can't be given"],
    ["x=int8,zero=0", "need scales"],
    ["x=int8,scale=1,zero=128", "from -128 to 127"],
    ["x=uint8,scale=1,zero=-1", "from 0 to 255"],
    ["x=int8,scale=1,zero=0.5", "integers"],
    ["x=int8,scale=0", "positive"],
    ["x=int8,scale=-1", "positive"],
    ["x=int8,scale=1e-40", "positive"],
    ["x=int8,scale=1:2,zero=1:2:3", "3 zero points for 2 scales"],
    ["x=int8,scale=1,symmetric", "follows from"],
    ["x=int8,scale=1,search=mse", "none to search"],
    ["x=int3,search=mse", "no search"],
    ["x=int4,search=mse,on=activations", "for weights"],
    ["x=int4,search=mse,per=group:20", "power of two"],
    ["x=int8,per=group:0", "groups of 0"],
    ["x=int8,per=group:2000", "groups of 2000"],
  ])("%s", (text, message) => {
    expect(() => settingOf(parseFakeQuantRule(text), 0)).toThrow(message);
    expect(() => settingOf(parseFakeQuantRule(text), 0)).toThrow(UsageError);
  });

  it("refuses scales and axes that are no numbers", () => {
    expect(() => settingOf({ pattern: "x", format: "int8", scale: Number.NaN }, 0)).toThrow(UsageError);
    expect(() => settingOf({ pattern: "x", format: "int8", scale: [] }, 0)).toThrow(UsageError);
    expect(() => settingOf({ pattern: "x", format: "int8", axis: Number.NaN }, 0)).toThrow(UsageError);
  });
});

const misspelt = (): Targets => new Targets(cnn, [{ pattern: "h1_nod", format: "int8" }]);

describe("names", () => {
  it("lists near names for a rule that matches nothing", () => {
    expect(misspelt).toThrow('Rule "h1_nod" matches no tensor, node or operator.');
    expect(misspelt).toThrow(expect.objectContaining({ hint: expect.stringContaining("h1_node") }));
  });

  it("takes globs and expressions over tensors, nodes and operators", () => {
    for (const pattern of ["x", "h1_node", "Conv", "h*", "/^Gem/", "w?"]) {
      expect(new Targets(cnn, [{ pattern, format: "int8" }]).settings).toHaveLength(1);
    }
    expect(() => new Targets(cnn, [{ pattern: "/(/", format: "int8" }])).toThrow(UsageError);
  });
});
