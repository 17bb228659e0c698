/**
 * What today's rules say of a machine: what its gate would not let through any more, and where in the store of whoever
 * asks that lies, with everything that refers to it.
 */
import { parseStoreBaseName, parseStorePath, type StorePath } from "@firstmile/formats/nix/store-path";
import { objectionText } from "@firstmile/trust/slice/distrust";
import type { NixTools } from "../admission/nix-tools.ts";
import type { AuditAnswer, ToldObjection } from "../gate/audit.ts";
import type { AuditFinding } from "../gate/audit-causes.ts";
import { pathsOfContents, rootsOf, validAmong, withReferrers } from "./store-paths.ts";

/** A finding with what it comes to in the store. */
export interface AuditedFinding extends AuditFinding {
  /** Its derivations and outputs that the store has. */
  readonly here: readonly StorePath[];
  /** What else refers to these, derivations left out. */
  readonly referrers: readonly StorePath[];
  /** What keeps them from being deleted. */
  readonly roots: readonly string[];
}

export interface Audited extends Omit<AuditAnswer, "findings" | "paths" | "contents"> {
  readonly findings: readonly AuditedFinding[];
}

/** Throws `NixError`. */
export async function auditStore(nix: NixTools, answer: AuditAnswer): Promise<Audited> {
  const { paths, contents, findings, ...rest } = answer;
  const stray = await unadmitted(nix, answer);
  const audited: AuditedFinding[] = [];
  for (const finding of [...findings, ...stray]) audited.push(await located(nix, finding));
  return {
    ...rest,
    findings: audited.filter(({ here, derivations }) => here.length + derivations.length > 0),
  };
}

async function located(nix: NixTools, finding: AuditFinding): Promise<AuditedFinding> {
  const named = [...finding.derivations, ...finding.outputs].map((path) =>
    parseStorePath(path, nix.storeDir),
  );
  const here = await validAmong(nix, [...new Set(named)]);
  const outputs = here.filter((path) => !path.endsWith(".drv"));
  const own = new Set<StorePath>(here);
  const all = await withReferrers(nix, outputs);
  const referrers = all.filter((path) => !own.has(path) && !path.endsWith(".drv"));
  return { ...finding, here, referrers, roots: await rootsOf(nix, outputs) };
}

/** What wardens speak against and the store has, though it came in without having been admitted. */
async function unadmitted(nix: NixTools, answer: AuditAnswer): Promise<AuditFinding[]> {
  const known = new Set<string>(
    answer.findings.flatMap((one) => (one.kind === "distrusted" ? [...one.derivations, ...one.outputs] : [])),
  );
  const named = answer.paths.map((told) => [parseStoreBaseName(told.name, nix.storeDir), told] as const);
  const bySha256 = new Map(answer.contents.map((told) => [told.name, told]));
  const fixed = await pathsOfContents(nix, new Set(bySha256.keys()));
  const content = [...fixed].map(([path, sha256]) => [path, bySha256.get(sha256)!] as const);
  return [...named, ...content].filter(([path]) => !known.has(path)).map(strayFinding);
}

function strayFinding([path, told]: readonly [StorePath, ToldObjection]): AuditFinding {
  return {
    kind: "distrusted",
    code: "distrusted",
    message: objectionText(told, path),
    remedy: "use a version without a distrust against it",
    derivations: [],
    outputs: [path],
    requests: [],
  };
}
