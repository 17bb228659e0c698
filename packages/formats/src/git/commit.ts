/**
 * Commit objects, byte for byte as Git hashes and signs them (git-commit-tree, signature-format).
 *
 * Claims: what is read here is what Git reads: one tree, the parents, one author and one committer, in that order;
 * `signedPayload` is what Git hands to a verifier. Against: a second signature or a second tree that one reader
 * takes and another does not, and NULs behind which a reader in C sees nothing.
 * Leaves out: whether the content hashes to any id, what the signature is worth, and what is inside `mergetag`.
 * Reading costs a scan of the headers, whatever the message's length; every field is decoded when asked for.
 */
import { latin1 } from "../bytes/text.ts";
import { HeaderScanner, type HeaderSpan, idAt, unfold } from "./headers.ts";
import type { CommitId, ObjectHash, ObjectId } from "./object-id.ts";
import { type Person, person } from "./person.ts";
import { without } from "./without.ts";

export interface Commit {
  readonly tree: ObjectId;
  readonly parents: readonly CommitId[];
  readonly author: Person;
  readonly committer: Person;
  /** Which hash names the objects it points at; a SHA-256 commit is signed in another header. */
  readonly hash: ObjectHash;
  /** The `encoding` header; undefined means UTF-8. */
  readonly encoding: string | undefined;
  /**
   * The armored signature in this commit's own header (`gpgsig`, in SHA-256 repositories `gpgsig-sha256`), folding
   * undone; the first where there are several. It may hold more than one block: that is for its reader to refuse.
   */
  readonly gpgsig: Uint8Array | undefined;
  /** How many `gpgsig` and `gpgsig-sha256` headers there are. Over one, `gpgsig` must not be relied on. */
  readonly signatures: number;
  /** Headers other than the above, `mergetag` among them, in their order. */
  readonly otherHeaders: readonly CommitHeader[];
  readonly message: Uint8Array;
  /** What the signature is over: the commit without its signature headers. */
  signedPayload(): Uint8Array;
}

export interface CommitHeader {
  readonly name: string;
  /** Folding undone, with the newline that ends it. */
  readonly value: Uint8Array;
}

/** Reads a commit's content, without the `commit <size>` that it is hashed with. Throws `FormatError`. */
export function parseCommit(content: Uint8Array): Commit {
  const scanner = new HeaderScanner(content, "git commit");
  const digits = scanner.bytes[TREE.length + 1 + 40] === 0x0a ? 40 : 64;
  const tree = scanner.id(TREE, digits);
  const parents: HeaderSpan[] = [];
  while (scanner.startsWith("parent ")) parents.push(scanner.id("parent", digits));
  const author = scanner.line("author");
  const committer = scanner.line("committer");
  const rest = readRest(scanner);
  return new LazyCommit(scanner.bytes, { tree, parents, author, committer, ...rest, body: scanner.at });
}

const TREE = "tree";

interface Rest {
  readonly encoding: HeaderSpan | undefined;
  readonly sha1Signatures: readonly HeaderSpan[];
  readonly sha256Signatures: readonly HeaderSpan[];
  readonly others: readonly HeaderSpan[];
}

interface Layout extends Rest {
  readonly tree: HeaderSpan;
  readonly parents: readonly HeaderSpan[];
  readonly author: HeaderSpan;
  readonly committer: HeaderSpan;
  readonly body: number;
}

/** Headers that may stand only once, and only in front. Git takes the first, others the last. */
const TAKEN: ReadonlySet<string> = new Set([TREE, "parent", "author", "committer"]);

function readRest(scanner: HeaderScanner): Rest {
  let encoding: HeaderSpan | undefined;
  const sha1Signatures: HeaderSpan[] = [];
  const sha256Signatures: HeaderSpan[] = [];
  const others: HeaderSpan[] = [];
  for (let span = scanner.any(); span !== undefined; span = scanner.any()) {
    const name = scanner.text(span.start, span.value - 1);
    if (name === "gpgsig") sha1Signatures.push(span);
    else if (name === "gpgsig-sha256") sha256Signatures.push(span);
    // Git leaves any line that opens so out of what is signed: a place to change a signed commit in.
    else if (name.startsWith("gpgsig")) scanner.fail("gpgsig", "is of an unknown kind", span.start);
    else if (TAKEN.has(name)) scanner.fail(name, "stands where it must not", span.start);
    else if (name !== "encoding") others.push(span);
    else if (encoding !== undefined) scanner.fail("encoding", "is there twice", span.start);
    else encoding = span;
  }
  return { encoding, sha1Signatures, sha256Signatures, others };
}

class LazyCommit implements Commit {
  readonly #bytes: Buffer;
  readonly #layout: Layout;

  constructor(bytes: Buffer, layout: Layout) {
    this.#bytes = bytes;
    this.#layout = layout;
  }

  get tree(): ObjectId {
    return idAt(this.#bytes, this.#layout.tree);
  }

  get parents(): readonly CommitId[] {
    return this.#layout.parents.map((span) => idAt(this.#bytes, span) as CommitId);
  }

  get author(): Person {
    return this.#person("author", this.#layout.author);
  }

  get committer(): Person {
    return this.#person("committer", this.#layout.committer);
  }

  get hash(): ObjectHash {
    const { value, end } = this.#layout.tree;
    return end - value > 64 ? "sha256" : "sha1";
  }

  get encoding(): string | undefined {
    const span = this.#layout.encoding;
    return span && latin1(this.#bytes.subarray(span.value, span.end - 1));
  }

  get gpgsig(): Uint8Array | undefined {
    const { sha1Signatures, sha256Signatures } = this.#layout;
    const span = (this.hash === "sha256" ? sha256Signatures : sha1Signatures)[0];
    return span && unfold(this.#bytes, span);
  }

  get signatures(): number {
    return this.#layout.sha1Signatures.length + this.#layout.sha256Signatures.length;
  }

  get otherHeaders(): readonly CommitHeader[] {
    return this.#layout.others.map((span) => ({
      name: this.#bytes.toString("latin1", span.start, span.value - 1),
      value: unfold(this.#bytes, span),
    }));
  }

  get message(): Uint8Array {
    return this.#bytes.subarray(this.#layout.body);
  }

  signedPayload(): Uint8Array {
    const { sha1Signatures, sha256Signatures } = this.#layout;
    return without(this.#bytes, [...sha1Signatures, ...sha256Signatures]);
  }

  #person(field: string, span: HeaderSpan): Person {
    return person(this.#bytes.subarray(span.value, span.end - 1), "git commit", field, span.value);
  }
}
