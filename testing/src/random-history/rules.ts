/** Rules by path that random histories are judged by, as data for the model and as the text of a policy. */
import { PEOPLE, type Person } from "./history.ts";

export interface Some {
  readonly any: number;
  readonly of: readonly Person[];
}

export interface RandomRule {
  /** `**`, or a directory such as `/docs/`. */
  readonly glob: string;
  readonly write: Some;
  readonly review?: Some;
  readonly mergeIsReview?: true;
}

export interface RuleSet {
  readonly name: string;
  /** The last rule that covers a path holds. */
  readonly rules: readonly RandomRule[];
}

const one = (...of: Person[]): Some => ({ any: 1, of });
const EVERYBODY: Some = one(...PEOPLE);
const TWO: Some = { any: 2, of: PEOPLE };

export const RULE_SETS: readonly RuleSet[] = [
  {
    name: "alice writes; docs by all",
    rules: [
      { glob: "**", write: one("alice") },
      { glob: "/docs/", write: EVERYBODY },
    ],
  },
  {
    name: "two write; docs by all",
    rules: [
      { glob: "**", write: TWO },
      { glob: "/docs/", write: EVERYBODY },
    ],
  },
  {
    name: "each has an area",
    rules: [
      { glob: "**", write: one("alice") },
      { glob: "/lib/", write: one("alice", "bob") },
      { glob: "/docs/", write: one("bob", "carol") },
    ],
  },
  {
    name: "all is read but docs",
    rules: [
      { glob: "**", write: EVERYBODY, review: EVERYBODY },
      { glob: "/docs/", write: EVERYBODY },
    ],
  },
  { name: "all is read", rules: [{ glob: "**", write: EVERYBODY, review: EVERYBODY }] },
  { name: "all is read by two", rules: [{ glob: "**", write: EVERYBODY, review: TWO }] },
  {
    name: "merging is reading",
    rules: [
      { glob: "**", write: EVERYBODY, review: EVERYBODY, mergeIsReview: true },
      { glob: "/docs/", write: EVERYBODY },
    ],
  },
  {
    name: "areas, and reading",
    rules: [
      { glob: "**", write: one("alice", "bob"), review: EVERYBODY },
      { glob: "/lib/", write: one("alice"), review: one("bob", "carol") },
      { glob: "/docs/", write: EVERYBODY },
    ],
  },
];

/** The rule that holds for a path. */
export function ruleOf({ rules }: RuleSet, path: string): RandomRule {
  return rules.findLast(({ glob }) => glob === "**" || path.startsWith(glob.slice(1)))!;
}

export function meets({ any, of }: Some, people: Iterable<Person>): boolean {
  const counted = new Set(people).intersection(new Set(of));
  return counted.size >= any;
}

export function asksForReading({ rules }: RuleSet): boolean {
  return rules.some(({ review }) => review !== undefined);
}

/** Tables of a source's rules, as in firstmile.toml. */
export function rulesText(source: string, { rules }: RuleSet): string {
  const group = ({ any, of }: Some) => `{ any = ${any}, of = ${JSON.stringify(of)} }`;
  const lines = rules.flatMap(({ glob, write, review, mergeIsReview }) => [
    `[[source.${source}.rule]]`,
    `paths = [${JSON.stringify(glob)}]`,
    `write = ${group(write)}`,
    ...(review ? [`review = ${group(review)}`] : []),
    ...(mergeIsReview ? ["merge_is_review = true"] : []),
  ]);
  return lines.join("\n");
}
