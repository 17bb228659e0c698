/**
 * What root says of a key's life: `retired` (good up to a commit, and not after) and `compromised` (good for nothing
 * without other evidence). Both can be said of one key of a file; both at once of one key contradict each other.
 *
 * Claim: each event that loads changes what some signature is worth, as far as one policy can tell. Against: a slip in
 * a fingerprint, after which a stolen key goes on signing.
 */
import type { DefectList, Position } from "./defect.ts";
import { child, type Node } from "./document.ts";
import { eventNames } from "./key-parts.ts";
import { quoted } from "./nearest.ts";
import type { IntroductionCommit, Key, KeyEvent } from "./policy.ts";
import { parseReadings } from "./readings.ts";
import type { KeyTable } from "./shape.ts";

/** A file below keys/ that the policy names; undefined where it is not there, which is told. */
export type OpenFile = (path: string, node: Node) => Uint8Array | undefined;

/** An event, and where it stands. */
export interface SaidEvent {
  readonly event: KeyEvent;
  readonly at: Position;
}

export class KeyLifeReader {
  readonly #defects: DefectList;
  readonly #open: OpenFile;

  constructor(defects: DefectList, open: OpenFile) {
    this.#defects = defects;
    this.#open = open;
  }

  read(entry: KeyTable, node: Node): SaidEvent[] {
    const retired = placed(entry.retired, child(node, "retired")).map(
      ({ value: { after, key, readings }, at }) => {
        const commits = (typeof after === "string" ? [after] : after) as IntroductionCommit[];
        for (const commit of commits) this.#checkCommit(commit, child(node, "retired")!);
        const vouched = readings === undefined ? [] : this.#readings(readings, child(node, "retired")!);
        const event = { kind: "retired" as const, key: fingerprint(key), after: commits };
        return { event: vouched.length === 0 ? event : { ...event, vouched }, at };
      },
    );
    const compromised = placed(entry.compromised, child(node, "compromised")).map(
      ({ value: { reason, key }, at }) => ({
        event: { kind: "compromised" as const, key: fingerprint(key), reason },
        at,
      }),
    );
    const isBoth = retired.some(({ event }) => compromised.some((other) => other.event.key === event.key));
    if (!isBoth) return [...compromised, ...retired];
    const problem = "the key is said to be retired and compromised";
    const help = "keep compromised if another person may have it, retired if it was only replaced";
    this.#defects.add(node.at, "impossible-key", problem, help);
    return compromised;
  }

  #readings(path: string, node: Node): readonly string[] {
    const bytes = this.#open(path, node);
    const list = bytes && parseReadings(bytes);
    if (typeof list !== "string") return list ?? [];
    const help = "make it with firstmile trust readings FINGERPRINT";
    this.#defects.add(node.at, "malformed-key", `the list of readings ${quoted(path)}: ${list}`, help);
    return [];
  }

  #checkCommit(commit: string, node: Node): void {
    if (isWholeId(commit)) return;
    const help =
      "write the full id in lower-case hex, as git rev-parse prints it: a short one could come to mean another";
    this.#defects.add(node.at, "bad-commit", `${quoted(commit)} is no full commit id`, help);
  }
}

/**
 * Of the events of a file, those that decide about this key of it. Harm outweighs age; what is said of one subkey
 * outweighs what is said of its certificate, and that what is said of the file. A primary key stands for its certificate.
 */
export function lifeOf(said: readonly SaidEvent[], key: Key): KeyEvent[] {
  return deciding(said, key).map(({ event }) => event);
}

/** Tells each event that decides about none of the file's keys. */
export function reportIdle(said: readonly SaidEvent[], keys: readonly Key[], defects: DefectList): void {
  if (keys.length === 0) return;
  const known = new Set(keys.flatMap(eventNames));
  const heard = new Set(keys.flatMap((key) => deciding(said, key).map(({ from }) => from)));
  for (const one of said) {
    const { kind, key } = one.event;
    if (heard.has(one) || (key !== undefined && !known.has(key))) continue;
    const whose = key === undefined ? "" : ` of the key ${quoted(key)}`;
    const what = kind === "retired" ? "retirement" : "compromise";
    const problem = `this ${what}${whose} has no effect: another one of the same table says as much, or more`;
    defects.add(one.at, "impossible-key", problem, IDLE_HELP[what]);
  }
}

const IDLE_HELP = {
  retirement: "keep one retirement of each key, whose after = [...] names a commit of each source",
  compromise: "keep one compromise of each key, with one reason",
} as const;

interface Deciding {
  readonly event: KeyEvent;
  readonly from: SaidEvent;
}

function deciding(said: readonly SaidEvent[], key: Key): Deciding[] {
  const [whole, ...subkeys] = eventNames(key);
  const general = gravest(said, [whole, undefined]);
  const own = subkeys.flatMap((subkey) => {
    const one = gravest(said, [subkey, whole, undefined]);
    return one !== undefined && one.event.key === subkey ? [{ event: one.event, from: one }] : [];
  });
  if (general === undefined) return own;
  return [{ event: { ...general.event, key: undefined }, from: general }, ...own];
}

/** `names` from the narrowest to the widest. A wide compromise leaves nothing to say of less. */
function gravest(said: readonly SaidEvent[], names: readonly (string | undefined)[]): SaidEvent | undefined {
  const first = (kind: KeyEvent["kind"], order: typeof names) =>
    order
      .map((name) => said.find(({ event }) => event.kind === kind && event.key === name))
      .find((one) => one !== undefined);
  return first("compromised", names.toReversed()) ?? first("retired", names);
}

/** A SHA-1 or SHA-256 id in full, in the one spelling that is compared. */
export function isWholeId(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** As gpg and ssh-keygen print them; OpenPGP in upper case without spaces. */
function fingerprint(text: string | undefined): string | undefined {
  return text?.startsWith("SHA256:") ? text : text?.replace(/\s/g, "").toUpperCase();
}

function placed<T>(
  value: T | readonly T[] | undefined,
  node: Node | undefined,
): { value: T; at: Position }[] {
  if (value === undefined || node === undefined) return [];
  if (!Array.isArray(value)) return [{ value: value as T, at: node.at }];
  return value.map((one, i) => ({ value: one, at: child(node, i)!.at }));
}
