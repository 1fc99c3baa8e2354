// The segment tree against plain arrays.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { SpanSums } from "../../src/plan/span-sums.ts";

it("adds to spans and finds the largest in spans, as an array would", () => {
  const span = fc.tuple(fc.nat(99), fc.nat(99), fc.integer({ min: 0, max: 1000 }));
  const values = fc.array(fc.nat(1000), { minLength: 1, maxLength: 100 });
  fc.assert(
    fc.property(values, fc.array(span, { maxLength: 30 }), (start, spans) => {
      const plain = [...start];
      const tree = new SpanSums(start);
      for (const [a, b, amount] of spans) {
        const [x, y] = [a % plain.length, b % plain.length];
        const [from, to] = [Math.min(x, y), Math.max(x, y)];
        expect(tree.largest(from, to)).toBe(Math.max(...plain.slice(from, to + 1)));
        tree.add(from, to, amount);
        for (let at = from; at <= to; at++) plain[at] = (plain[at] ?? 0) + amount;
        expect(plain.map((_, at) => tree.largest(at, at))).toEqual(plain);
        expect(tree.largest(0, plain.length - 1)).toBe(Math.max(...plain));
      }
    }),
    { numRuns: 100 },
  );
});
