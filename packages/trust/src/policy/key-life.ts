/**
 * What root says of a key's life: `retired` (good up to a commit, and not after) and `compromised` (good for nothing
 * without other evidence). Both can be said of one key of a file; both at once of one key contradict each other.
 */
import type { DefectList } from "./defect.ts";
import { child, type Node } from "./document.ts";
import { quoted } from "./nearest.ts";
import type { IntroductionCommit, KeyEvent } from "./policy.ts";
import { parseReadings } from "./readings.ts";
import type { KeyTable } from "./shape.ts";

/** A file below keys/ that the policy names; undefined where it is not there, which is told. */
export type OpenFile = (path: string, node: Node) => Uint8Array | undefined;

export class KeyLifeReader {
  readonly #defects: DefectList;
  readonly #open: OpenFile;

  constructor(defects: DefectList, open: OpenFile) {
    this.#defects = defects;
    this.#open = open;
  }

  read(entry: KeyTable, node: Node): KeyEvent[] {
    const retired = asList(entry.retired).map(({ after, key, readings }): KeyEvent => {
      const commits = (typeof after === "string" ? [after] : after) as IntroductionCommit[];
      for (const commit of commits) this.#checkCommit(commit, child(node, "retired")!);
      const vouched = readings === undefined ? [] : this.#readings(readings, child(node, "retired")!);
      const event = { kind: "retired", key: fingerprint(key), after: commits } as const;
      return vouched.length === 0 ? event : { ...event, vouched };
    });
    const compromised = asList(entry.compromised).map(
      ({ reason, key }): KeyEvent => ({ kind: "compromised", key: fingerprint(key), reason }),
    );
    if (retired.some(({ key }) => compromised.some((other) => other.key === key))) {
      const problem = "the key is said to be retired and compromised";
      const help = "keep compromised if somebody else may have it, retired if it was only replaced";
      this.#defects.add(node.at, "impossible-key", problem, help);
    }
    return [...compromised, ...retired];
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

/** A SHA-1 or SHA-256 id in full, in the one spelling that is compared. */
export function isWholeId(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** As gpg and ssh-keygen print them; OpenPGP in upper case without spaces. */
function fingerprint(text: string | undefined): string | undefined {
  return text?.startsWith("SHA256:") ? text : text?.replace(/\s/g, "").toUpperCase();
}

function asList<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as T];
}
