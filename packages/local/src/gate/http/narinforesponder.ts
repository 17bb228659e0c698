/**
 * Answers narinfo requests. Nix asks for thousands of them one after the other, so a path that has been decided is
 * answered from memory with ready bytes. Claims: no answer that was decided before `forget` or `clear` is given to a
 * request that comes after. Leaves out: the deciding, and the form of the narinfo.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { REASON_HEADER } from "./narstream.ts";

export type NarInfoAnswer =
  /** The whole narinfo; kept until forgotten. */
  | { readonly kind: "found"; readonly body: Uint8Array }
  /** 404 with the reason in one line; not kept, since what is missing may arrive. */
  | { readonly kind: "absent"; readonly reason: string };

/** Decides about a path by the 32-character hash part of its name. A rejection counts as absent. */
export type DecideNarInfo = (hashPart: string) => Promise<NarInfoAnswer>;

const HASH_PART = /^[0-9a-df-np-sv-z]{32}$/;
const HASH_PART_LENGTH = 32;
const SUFFIX = ".narinfo";
const DEFAULT_MAX_ENTRIES = 100_000;

interface Ready {
  readonly head: string[];
  readonly body: Buffer;
}

interface Question {
  readonly answer: Promise<NarInfoAnswer>;
  /** Whether it was forgotten while under way. */
  stale: boolean;
}

/**
 * The hash part in a request target such as `/p/abc/<hash>.narinfo`, where `prefix` is `/p/abc/`; undefined for any
 * other target.
 */
export function narInfoHashPart(target: string, prefix = "/"): string | undefined {
  const end = prefix.length + HASH_PART_LENGTH;
  if (target.length !== end + SUFFIX.length) return undefined;
  if (!target.startsWith(prefix) || !target.endsWith(SUFFIX)) return undefined;
  const hashPart = target.slice(prefix.length, end);
  return HASH_PART.test(hashPart) ? hashPart : undefined;
}

export class NarInfoResponder {
  readonly #decide: DecideNarInfo;
  readonly #maxEntries: number;
  readonly #ready = new Map<string, Ready>();
  /** Questions under way; one a hash, however many clients ask. */
  readonly #pending = new Map<string, Question>();

  /** `maxEntries`: how many narinfos to keep (about 2 KB each); the oldest goes first. */
  constructor(decide: DecideNarInfo, maxEntries: number = DEFAULT_MAX_ENTRIES) {
    this.#decide = decide;
    this.#maxEntries = maxEntries;
  }

  /** Answers a GET or HEAD for `hashPart`; at once where the answer is in memory. Resolves when answered. */
  respond(hashPart: string, request: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
    const ready = this.#ready.get(hashPart);
    if (ready === undefined) return this.#respondLater(hashPart, request, response);
    sendReady(ready, request, response);
    return undefined;
  }

  /** Keeps an answer that was decided elsewhere. */
  keep(hashPart: string, body: Uint8Array) {
    if (!this.#ready.has(hashPart) && this.#ready.size >= this.#maxEntries) {
      for (const oldest of this.#ready.keys()) {
        this.#ready.delete(oldest);
        break;
      }
    }
    this.#ready.set(hashPart, makeReady(body));
  }

  /** Drops one answer, and the outcome of a question under way. */
  forget(hashPart: string) {
    this.#ready.delete(hashPart);
    const question = this.#pending.get(hashPart);
    if (question !== undefined) question.stale = true;
    this.#pending.delete(hashPart);
  }

  /** Drops every answer and the outcome of every question under way: for a change of policy. */
  clear() {
    this.#ready.clear();
    for (const question of this.#pending.values()) question.stale = true;
    this.#pending.clear();
  }

  /** Answers in memory. */
  get size(): number {
    return this.#ready.size;
  }

  async #respondLater(hashPart: string, request: IncomingMessage, response: ServerResponse) {
    const answer = await this.#ask(hashPart);
    if (answer.kind === "found") sendReady(makeReady(answer.body), request, response);
    else sendAbsent(answer.reason, response);
  }

  async #ask(hashPart: string): Promise<NarInfoAnswer> {
    for (;;) {
      const question = this.#pending.get(hashPart) ?? this.#open(hashPart);
      const answer = await question.answer;
      // Forgotten while it was being decided means decided under the rules of before: ask again.
      if (!question.stale) return answer;
    }
  }

  #open(hashPart: string): Question {
    const settle = (answer: NarInfoAnswer) => {
      if (question.stale) return answer;
      this.#pending.delete(hashPart);
      if (answer.kind === "found") this.keep(hashPart, answer.body);
      return answer;
    };
    const question: Question = { stale: false, answer: decideOrDeny(this.#decide, hashPart).then(settle) };
    this.#pending.set(hashPart, question);
    return question;
  }
}

/** Fails closed: an error while deciding is an answer, and the answer is no. */
async function decideOrDeny(decide: DecideNarInfo, hashPart: string): Promise<NarInfoAnswer> {
  try {
    return await decide(hashPart);
  } catch {
    return { kind: "absent", reason: "the question could not be decided" };
  }
}

function makeReady(bytes: Uint8Array): Ready {
  const body = Buffer.from(bytes);
  return { body, head: ["Content-Type", "text/x-nix-narinfo", "Content-Length", String(body.length)] };
}

function sendReady(ready: Ready, request: IncomingMessage, response: ServerResponse) {
  // Nobody keeps this answer by its age, and the clock costs more than the rest of the head.
  response.sendDate = false;
  response.writeHead(200, ready.head);
  if (request.method === "HEAD") response.end();
  else response.end(ready.body);
}

function sendAbsent(reason: string, response: ServerResponse) {
  const line = reason.replace(/[^\x20-\x7e]/g, "?").slice(0, 1_000);
  response.writeHead(404, [REASON_HEADER, line, "Content-Length", "0"]);
  response.end();
}
