/**
 * Calls of fetchTarball, fetchGit and fetchTree in the text of a Nix expression, with what they are given as far as
 * the text alone says it: literal strings, and names that the same file gives one literal string.
 *
 * Claims nothing: this finds where to look. What it takes for a call may be none, and what it gets wrong names a
 * commit or hash that will not fit. Leaves out whatever is computed; the call is then listed without that argument.
 */
import { FormatError } from "../bytes/error.ts";
import { expressionTokens, placesIn, type StringPart, type Token } from "./expression-tokens.ts";
import { gitRepository, namedCommit } from "./forge-archive.ts";
import { type CommitPin, FETCHED_NAME, isWholeCommitId, parsePinHash } from "./pin.ts";

/** A call, with each argument that the text says. */
export interface FetchCall {
  readonly fetcher: "fetchTarball" | "fetchGit" | "fetchTree";
  /** `line:column`. */
  readonly place: string;
  readonly arguments: ReadonlyMap<string, string>;
  /** Arguments that are given, but not by the text. */
  readonly computed: readonly string[];
}

const MAX_CALLS = 10_000;
const MAX_ARGUMENT_TOKENS = 2_000;

/** Throws `FormatError` where the text is no expression, or has more calls than anybody writes. */
export function fetchCalls(text: string): FetchCall[] {
  // Most files have none, and need no reading.
  if (!FETCHER_TEXT.test(text)) return [];
  const tokens = expressionTokens(text);
  const constants = new Constants(tokens);
  const place = placesIn(text);
  const calls: FetchCall[] = [];
  for (const { list, at } of everyPlace(tokens)) {
    const call = callAt(list, at, constants, place);
    if (call) calls.push(call);
    if (calls.length > MAX_CALLS) throw new FormatError("nix expression", "calls", 0, "are too many");
  }
  return calls;
}

/** The commit that a call names; undefined where the text does not say it. */
export function commitOfCall(call: FetchCall, file: string): CommitPin | undefined {
  const given = call.arguments;
  const url = given.get("url");
  const named = namedBy(call);
  if (!named) return undefined;
  return {
    kind: "commit",
    name: `${call.fetcher} at ${file}:${call.place}`,
    fetcher: isGit(call) ? "fetchGit" : "fetchTarball",
    url,
    ...named,
    narHash: hashOf(given.get("sha256") ?? given.get("narHash")),
    storeNames: [given.get("name") ?? FETCHED_NAME],
  };
}

function isGit({ fetcher, arguments: given }: FetchCall): boolean {
  return fetcher === "fetchGit" || (fetcher === "fetchTree" && given.get("type") === "git");
}

function namedBy({ fetcher, arguments: given }: FetchCall): { repository: string; rev: string } | undefined {
  const [url, rev] = [given.get("url"), given.get("rev")];
  if (fetcher === "fetchTarball") return url === undefined ? undefined : namedCommit(url);
  if (rev === undefined) return url === undefined ? undefined : namedCommit(url);
  if (!isWholeCommitId(rev)) return undefined;
  const repository = url === undefined ? byOwner(given) : gitRepository(url);
  return repository === undefined ? undefined : { repository, rev };
}

function byOwner(given: ReadonlyMap<string, string>): string | undefined {
  const words = [given.get("type"), given.get("owner"), given.get("repo"), given.get("rev")];
  return namedCommit(`${words[0]}:${words.slice(1).join("/")}`)?.repository;
}

/** A hash that nobody could mean stands for none: the tree will then not be found, and that is said. */
function hashOf(text: string | undefined): CommitPin["narHash"] {
  try {
    return text === undefined ? undefined : parsePinHash(text);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

const FETCHER_TEXT = /\bfetch(?:Tarball|Git|Tree)\b/;
const FETCHERS: ReadonlySet<string> = new Set(["fetchTarball", "fetchGit", "fetchTree"]);

function callAt(
  list: readonly Token[],
  at: number,
  constants: Constants,
  placeOf: (offset: number) => string,
): FetchCall | undefined {
  const name = list[at]!;
  if (name.kind !== "name" || !FETCHERS.has(name.text)) return undefined;
  let next = at + 1;
  while (isSign(list[next], "(")) next++;
  const argument = list[next];
  const place = placeOf(name.at);
  const fetcher = name.text as FetchCall["fetcher"];
  if (argument?.kind === "string") return { fetcher, place, ...urlAlone(constants.textOf([argument])) };
  if (!isSign(argument, "{")) return undefined;
  const inside = list.slice(next + 1, next + 1 + MAX_ARGUMENT_TOKENS);
  return { fetcher, place, ...argumentsIn(inside, constants) };
}

type Given = Pick<FetchCall, "arguments" | "computed">;

/** `fetchTarball "URL"`. */
function urlAlone(url: string | undefined): Given {
  if (url === undefined) return { arguments: new Map(), computed: ["url"] };
  return { arguments: new Map([["url", url]]), computed: [] };
}

/** The bindings of an attribute set, behind its opening brace. */
function argumentsIn(list: readonly Token[], constants: Constants): Given {
  const given = new Map<string, string>();
  const computed: string[] = [];
  const add = (name: string, value: readonly Token[]) => {
    const text = constants.textOf(value);
    if (text === undefined) computed.push(name);
    else given.set(name, text);
  };
  for (const { names, value } of bindings(list)) {
    for (const { name, token } of names) add(name, value ?? [token]);
  }
  return { arguments: given, computed };
}

interface Binding {
  readonly names: readonly { readonly name: string; readonly token: Token }[];
  /** Undefined for what is inherited: each name stands for itself. */
  readonly value: readonly Token[] | undefined;
}

/** `name = value;` and `inherit (set) name…;`, up to the brace that closes. */
function* bindings(list: readonly Token[]): Generator<Binding> {
  for (let at = 0; at < list.length && !isSign(list[at], "}"); at++) {
    const end = endOfBinding(list, at);
    const words = list.slice(at, end);
    const [first, second] = words;
    if (first?.kind === "name" && first.text === "inherit") {
      const names = words
        .slice(1)
        .flatMap((token) => (token.kind === "name" ? [{ name: token.text, token }] : []));
      yield { names, value: undefined };
    } else if (first?.kind === "name" && isSign(second, "="))
      yield { names: [{ name: first.text, token: first }], value: words.slice(2) };
    at = end;
  }
}

/** Where the semicolon of a binding is, not one inside of brackets; or what stands before the brace that closes. */
function endOfBinding(list: readonly Token[], start: number): number {
  let depth = 0;
  for (let at = start; at < list.length; at++) {
    const token = list[at]!;
    if (token.kind !== "sign") continue;
    if (/^[({[]$/.test(token.text)) depth++;
    else if (/^[)}\]]$/.test(token.text) && --depth < 0) return Math.max(at - 1, start);
    else if (token.text === ";" && depth === 0) return at;
  }
  return list.length;
}

function isSign(token: Token | undefined, text: string): boolean {
  return token?.kind === "sign" && token.text === text;
}

/** Every token with the list that it stands in: those filled into strings too. */
function* everyPlace(list: readonly Token[]): Generator<{ list: readonly Token[]; at: number }> {
  for (const [at, token] of list.entries()) {
    yield { list, at };
    if (token.kind !== "string") continue;
    for (const part of token.parts) if (typeof part !== "string") yield* everyPlace(part);
  }
}

/** Names that a file binds to literal strings, and to one value only wherever it binds them so. */
class Constants {
  private readonly bound = new Map<string, readonly StringPart[] | undefined>();
  /** Texts found; undefined also while one is being looked for, so that a circle ends. */
  private readonly texts = new Map<string, string | undefined>();
  private depth = 0;

  constructor(tokens: readonly Token[]) {
    for (const { list, at } of everyPlace(tokens)) {
      const [name, value] = [list[at]!, list[at + 2]];
      if (name.kind !== "name" || !isSign(list[at + 1], "=")) continue;
      if (value?.kind !== "string" || !isSign(list[at + 3], ";")) continue;
      const known = this.bound.get(name.text);
      const same = !this.bound.has(name.text) || (known !== undefined && isSameText(known, value.parts));
      this.bound.set(name.text, same ? value.parts : undefined);
    }
  }

  /** The text that tokens stand for; undefined where it is not there to be read. */
  textOf(tokens: readonly Token[]): string | undefined {
    const last = tokens.at(-1);
    if (tokens.length === 1 && last!.kind === "string") return this.join(last!.parts);
    return last?.kind === "name" && isPathOfNames(tokens) ? this.named(last.text) : undefined;
  }

  private named(name: string): string | undefined {
    if (this.texts.has(name)) return this.texts.get(name);
    this.texts.set(name, undefined);
    const parts = this.bound.get(name);
    const text = parts && this.join(parts);
    this.texts.set(name, text);
    return text;
  }

  private join(parts: readonly StringPart[]): string | undefined {
    if (this.depth >= MAX_FILLED) return undefined;
    this.depth++;
    const texts = parts.map((part) => (typeof part === "string" ? part : this.textOf(part)));
    this.depth--;
    const text = texts.includes(undefined) ? undefined : texts.join("");
    return text !== undefined && text.length <= MAX_TEXT ? text : undefined;
  }
}

/** How deep names are followed into names. */
const MAX_FILLED = 16;
const MAX_TEXT = 4096;

/** `rev`, or `spec.rev`. */
function isPathOfNames(tokens: readonly Token[]): boolean {
  return tokens.every((token, i) => (i % 2 === 0 ? token.kind === "name" : isSign(token, ".")));
}

function isSameText(a: readonly StringPart[], b: readonly StringPart[]): boolean {
  return a.length === b.length && a.every((part, i) => typeof part === "string" && part === b[i]);
}
