/**
 * What is accepted for now though nobody vouches for it.
 *
 * Claims: a waiver counts only if people of the rule's own role signed it, only for what it names, and only until it
 * ends; and whoever asks is told that it was used. Against: an exception that nobody remembers. A waiver never
 * outweighs a rejection or a distrust: the callers ask about those first.
 */
import type { ObjectId } from "@firstmile/formats/git/object-id";
import type { StatedNames } from "@firstmile/formats/statement/names";
import type { Statement } from "@firstmile/formats/statement/statement";
import type { ContentTarget } from "@firstmile/formats/statement/target";
import type { WaiverStatement } from "@firstmile/formats/statement/waiver";
import type { PrincipalName, RoleName } from "../policy/names.ts";
import { compileGlob, type Glob, matchesGlob } from "../policy/paths.ts";
import type { Policy } from "../policy/policy.ts";
import { isMet, peopleOf } from "../policy/thresholds.ts";
import type { Identities } from "../signature/identities.ts";
import type { VerifiedStatement } from "../statement/verify.ts";
import { changesOfNames } from "./known-names.ts";
import { signedTogether } from "./signers.ts";

/** A waiver that was found for something. */
export interface Waived {
  readonly by: readonly PrincipalName[];
  /** Unix seconds. */
  readonly until: number;
  readonly because: string;
  /** SHA-256 of the statement in hex. */
  readonly statement: string;
}

export interface WaivedContent {
  readonly id: ObjectId;
  readonly sha256: string;
}

/** What was found: one that counts, or else the last one that has ended. */
export interface WaiverAnswer {
  readonly holds: Waived | undefined;
  readonly ended: Waived | undefined;
}

interface Entered extends Waived {
  /** The source that it is for; undefined: any. */
  readonly source: string | undefined;
  readonly globs: readonly Glob[];
}

/** What a waiver says of one content. */
interface ForContent {
  readonly entered: Entered;
  /** Undefined: at every path. */
  readonly path: string | undefined;
}

/** What is waived is named whole. */
const NO_LISTINGS = () => undefined;
const NONE: WaiverAnswer = { holds: undefined, ended: undefined };

export class Waivers {
  readonly #policy: Policy;
  readonly #now: number;
  readonly #byContent = new Map<string, ForContent[]>();
  readonly #byStorePath = new Map<string, Entered[]>();
  readonly #byPattern: Entered[] = [];
  /** SHA-256 of what is waived, by Git's id where the waiver gives it. */
  readonly #byId = new Map<ObjectId, string[]>();
  /** The same where it gives a path too, by that. */
  readonly #byPath = new Map<string, WaivedContent[]>();
  /** Names of directories that some waiver names. */
  readonly #names: StatedNames[] = [];
  readonly #asked = new Map<string, boolean>();
  readonly #people = new Map<RoleName, ReadonlySet<PrincipalName>>();

  /** `now` in Unix seconds. */
  constructor(
    policy: Policy,
    ownerOf: Identities["ownerOf"],
    statements: Iterable<VerifiedStatement>,
    now: number,
  ) {
    this.#policy = policy;
    this.#now = now;
    for (const { statement, by, digest } of signedTogether(statements, ownerOf, isWaiver)) {
      this.#enter(statement, [...by].sort(), digest);
    }
  }

  #enter(scope: WaiverStatement, by: readonly PrincipalName[], statement: string): void {
    const { until, because } = scope;
    // A pattern that this version cannot read covers nothing.
    const globs = scope.paths.map(compileGlob).filter((glob) => typeof glob !== "string");
    const entered = { by, until, because, statement, source: scope.source, globs };
    if (globs.length > 0) this.#byPattern.push(entered);
    for (const target of scope.targets) {
      if (target.kind === "content") {
        put(this.#byContent, target.sha256, { entered, path: target.path });
        this.#name(target);
      } else put(this.#byStorePath, target.baseName, entered);
    }
    const names = scope.names ?? [];
    this.#names.push(...names);
    for (const { path, after } of changesOfNames(names, NO_LISTINGS)) {
      put(this.#byContent, after.sha256, { entered, path });
      put(this.#byPath, path, { id: after.id, sha256: after.sha256 });
    }
  }

  /** Names of directories in any waiver, before its signers are weighed. */
  get names(): readonly StatedNames[] {
    return this.#names;
  }

  /** Whether some waiver is for paths, whatever they hold. */
  get isForPaths(): boolean {
    return this.#byPattern.length > 0;
  }

  /** Paths at which some waiver names a content. */
  paths(): IterableIterator<string> {
    return this.#byPath.keys();
  }

  #name({ id, sha256, path }: ContentTarget): void {
    if (id === undefined) return;
    put(this.#byId, id, sha256);
    if (path !== undefined) put(this.#byPath, path, { id, sha256 });
  }

  /** For the content of a file of a source, at a path (Latin-1). */
  ofFile(role: RoleName | undefined, source: string, path: string, sha256: string): WaiverAnswer {
    const segments = path.split("/");
    const named = this.#naming(source, path, sha256);
    const meant = this.#byPattern.filter(
      (one) => one.source === source && one.globs.some((glob) => matchesGlob(glob, segments)),
    );
    return this.#answer(role, [...named, ...meant]);
  }

  /** The same by waivers that name this very content, and none that name paths alone. */
  ofNamedContent(role: RoleName | undefined, source: string, path: string, sha256: string): WaiverAnswer {
    return this.#answer(role, this.#naming(source, path, sha256));
  }

  #naming(source: string, path: string, sha256: string): Entered[] {
    return (this.#byContent.get(sha256) ?? [])
      .filter((one) => one.path === undefined || one.path === path)
      .map(({ entered }) => entered)
      .filter((one) => one.source === undefined || one.source === source);
  }

  /** Contents that some waiver names at this path, whoever signed it. */
  contentsAt(path: string): readonly WaivedContent[] {
    return this.#byPath.get(path) ?? [];
  }

  /** Whether a path is waived, whatever content it has. */
  coversPath(role: RoleName | undefined, source: string, path: string): boolean {
    if (this.#byPattern.length === 0) return false;
    return this.ofFile(role, source, path, "").holds !== undefined;
  }

  /** Contents (SHA-256 in hex) that some waiver names together with this Git id. */
  contentsOf(id: ObjectId): readonly string[] {
    return this.#byId.get(id) ?? [];
  }

  /** For a content that lies in no source, such as a download: by waivers that name neither source nor path. */
  ofContent(role: RoleName | undefined, sha256: string): WaiverAnswer {
    const all = (this.#byContent.get(sha256) ?? []).filter(({ path }) => path === undefined);
    return this.#answer(
      role,
      all.map(({ entered }) => entered).filter(({ source }) => source === undefined),
    );
  }

  /** For a derivation or an output. */
  ofStorePath(role: RoleName | undefined, path: string): WaiverAnswer {
    return this.#answer(role, this.#byStorePath.get(path.slice(path.lastIndexOf("/") + 1)) ?? []);
  }

  #answer(role: RoleName | undefined, found: readonly Entered[]): WaiverAnswer {
    if (role === undefined || found.length === 0) return NONE;
    const counted = found.filter(({ by }) => this.#suffice(role, by));
    const last = counted.reduce<Entered | undefined>((a, b) => (a && a.until >= b.until ? a : b), undefined);
    if (last === undefined) return NONE;
    const waived = { ...last, by: last.by.filter((name) => this.#isIn(role, name)) };
    return last.until > this.#now ? { holds: waived, ended: undefined } : { holds: undefined, ended: waived };
  }

  #suffice(role: RoleName, by: readonly PrincipalName[]): boolean {
    const key = `${role} ${by.join(" ")}`;
    const group = this.#policy.roles.get(role);
    const answer = this.#asked.get(key) ?? (group !== undefined && isMet(group, new Set(by), this.#policy));
    this.#asked.set(key, answer);
    return answer;
  }

  #isIn(role: RoleName, name: PrincipalName): boolean {
    const people = this.#people.get(role) ?? peopleOf(this.#policy.roles.get(role)!, this.#policy);
    this.#people.set(role, people);
    return people.has(name);
  }
}

function isWaiver(statement: Statement): statement is WaiverStatement {
  return statement.kind === "waiver";
}

function put<T>(map: Map<string, T[]>, key: string, entered: T): void {
  const known = map.get(key);
  if (known) known.push(entered);
  else map.set(key, [entered]);
}
