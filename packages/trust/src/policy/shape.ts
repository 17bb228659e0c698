/**
 * The shape of each part of `firstmile.toml`. Strict throughout: an ignored rule is a hole, so a key that this version
 * does not know, or knows but does not enforce yet, refuses the policy. Names and meaning are checked elsewhere.
 */
import { z } from "zod";

const table = z.record(z.string(), z.unknown());
const text = z.string().min(1);

export interface GroupShape {
  any: number;
  of: (string | GroupShape)[];
}

export const groupShape: z.ZodType<GroupShape> = z.lazy(() =>
  z.strictObject({ any: z.int(), of: z.array(z.union([z.string(), groupShape])) }),
);

export const topShape = z.strictObject({
  format: z.literal(1),
  name: text,
  expires: z.unknown().refine((value) => value !== undefined),
  mode: z.enum(["enforce"]).default("enforce"),
  principal: table,
  role: table,
  source: table.optional(),
  output: table.optional(),
});

export const keyShape = z.union([
  text,
  z.strictObject({ file: text, touch: z.boolean().default(false), pin: z.boolean().default(false) }),
]);

export const principalShape = z.strictObject({
  email: z.union([text, z.array(text)]).optional(),
  operator: text.optional(),
  keys: z.array(keyShape),
});

export const ruleShape = z.strictObject({
  paths: z.array(z.string()).min(1),
  write: z.union([z.string(), groupShape]),
});

export const sourceShape = z.strictObject({
  urls: z.array(z.string()).min(1),
  authenticate: z.enum(["every-commit", "first-parent", "tip"]),
  introduction: z.strictObject({ commit: z.string(), signed_by: z.string() }),
  rule: z.array(table).optional(),
});

export const outputShape = z.strictObject({
  builders: z.string(),
  level: z.enum(["path"]).default("path"),
  caches: z.array(z.string()).default([]),
  local_builds: z.boolean().default(true),
  conflict: z.enum(["deny"]).default("deny"),
});

/** The known keys of each part, for the nearest to an unknown one. */
export const KNOWN_KEYS: Readonly<Record<Part, readonly string[]>> = {
  policy: ["format", "name", "expires", "mode", "principal", "role", "source", "output"],
  principal: ["email", "operator", "keys"],
  key: ["file", "touch", "pin"],
  group: ["any", "of"],
  source: ["urls", "authenticate", "introduction", "rule"],
  introduction: ["commit", "signed_by"],
  rule: ["paths", "write"],
  output: ["builders", "level", "caches", "local_builds", "conflict"],
};

export type Part = "policy" | "principal" | "key" | "group" | "source" | "introduction" | "rule" | "output";

/** Keys that the format reserves for rules which this version cannot enforce, by part. */
export const UNSUPPORTED_KEYS: Readonly<Partial<Record<Part, readonly string[]>>> = {
  policy: ["upstream", "import"],
  key: ["retired", "compromised"],
  group: ["certified"],
  rule: ["review"],
};

/** Values reserved in the same way, by key. */
export const UNSUPPORTED_VALUES: ReadonlyMap<string, readonly string[]> = new Map([
  ["mode", ["audit"]],
  ["authenticate", ["slice"]],
  ["level", ["derivation", "closure"]],
]);
