// Lines of Latin text to read, by seed: words, dates, prices and names as documents have them. Own words.
import { seededRandom, type Random } from "../../src/base/random.ts";

const nouns =
  "invoice letter garden station window report winter harbour kitchen market journey bridge copper signal".split(" ");
const verbs = "arrives carries finds leaves opens paints repairs returns sends signs waits writes".split(" ");
const adjectives = "ancient bright clear distant gentle heavy local narrow northern quiet simple warm".split(" ");
const cities = "Bergen Cardiff Dresden Genoa Lisbon Malmo Nantes Porto Tallinn Utrecht Vienna Zurich".split(" ");
const months = "January February March April June July August October November".split(" ");

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
const price = (random: Random): string => `${random.int(2, 980)}.${String(random.int(0, 100)).padStart(2, "0")}`;

const shapes: readonly ((random: Random) => string)[] = [
  (r) => `The ${r.pick(adjectives)} ${r.pick(nouns)} ${r.pick(verbs)} in ${r.pick(months)}`,
  (r) => `${capital(r.pick(nouns))} No. ${r.int(100, 99999)}, ${r.pick(cities)}`,
  (r) => `${r.int(1, 29)} ${r.pick(months)} ${r.int(1890, 2030)}`,
  (r) => `Total: ${price(r)} EUR`,
  (r) => `${r.pick(cities)} to ${r.pick(cities)} at ${r.int(10, 24)}:${r.int(10, 60)}`,
  (r) => `Each ${r.pick(nouns)} ${r.pick(verbs)} the ${r.pick(adjectives)} ${r.pick(nouns)}`,
];

/** `count` lines, the same for the same seed. */
export function makeLines(count: number, seed: number): readonly string[] {
  const random = seededRandom(seed, "text");
  return Array.from({ length: count }, () => random.pick(shapes)(random));
}
