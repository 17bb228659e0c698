/**
 * From a source and its author's signature, both at hand, to the statement that hands them on.
 *
 * Claims: what comes out was checked as everybody later checks it, with the source itself: its bytes are those that the
 * derivation pins, and the signature over them is one of the author's keys. Leaves out whether these keys are the
 * author's: the policy says so, or the person who is asked.
 */
import { createHash } from "node:crypto";
import type { NarHash, NixHash } from "@firstmile/formats/nix/hash";
import { narHashOf, sriHash } from "@firstmile/formats/nix/hash";
import { narDigest } from "@firstmile/formats/nix/nar";
import type { IngestionMethod } from "@firstmile/formats/nix/store-path";
import {
  type Becoming,
  type HandedOutput,
  type HandoffStatement,
  isFileName,
  type ReleasedFile,
} from "@firstmile/formats/statement/handoff";
import type { AuthorKeys } from "@firstmile/trust/handoff/author";
import { checkHandoff, type HandoffCheck } from "@firstmile/trust/handoff/verify";
import { ArchiveRefused } from "../archives/refused.ts";
import { compressionOf, uncompress } from "../archives/uncompress.ts";
import { unpack } from "../archives/unpack.ts";
import type { SignatureCandidate } from "./candidates.ts";
import type { FoundSignature } from "./fetch.ts";
import { signatureKind } from "./signature-kind.ts";
import type { TaggedTree } from "./tags.ts";

/** What is to be handed on. */
export interface Wanted {
  /** For a person. */
  readonly title: string;
  /** As the derivation or the user names them. */
  readonly urls: readonly string[];
  /** Names that the released file may have. */
  readonly names: readonly string[];
  readonly method: IngestionMethod;
  /** Undefined: whatever is there. */
  readonly hash: NixHash | undefined;
  readonly executable: boolean;
  /** Of a repository: what is asked for. */
  readonly revision: string | undefined;
}

/** A source that is what was wanted, and how it becomes that. */
export interface Source {
  readonly bytes: Buffer;
  readonly output: HandedOutput;
  readonly becomes: Becoming;
  readonly narHash: NarHash | undefined;
}

/** A source that is not what is pinned, or that cannot become it. */
export class SourceDiffers extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = "SourceDiffers";
  }
}

/** Throws `SourceDiffers`, `ArchiveRefused`. */
export async function sourceFrom(wanted: Wanted, bytes: Buffer): Promise<Source> {
  const { method, hash } = wanted;
  if (method === "flat") return flatSource(hash, bytes);
  if (method !== "nar" || (hash && hash.algorithm !== "sha256"))
    throw new SourceDiffers(
      `it is pinned by ${method} ${hash?.algorithm}, by which nothing can be handed on`,
    );
  const expected = hash && narHashOf(hash.digest);
  let refused: ArchiveRefused | undefined;
  for (const becomes of waysOf(wanted)) {
    const narHash = await becoming(becomes, bytes);
    if (narHash instanceof ArchiveRefused) refused = narHash;
    else if (expected === undefined || narHash === expected)
      return { bytes, output: { kind: "nar", narHash }, becomes, narHash };
  }
  // An archive that is refused may be what was pinned: nobody unpacks it to see.
  if (refused) throw refused;
  throw new SourceDiffers(`it does not become ${sriHash(expected!)}, which is pinned`);
}

function flatSource(hash: NixHash | undefined, bytes: Buffer): Source {
  const strong = hash === undefined || hash.algorithm === "sha256" || hash.algorithm === "sha512";
  if (!strong)
    throw new SourceDiffers(`it is pinned by ${hash.algorithm}, by which nothing can be handed on`);
  if (hash && !createHash(hash.algorithm).update(bytes).digest().equals(hash.digest))
    throw new SourceDiffers(`what is there is not ${sriHash(hash)}, which is pinned`);
  const sha512 = hash?.algorithm === "sha512" ? hex("sha512", bytes) : undefined;
  const output = { kind: "file", sha256: hex("sha256", bytes), sha512 } as const;
  return { bytes, output, becomes: "file", narHash: undefined };
}

/** Without a hash to compare with only unpacking is meant: the user asked for that. */
function waysOf({ executable, hash }: Wanted): Becoming[] {
  if (hash === undefined) return ["tree"];
  return executable ? ["executable"] : ["tree", "file", "executable"];
}

async function becoming(becomes: Becoming, bytes: Buffer): Promise<NarHash | ArchiveRefused> {
  if (becomes !== "tree") {
    const executable = becomes === "executable";
    return narDigest({ kind: "regular", executable, size: bytes.length, content: [bytes] }).narHash;
  }
  try {
    return (await unpack(bytes)).narHash;
  } catch (error) {
    if (error instanceof ArchiveRefused) return error;
    throw error;
  }
}

export interface Made {
  readonly statement: HandoffStatement;
  readonly check: HandoffCheck;
  readonly signature: FoundSignature;
}

/** The statement under the name for which it holds; else the last try, with what is wrong with it. */
export async function makeHandoff(
  wanted: Wanted,
  source: Source,
  signature: FoundSignature,
  author: AuthorKeys,
  now: number,
): Promise<Made | undefined> {
  const kind = signatureKind(signature.bytes);
  if (kind === undefined || signature.over === "tag") return undefined;
  let last: Made | undefined;
  const content = { file: source.bytes, ...(source.narHash ? { narHash: source.narHash } : {}) };
  const inner = signature.over === "uncompressed" ? await innerOf(source.bytes) : undefined;
  for (const name of wanted.names.filter(isFileName)) {
    const statement = statementOf(wanted, source, { ...signature, over: signature.over, kind }, name);
    const check = checkHandoff(statement, author, now, inner ? { ...content, uncompressed: inner } : content);
    last = { statement, check, signature };
    if (check.ok) break;
  }
  return last;
}

/** A signed tag whose tree is what was wanted. Throws `SourceDiffers`. */
export function makeTagged(wanted: Wanted, found: TaggedTree, author: AuthorKeys, now: number): Made {
  const { tag, commit, tree, narHash, url, name } = found;
  const { hash } = wanted;
  if (hash && (hash.algorithm !== "sha256" || narHashOf(hash.digest) !== narHash))
    throw new SourceDiffers(`the tree of tag ${name} is ${sriHash(narHash)}, and another one is pinned`);
  const statement: HandoffStatement = {
    kind: "handoff",
    output: { kind: "nar", narHash },
    urls: statedUrls(wanted.urls),
    release: { kind: "tag", tag, commit },
  };
  const check = checkHandoff(statement, author, now, { tree });
  return { statement, check, signature: { over: "tag", url: `${url} ${name}`, bytes: tag } };
}

/** Throws `ArchiveRefused`. */
async function innerOf(bytes: Buffer): Promise<Buffer | undefined> {
  return compressionOf(bytes) === undefined ? undefined : uncompress(bytes);
}

function statementOf(
  { urls }: Wanted,
  { bytes, output, becomes }: Source,
  {
    kind,
    over,
    bytes: made,
    list,
  }: FoundSignature & {
    over: SignatureCandidate["kind"];
    kind: NonNullable<ReturnType<typeof signatureKind>>;
  },
  name: string,
): HandoffStatement {
  const isSha512 =
    (output.kind === "file" && output.sha512 !== undefined) ||
    ["ssh", "sigstore"].includes(kind) ||
    over === "list";
  const file: ReleasedFile = {
    name,
    sha256: hex("sha256", bytes),
    sha512: isSha512 ? hex("sha512", bytes) : undefined,
    blake2b512: kind === "minisign" ? hex("blake2b512", bytes) : undefined,
  };
  const signed = over === "list" ? { kind: over, list: list! } : { kind: over };
  return {
    kind: "handoff",
    output,
    urls: statedUrls(urls),
    release: { kind: "file", file, becomes, signed, signature: { kind, bytes: made } },
  };
}

const MAX_URLS = 32;

function statedUrls(urls: readonly string[]): string[] {
  return [...new Set(urls.filter((url) => /^[!-~]{1,2048}$/.test(url)))].slice(0, MAX_URLS);
}

function hex(algorithm: "sha256" | "sha512" | "blake2b512", bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest("hex");
}
