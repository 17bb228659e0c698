/**
 * The language in which the cases behind vectors/history are told: a cast of people with real keys that are thrown
 * away, a repository, the rules, and what has to come out, which is said by the case and never asked of the library.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { HistoryVector, Notion } from "./history-vector.ts";
import { readVectorRepository } from "./history-vector-repository.ts";
import { type Person, type PolicySpec, WORLD_NOW, type World, type WorldRepository } from "./world.ts";
import type { KeyKind, PersonOptions } from "./world-people.ts";
import { policyFiles } from "./world-policy.ts";
import type { Changes, CommitSpec } from "./world-repository.ts";

export type Denied = readonly (readonly [code: string, commit: CommitId])[];

/** How a case ends: the question, and the commits that have to be refused, with their codes. */
export interface Told {
  readonly repository: WorldRepository;
  readonly policy: PolicySpec;
  /** The text of the rules in place of what the policy gives, and key files beside its own. */
  readonly rewrite?: (toml: string) => string;
  readonly keyFiles?: ReadonlyMap<string, Uint8Array>;
  readonly denied?: Denied;
  /** Default: the tip of main. */
  readonly tip?: CommitId;
  readonly now?: number;
  /** The question is whether a machine that pins this may follow the trust repository to the tip. */
  readonly trust?: {
    readonly introduction: CommitId;
    readonly signedBy: readonly Person[];
    readonly followed?: CommitId;
    readonly seen?: number;
  };
}

export interface HistoryCase {
  /** The file, without `.txt`. */
  readonly name: string;
  readonly group: string;
  readonly claim: string;
  readonly needs: readonly Notion[];
  readonly tell: (cast: Cast) => Promise<Told>;
}

/** Whoever plays in the cases: the same name is the same key in all of them. */
export class Cast {
  readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** OpenPGP with Ed25519 unless told, so that the most tools can be asked. */
  person(name: string, kind: KeyKind = "openpgp-ed25519", options: PersonOptions = {}): Promise<Person> {
    return this.world.person(name, kind, options);
  }

  async people<Names extends readonly string[]>(...names: Names): Promise<{ [K in keyof Names]: Person }> {
    const made: Person[] = [];
    for (const name of names) made.push(await this.person(name));
    return made as { [K in keyof Names]: Person };
  }

  repository(format?: "sha1" | "sha256"): Promise<WorldRepository> {
    return this.world.repository("vector", format);
  }

  /** A repository with an introduction by the first of its writers. */
  async begin(
    writers: readonly Person[],
    { files = {}, format, by }: { files?: Changes; format?: "sha1" | "sha256"; by?: Person } = {},
  ): Promise<{ repository: WorldRepository; introduction: CommitId }> {
    const repository = await this.repository(format);
    const introduction = await repository.commit({
      by: by ?? writers[0]!,
      files: { "README.md": "hello\n", ...guixAuthorizations(writers), ...files },
      message: "introduction\n",
    });
    return { repository, introduction };
  }

  /** The first writer's introduction, the odd commit, and one more by the first writer on top. */
  async story(
    writers: readonly Person[],
    odd: CommitSpec,
    format: "sha1" | "sha256" = "sha1",
  ): Promise<{ repository: WorldRepository; introduction: CommitId; odd: CommitId }> {
    const { repository, introduction } = await this.begin(writers, { format });
    const suspect = await repository.commit({ files: { "b.nix": "2\n" }, message: "odd\n", ...odd });
    await repository.commit({ by: writers[0]!, files: { "c.nix": "3\n" }, message: "on top\n" });
    return { repository, introduction, odd: suspect };
  }
}

/** The same rule in Guix's terms, in the tree where Guix looks for it. */
export function guixAuthorizations(writers: readonly Person[]): Changes {
  if (!writers.every(({ kind }) => kind.startsWith("openpgp"))) return {};
  const lines = writers.map((writer) => `  ("${listedForGuix(writer)}" (name "${writer.name}"))`);
  return { ".guix-authorizations": `(authorizations (version 0)\n (\n${lines.join("\n")}))\n` };
}

/** Guix lists the key that signs, which may be a subkey. */
function listedForGuix(writer: Person & { readonly signingFingerprint?: string }): string {
  return writer.signingFingerprint ?? writer.fingerprint;
}

/** A source in which these people, each alone, may write everything. */
export function anyOf(
  introduction: CommitId,
  writers: readonly Person[],
  more: Partial<PolicySpec> = {},
  authenticate: "every-commit" | "first-parent" | "tip" = "every-commit",
): PolicySpec {
  return { people: writers, sources: { pkgs: { introduction, authenticate } }, ...more };
}

/** Changes a finished commit's text. */
export function edit(change: (text: string) => string): (object: Buffer) => Buffer {
  return (object) => {
    const changed = Buffer.from(change(object.toString("latin1")), "latin1");
    if (changed.equals(object)) throw new Error("the case changes nothing");
    return changed;
  };
}

export const GPGSIG = /gpgsig(?:-sha256)? [\s\S]*?-----END (?:SSH|PGP) SIGNATURE-----\n/;

/** An OpenPGP signature in the armor that every reader takes: with the CRC-24 that RFC 9580 made optional. */
export function armoredSignature(packet: Buffer): string {
  const lines = packet.toString("base64").replace(/.{64}(?=.)/g, "$&\n");
  const sum = crc24(packet).toString("base64");
  return `-----BEGIN PGP SIGNATURE-----\n\n${lines}\n=${sum}\n-----END PGP SIGNATURE-----\n`;
}

function crc24(bytes: Uint8Array): Buffer {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let i = 0; i < 8; i++) crc = crc & 0x800000 ? (crc << 1) ^ 0x1864cfb : crc << 1;
  }
  return Buffer.of((crc >> 16) & 255, (crc >> 8) & 255, crc & 255);
}

/** The rules and key files of a source's case. */
async function rulesOf({ policy, rewrite, keyFiles = new Map() }: Told): Promise<Map<string, Uint8Array>> {
  const files = await policyFiles(policy);
  if (rewrite) {
    const toml = Buffer.from(files.get("firstmile.toml")!).toString();
    const changed = rewrite(toml);
    if (changed === toml) throw new Error("the case changes nothing in its rules");
    files.set("firstmile.toml", Buffer.from(changed));
  }
  return new Map([...files, ...keyFiles]);
}

/** Plays a case and writes down what it comes to. */
export async function historyVectorOf(told: HistoryCase, cast: Cast): Promise<HistoryVector> {
  const ended = await told.tell(cast);
  const { repository, policy, denied = [], trust, now = WORLD_NOW, tip = repository.tip() } = ended;
  const [source] = Object.entries(policy.sources ?? {});
  const question: HistoryVector["question"] = trust
    ? {
        kind: "trust",
        introduction: trust.introduction,
        head: tip,
        followed: trust.followed,
        signedBy: trust.signedBy.map(({ fingerprint }) => fingerprint),
      }
    : { kind: "source", name: source![0], tip };
  return {
    group: told.group,
    claim: told.claim,
    question,
    mode: trust ? undefined : (source![1].authenticate ?? "every-commit"),
    now,
    seen: trust?.seen,
    objectFormat: repository.format,
    needs: told.needs,
    denied: [...denied].sort(([, a], [, b]) => (a < b ? -1 : 1)),
    policy: trust ? new Map() : await rulesOf(ended),
    ...readVectorRepository(repository.dir, repository.format),
  };
}
