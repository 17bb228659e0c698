/**
 * A history vector as a value, and as the text that vectors/history/README.md describes. Reading is strict: a header
 * or section that is not known, twice there or not in its place is an error, and writing what was read gives the same
 * bytes, so that a file says nothing which its readers pass over.
 */
import {
  hashObject,
  type ObjectHash,
  type ObjectId,
  type ObjectKind,
} from "@firstmile/formats/git/object-id";

/** What a case is about, and so what a tool must have a notion of before it can be asked. */
export const NOTIONS = [
  "openpgp",
  "ssh",
  "introduction",
  "roles",
  "paths",
  "threshold",
  "cosignature",
  "every-commit",
  "merge-content",
  "first-parent",
  "tip",
  "key-life",
  "standing",
  "told-time",
  "object-form",
  "demand",
  "review",
  "goodlist",
  "certified",
  "ssh-authority",
  "sigstore",
  "imports",
  "freshness",
  "object-integrity",
  "sha256",
  "trust-repository",
] as const;
export type Notion = (typeof NOTIONS)[number];

export type Question =
  | { readonly kind: "source"; readonly name: string; readonly tip: string }
  | {
      readonly kind: "trust";
      readonly introduction: string;
      readonly head: string;
      /** What the machine followed before. */
      readonly followed: string | undefined;
      readonly signedBy: readonly string[];
    };

/** Where an object lies: in its place, in the place of another one's id, or so in a database that is borrowed from. */
export type Place = "object" | "planted" | "lent";

export interface VectorObject {
  readonly place: Place;
  readonly kind: ObjectKind;
  readonly id: string;
  readonly content: Uint8Array;
}

export interface HistoryVector {
  readonly group: string;
  readonly claim: string;
  readonly question: Question;
  readonly mode: string | undefined;
  /** Unix seconds. */
  readonly now: number;
  /** Unix seconds: the latest time at which the machine has decided before. */
  readonly seen: number | undefined;
  readonly objectFormat: ObjectHash;
  readonly needs: readonly Notion[];
  readonly absent: readonly string[];
  /** Empty: allowed. */
  readonly denied: readonly (readonly [code: string, commit: string])[];
  readonly policy: ReadonlyMap<string, Uint8Array>;
  readonly refs: readonly (readonly [name: string, id: string])[];
  /** Files of the repository's own directory. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly objects: readonly VectorObject[];
}

const HEADERS = [
  "expect",
  "code",
  "group",
  "claim",
  "question",
  "signed-by",
  "mode",
  "now",
  "seen",
  "object-format",
  "needs",
  "absent",
] as const;
type Header = (typeof HEADERS)[number];

export function renderHistoryVector(vector: HistoryVector): string {
  const { question } = vector;
  const values: Record<Header, string | undefined> = {
    expect: vector.denied.length === 0 ? "allowed" : "denied",
    code: vector.denied.map(([code, commit]) => `${code} at ${commit}`).join(", ") || undefined,
    group: vector.group,
    claim: vector.claim,
    question: renderQuestion(question),
    "signed-by": question.kind === "trust" ? question.signedBy.join(" ") : undefined,
    mode: vector.mode,
    now: String(vector.now),
    seen: vector.seen?.toString(),
    "object-format": vector.objectFormat,
    needs: vector.needs.join(" "),
    absent: vector.absent.join(" ") || undefined,
  };
  const head = HEADERS.flatMap((name) => (values[name] === undefined ? [] : [`${name}: ${values[name]}\n`]));
  const refs = vector.refs.map(([name, id]) => `${id} ${name}\n`).join("");
  return [
    ...head,
    "\n",
    ...[...vector.policy].map(([path, bytes]) => section(`policy/${path}`, bytes)),
    section("refs", Buffer.from(refs)),
    ...[...vector.files].map(([path, bytes]) => section(`file/${path}`, bytes)),
    ...vector.objects.map(objectSection),
  ].join("");
}

function renderQuestion(question: Question): string {
  if (question.kind === "source") return `source ${question.name} at ${question.tip}`;
  const after = question.followed === undefined ? "" : ` after ${question.followed}`;
  return `trust repository from ${question.introduction} to ${question.head}${after}`;
}

/** Throws `Error` with the line's reason for every text that `renderHistoryVector` would not write. */
export function parseHistoryVector(text: string): HistoryVector {
  const end = text.indexOf("\n\n");
  if (end < 0) throw new Error("no blank line after the header");
  const headers = readHeaders(text.slice(0, end));
  const sections = readSections(text.slice(end + 2));
  const format = headers.get("object-format") === "sha256" ? "sha256" : "sha1";
  const vector: HistoryVector = {
    group: need(headers, "group"),
    claim: need(headers, "claim"),
    question: readQuestion(need(headers, "question"), headers.get("signed-by")),
    mode: headers.get("mode"),
    now: Number(need(headers, "now")),
    seen: headers.has("seen") ? Number(headers.get("seen")) : undefined,
    objectFormat: format,
    needs: need(headers, "needs").split(" ").map(readNotion),
    absent: headers.get("absent")?.split(" ") ?? [],
    denied: headers.get("code")?.split(", ").map(readCode) ?? [],
    policy: below(sections, "policy/"),
    refs: readRefs(sections),
    files: below(sections, "file/"),
    objects: readObjects(sections),
  };
  checkIds(vector);
  if (renderHistoryVector(vector) !== text) throw new Error("is not written as a history vector is written");
  return vector;
}

function readHeaders(text: string): Map<Header, string> {
  const headers = new Map<Header, string>();
  for (const line of text.split("\n")) {
    const [, name, value] = /^([a-z-]+): (.+)$/.exec(line) ?? [];
    const known = HEADERS.find((header) => header === name);
    if (known === undefined || value === undefined) throw new Error(`unknown header: ${line}`);
    if (headers.has(known)) throw new Error(`header twice: ${known}`);
    headers.set(known, value);
  }
  return headers;
}

function need(headers: ReadonlyMap<Header, string>, name: Header): string {
  const value = headers.get(name);
  if (value === undefined) throw new Error(`no header ${name}`);
  return value;
}

function readNotion(word: string): Notion {
  const notion = NOTIONS.find((known) => known === word);
  if (notion === undefined) throw new Error(`unknown need: ${word}`);
  return notion;
}

function readCode(text: string): [string, string] {
  const [, code, commit] = /^([a-z-]+) at ([0-9a-f]+)$/.exec(text) ?? [];
  if (code === undefined || commit === undefined) throw new Error(`not a code at a commit: ${text}`);
  return [code, commit];
}

function readQuestion(text: string, signedBy: string | undefined): Question {
  const source = /^source (\S+) at ([0-9a-f]+)$/.exec(text);
  if (source) return { kind: "source", name: source[1]!, tip: source[2]! };
  const trust = /^trust repository from ([0-9a-f]+) to ([0-9a-f]+)(?: after ([0-9a-f]+))?$/.exec(text);
  if (!trust || signedBy === undefined) throw new Error(`unknown question: ${text}`);
  const [, introduction, head, followed] = trust;
  return {
    kind: "trust",
    introduction: introduction!,
    head: head!,
    followed,
    signedBy: signedBy.split(" "),
  };
}

const OPENING = /^--- (\S+) \((text|base64|tree)\)\n/gm;

function section(name: string, content: Uint8Array): string {
  const text = plainText(content);
  if (text !== undefined) return `--- ${name} (text)\n${text}`;
  const lines = Buffer.from(content)
    .toString("base64")
    .replace(/.{76}(?=.)/g, "$&\n");
  return `--- ${name} (base64)\n${lines}\n`;
}

/** The content, where nobody could mistake it: printable, whole lines, none of which opens a section. */
function plainText(content: Uint8Array): string | undefined {
  const text = Buffer.from(content).toString("utf8");
  if (!Buffer.from(text).equals(Buffer.from(content))) return undefined;
  const printable = /^[^\p{Cc}\p{Cf}]*$/u.test(text.replaceAll("\n", "").replaceAll("\t", ""));
  const whole = text === "" || text.endsWith("\n");
  return printable && whole && !/^--- /m.test(text) ? text : undefined;
}

function readSections(text: string): Map<string, Uint8Array> {
  const sections = new Map<string, Uint8Array>();
  const marks = [...text.matchAll(OPENING)];
  if (marks[0]?.index !== 0) throw new Error("the body must open with a section");
  marks.forEach((mark, i) => {
    const content = text.slice(mark.index + mark[0].length, marks[i + 1]?.index ?? text.length);
    if (sections.has(mark[1]!)) throw new Error(`section twice: ${mark[1]}`);
    sections.set(mark[1]!, decode(mark[2]!, content));
  });
  return sections;
}

function decode(encoding: string, content: string): Uint8Array {
  if (encoding === "text") return Buffer.from(content);
  return encoding === "tree" ? readTree(content) : Buffer.from(content, "base64");
}

function below(sections: ReadonlyMap<string, Uint8Array>, prefix: string): Map<string, Uint8Array> {
  const found = [...sections].filter(([name]) => name.startsWith(prefix));
  return new Map(found.map(([name, bytes]) => [name.slice(prefix.length), bytes]));
}

function readRefs(sections: ReadonlyMap<string, Uint8Array>): [string, string][] {
  const lines = Buffer.from(sections.get("refs") ?? Buffer.alloc(0))
    .toString()
    .split("\n");
  return lines.slice(0, -1).map((line) => {
    const space = line.indexOf(" ");
    return [line.slice(space + 1), line.slice(0, space)];
  });
}

function readObjects(sections: ReadonlyMap<string, Uint8Array>): VectorObject[] {
  const objects: VectorObject[] = [];
  for (const [name, content] of sections) {
    const parts = /^(object|planted|lent)\/(commit|tree|blob|tag)\/([0-9a-f]{40}|[0-9a-f]{64})$/.exec(name);
    if (parts) {
      const [, place, kind, id] = parts as unknown as [string, Place, ObjectKind, string];
      objects.push({ place, kind, id, content });
    } else if (!/^(?:policy\/|file\/|refs$)/.test(name)) throw new Error(`unknown section: ${name}`);
  }
  return objects;
}

/** An object in its place hashes to its id, one that is planted does not, and what is said to be absent is. */
function checkIds({ objects, objectFormat, absent }: HistoryVector): void {
  for (const { place, kind, id, content } of objects) {
    const same = hashObject(kind, content, objectFormat) === id;
    if (same !== (place === "object"))
      throw new Error(`${place} ${kind} ${id} hashes to ${same ? "" : "not "}its id`);
    if (absent.includes(id)) throw new Error(`${id} is there and said to be absent`);
  }
}

function objectSection({ place, kind, id, content }: VectorObject): string {
  const name = `${place}/${kind}/${id}`;
  const listed = kind === "tree" ? listTree(content, id.length / 2) : undefined;
  return listed === undefined ? section(name, content) : `--- ${name} (tree)\n${listed}`;
}

/** As `git ls-tree` prints it and `git mktree` reads it; undefined where that would not give the same bytes back. */
function listTree(content: Uint8Array, idBytes: number): string | undefined {
  const lines: string[] = [];
  const bytes = Buffer.from(content);
  for (let at = 0; at < bytes.length; ) {
    const nul = bytes.indexOf(0, at);
    const [, mode, name] = /^([0-7]+) ([\x21-\x7e]+)$/.exec(bytes.toString("latin1", at, nul)) ?? [];
    if (nul < 0 || mode === undefined || name === undefined || /["\\]/.test(name)) return undefined;
    const id = bytes.toString("hex", nul + 1, nul + 1 + idBytes);
    lines.push(`${mode.padStart(6, "0")} ${KINDS[mode] ?? "blob"} ${id}\t${name}\n`);
    at = nul + 1 + idBytes;
  }
  const text = lines.join("");
  return Buffer.from(readTree(text)).equals(bytes) ? text : undefined;
}

const KINDS: Readonly<Record<string, string>> = { "40000": "tree", "160000": "commit" };

function readTree(text: string): Uint8Array {
  const entries = text
    .split("\n")
    .filter(Boolean)
    .map((line) => /^(\d{6}) (?:blob|tree|commit) ([0-9a-f]+)\t(.+)$/.exec(line));
  return Buffer.concat(
    entries.map((entry) => {
      if (!entry) throw new Error("not a line of git ls-tree");
      const [, mode, id, name] = entry as unknown as [string, string, ObjectId, string];
      return Buffer.concat([Buffer.from(`${mode.replace(/^0/, "")} ${name}\0`), Buffer.from(id, "hex")]);
    }),
  );
}
