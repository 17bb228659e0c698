/**
 * The shape of each part of `firstmile.toml`. Strict throughout: an ignored rule is a hole, so a key that this version
 * does not know, or knows but does not enforce yet, refuses the policy. Names and meaning are checked elsewhere.
 */
import { z } from "zod";

const table = z.record(z.string(), z.unknown());
const text = z.string().min(1);

export interface CertifiedShape {
  by: string | GroupShape;
  any?: number | undefined;
  keyring: string;
}

export interface GroupShape {
  any: number;
  /** Absent only where `certified` says who. */
  of?: (string | GroupShape)[] | undefined;
  certified?: CertifiedShape | undefined;
}

const certifiedShape: z.ZodType<CertifiedShape> = z.lazy(() =>
  z.strictObject({
    by: z.union([z.string(), groupShape]),
    any: z.int().optional(),
    keyring: text,
  }),
);

export const groupShape: z.ZodType<GroupShape> = z.lazy(() =>
  z
    .strictObject({
      any: z.int(),
      of: z.array(z.union([z.string(), groupShape])).optional(),
      certified: certifiedShape.optional(),
    })
    .check(({ value, issues }) => {
      if (value.of !== undefined || value.certified !== undefined) return;
      issues.push({ code: "invalid_type", expected: "array", path: ["of"], input: value });
    }),
);

const headShape = z.strictObject({ signed_by: z.string(), max_age: text });

export const topShape = z.strictObject({
  format: z.literal(1),
  name: text,
  expires: z.unknown().refine((value) => value !== undefined),
  mode: z.enum(["enforce"]).default("enforce"),
  principal: table,
  role: table,
  source: table.optional(),
  import: table.optional(),
  upstream: z.array(table).optional(),
  mirrors: z.array(z.string()).default([]),
  head: headShape.optional(),
  output: table.optional(),
  evidence: z.array(z.string()).default([]),
});

const retiredShape = z.strictObject({
  after: z.union([text, z.array(text).min(1)]),
  key: text.optional(),
});
const compromisedShape = z.strictObject({ reason: text, key: text.optional() });

/** A key with more to say than its file. Which of these go together is checked in keys.ts. */
const keyTable = z.strictObject({
  file: text.optional(),
  sigstore: text.optional(),
  touch: z.boolean().optional(),
  pin: z.boolean().optional(),
  authority: z.array(text).min(1).optional(),
  identity: text.optional(),
  issuer: text.optional(),
  retired: z.union([retiredShape, z.array(retiredShape).min(1)]).optional(),
  compromised: z.union([compromisedShape, z.array(compromisedShape).min(1)]).optional(),
});

export type KeyTable = z.infer<typeof keyTable>;

export const keyShape = z.union([text, keyTable]);

export const principalShape = z.strictObject({
  email: z.union([text, z.array(text)]).optional(),
  operator: text.optional(),
  keys: z.array(keyShape),
});

export const ruleShape = z.strictObject({
  paths: z.array(z.string()).min(1),
  /** Required but with "slice", where it is refused: sources.ts. */
  write: z.union([z.string(), groupShape]).optional(),
  review: z.union([z.string(), groupShape]).optional(),
  merge_is_review: z.boolean().optional(),
  bump: z.enum(["upstream-signed"]).optional(),
  reverts: z.enum(["free"]).optional(),
  anywhere: z.boolean().optional(),
  waive: z.string().optional(),
  listings: z.enum(["count", "shown"]).optional(),
});

/** Which of these go together is checked in upstream.ts. */
export const upstreamShape = z.strictObject({
  urls: z.array(z.string()).min(1),
  author: text.optional(),
  signature: text.optional(),
  handoff: z.union([z.string(), groupShape]).optional(),
  waive: z.string().optional(),
  pinned: z.literal(true).optional(),
});

export const sourceShape = z.strictObject({
  urls: z.array(z.string()).min(1),
  authenticate: z.enum(["every-commit", "first-parent", "tip", "slice"]),
  /** `signed_by` is required but with "slice". */
  introduction: z.strictObject({ commit: z.string(), signed_by: z.string().optional() }),
  goodlist: z.array(z.string()).default([]),
  head: headShape.optional(),
  channel: z.string().optional(),
  /** Its form is checked in arguments.ts. */
  arguments: z.unknown().optional(),
  rule: z.array(table).optional(),
});

export const importShape = z.strictObject({
  urls: z.array(z.string()).min(1),
  introduction: z.strictObject({ commit: z.string(), signed_by: z.array(text).min(1) }),
  roles: z.array(text).min(1),
  transitive: z.boolean().default(false),
});

export const outputShape = z.strictObject({
  builders: z.string(),
  level: z.enum(["path"]).default("path"),
  caches: z.array(z.string()).default([]),
  local_builds: z.boolean().default(true),
  impure: z.boolean().default(false),
  conflict: z.enum(["deny"]).default("deny"),
  waive: z.string().optional(),
});

/** The known keys of each part, for the nearest to an unknown one. */
export const KNOWN_KEYS: Readonly<Record<Part, readonly string[]>> = {
  policy: [
    "format",
    "name",
    "expires",
    "mode",
    "mirrors",
    "head",
    "principal",
    "role",
    "source",
    "import",
    "upstream",
    "output",
    "evidence",
  ],
  principal: ["email", "operator", "keys"],
  key: ["file", "touch", "pin", "authority", "sigstore", "identity", "issuer", "retired", "compromised"],
  retired: ["after", "key"],
  compromised: ["reason", "key"],
  group: ["any", "of", "certified"],
  certified: ["by", "any", "keyring"],
  source: ["urls", "authenticate", "introduction", "goodlist", "head", "channel", "arguments", "rule"],
  introduction: ["commit", "signed_by"],
  head: ["signed_by", "max_age"],
  rule: ["paths", "write", "review", "merge_is_review", "bump", "reverts", "anywhere", "waive", "listings"],
  import: ["urls", "introduction", "roles", "transitive"],
  upstream: ["urls", "author", "signature", "handoff", "waive", "pinned"],
  output: ["builders", "level", "caches", "local_builds", "impure", "conflict", "waive"],
};

export type Part =
  | "policy"
  | "principal"
  | "key"
  | "retired"
  | "compromised"
  | "group"
  | "certified"
  | "source"
  | "introduction"
  | "head"
  | "rule"
  | "import"
  | "upstream"
  | "output";

/** Values that the format reserves for rules which this version cannot enforce, by key. */
export const UNSUPPORTED_VALUES: ReadonlyMap<string, readonly string[]> = new Map([
  ["mode", ["audit"]],
  ["level", ["derivation", "closure"]],
]);
