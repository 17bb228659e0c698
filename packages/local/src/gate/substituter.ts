/**
 * The only substituter of this machine's Nix: a binary cache over HTTP on loopback. A path is served only when it
 * was released; a denial is 404, because anything else ends a build instead of leaving it to be made here. What a
 * narinfo promised is decided again when its NAR is asked for.
 */

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, ListenOptions } from "node:net";
import { harmlessText } from "@firstmile/formats/bytes/visible";
import { narHashDigest } from "@firstmile/formats/nix/hash";
import { type NarInfo, renderNarInfo } from "@firstmile/formats/nix/narinfo";
import type { Testimony } from "@firstmile/trust/consensus/agree";
import { firstRefusal, type Verdict } from "@firstmile/trust/verdict/verdict";
import type { OutputDeciding, OutputDecision } from "./decide-output.ts";
import { type NarInfoAnswer, NarInfoResponder, narInfoHashPart } from "./http/narinforesponder.ts";
import { REASON_HEADER, streamNar } from "./http/narstream.ts";
import { cacheUrl } from "./http/outgoing.ts";
import { isSourceTarget, type SourceResponder } from "./http/sourceresponder.ts";
import { listenersOn } from "./listeners.ts";
import type { MachineKey } from "./machine-key.ts";
import { PlaceError } from "./place.ts";

export interface SubstituterOptions {
  readonly deciding: OutputDeciding;
  readonly key: MachineKey;
  readonly decide: (hashPart: string) => Promise<OutputDecision>;
  /** Told how each NAR ended and why each path was denied. */
  readonly log: (event: SubstituterEvent) => void;
  /** Answers for sources' trees. */
  readonly sources: Pick<SourceResponder, "respond">;
  /** What is asked before waits for it. */
  readonly opened: Promise<void>;
}

export type SubstituterEvent =
  | { readonly kind: "denied"; readonly verdict: Verdict }
  | { readonly kind: "nar"; readonly path: string; readonly outcome: string };

/** Answers from memory are given for at most so long; NARs are always decided anew. */
const FORGET_MS = 60_000;
const NAR = /^\/nar\/([0-9a-df-np-sv-z]{32})-([0-9a-f]{16})\.nar(?:\.[a-z0-9]+)?$/;

export class Substituter {
  private readonly options: SubstituterOptions;
  private readonly responder: NarInfoResponder;
  private readonly server: Server;
  private generation = "";
  private decidedSince = 0;

  constructor(options: SubstituterOptions) {
    this.options = options;
    this.responder = new NarInfoResponder((hashPart) => this.narInfo(hashPart));
    this.server = createServer(
      { keepAliveTimeout: 60_000, requestTimeout: 30_000 },
      (request, response) => void options.opened.then(() => this.answer(request, response)),
    );
  }

  /** Listens on the first of these ports that is free; resolves to its number. Throws `PlaceError`. */
  async listen(ports: readonly number[]): Promise<number> {
    for (const [i, port] of ports.entries()) {
      try {
        return (await this.bind({ port, host: "127.0.0.1" })).port;
      } catch (error) {
        if (codeOf(error) !== "EADDRINUSE" || i === ports.length - 1) throw cannotListen(port, error);
      }
    }
    throw new PlaceError(
      "every user can bind every port of this machine",
      "see net.ipv4.ip_unprivileged_port_start",
    );
  }

  /** Takes over a socket that listens already; resolves to its port. Throws `PlaceError` if it is not on 127.0.0.1. */
  async takeOver(fd: number): Promise<number> {
    const bound = await this.bind({ fd });
    if (bound.address === "127.0.0.1") return bound.port;
    throw new PlaceError(
      `the socket that was handed over listens on ${bound.address}, and other machines or users could be behind that`,
      "write ListenStream=127.0.0.1:PORT into the socket unit",
    );
  }

  private bind(where: ListenOptions | { readonly fd: number }): Promise<AddressInfo> {
    const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>();
    this.server.once("error", reject).listen(where, () => {
      this.server.removeListener("error", reject);
      resolve(this.server.address() as AddressInfo);
    });
    return promise;
  }

  /** Also where it never listened. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  /** Forgets all answers: something that they rest on has changed. */
  forget(): void {
    this.responder.clear();
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== "GET" && request.method !== "HEAD")
      return deny(response, 405, "only GET and HEAD are answered");
    const target = request.url ?? "/";
    const hashPart = narInfoHashPart(target);
    if (hashPart !== undefined) {
      this.forgetWhenChanged();
      void this.responder.respond(hashPart, request, response);
      return;
    }
    if (isSourceTarget(target)) {
      void this.options.sources.respond(request, response);
      return;
    }
    if (target === "/nix-cache-info") return this.cacheInfo(response);
    const nar = NAR.exec(target);
    if (nar) void this.nar(nar[1]!, nar[2]!, request, response);
    else deny(response, 404, "not-an-output: the gate serves only narinfos and NARs of admitted derivations");
  }

  private forgetWhenChanged(): void {
    const generation = this.options.deciding.rules.generation();
    const now = performance.now();
    if (generation === this.generation && now - this.decidedSince < FORGET_MS) return;
    this.generation = generation;
    this.decidedSince = now;
    this.responder.clear();
  }

  private cacheInfo(response: ServerResponse): void {
    response.writeHead(200, { "Content-Type": "text/x-nix-cache-info" });
    response.end(`StoreDir: ${this.options.deciding.storeDir}\nWantMassQuery: 1\nPriority: 30\n`);
  }

  private async narInfo(hashPart: string): Promise<NarInfoAnswer> {
    const { verdict, release } = await this.options.decide(hashPart);
    const [chosen] = release?.from ?? [];
    if (!chosen) {
      this.options.log({ kind: "denied", verdict });
      return { kind: "absent", reason: oneLine(verdict) };
    }
    return { kind: "found", body: Buffer.from(renderNarInfo(this.vouchedFor(chosen, hashPart))) };
  }

  /** What the builders agreed on, with the gate's own signature and address; the cache's word only for how to read it. */
  private vouchedFor(chosen: Testimony, hashPart: string): NarInfo {
    const { info } = chosen;
    const suffix = SUFFIXES[info.compression] ?? `.${info.compression}`;
    return {
      ...info,
      url: `nar/${hashPart}-${sourceId(chosen)}.nar${suffix}`,
      signatures: [this.options.key.sign(info)],
      // No signature covers these two: a cache could name any derivation as the one that made it.
      deriver: undefined,
      ca: undefined,
    };
  }

  private async nar(
    hashPart: string,
    id: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    try {
      const { verdict, release } = await this.options.decide(hashPart);
      const chosen = release?.from.find((testimony) => sourceId(testimony) === id);
      if (!release || !chosen) {
        this.forget();
        this.options.log({ kind: "denied", verdict });
        return deny(
          response,
          404,
          release ? "nar-differs: the cache no longer offers the file that was promised" : oneLine(verdict),
        );
      }
      const outcome = await streamNar(
        { url: cacheUrl(chosen.cache, chosen.info.url), outgoing: this.options.deciding.outgoing },
        response,
        request,
        expectation(chosen.info),
      );
      this.options.log({
        kind: "nar",
        path: release.path,
        outcome:
          outcome.kind === "served" ? "served" : `${outcome.kind}: ${outcome.code}: ${outcome.message}`,
      });
    } catch (error) {
      if (response.headersSent) response.destroy();
      else deny(response, 404, `gate-unreachable: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Names the user who holds the port: the reader may not have started another gate. */
function cannotListen(port: number, error: unknown): PlaceError {
  const holder = listenersOn(port)?.[0];
  const by = holder === undefined ? "another program" : `a program of user ${holder.uid}`;
  if (codeOf(error) === "EADDRINUSE")
    return new PlaceError(
      `127.0.0.1:${port} is taken by ${by}`,
      `ss -ltnp 'sport = :${port}' shows it; end it, or give --port another and print nix-conf's lines anew`,
    );
  const message = error instanceof Error ? error.message : String(error);
  return new PlaceError(`cannot listen on 127.0.0.1:${port}: ${message}`, "choose another port with --port");
}

const SUFFIXES: Partial<Record<NarInfo["compression"], string>> = {
  none: "",
  xz: ".xz",
  zstd: ".zst",
  bzip2: ".bz2",
  gzip: ".gz",
};

/** Names one cache's file for one content, so that a NAR request means exactly what its narinfo offered. */
function sourceId({ cache, info }: Testimony): string {
  const parts = [
    cache,
    info.url,
    info.compression,
    info.fileHash ?? "",
    String(info.fileSize ?? ""),
    info.narHash,
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

function expectation(info: NarInfo): { fileHash?: Uint8Array; fileSize?: number } {
  const hash = info.compression === "none" ? info.narHash : info.fileHash;
  const size = info.compression === "none" ? info.narSize : info.fileSize;
  return {
    ...(hash === undefined ? {} : { fileHash: narHashDigest(hash) }),
    ...(size === undefined ? {} : { fileSize: size }),
  };
}

/** Code and message of what stands against it, fit for a header. */
export function oneLine(verdict: Verdict): string {
  const refusal = firstRefusal(verdict.reasons);
  const text = refusal ? `${refusal.code}: ${refusal.message}` : "denied";
  return text.replace(/[^\x20-\x7e]+/g, " ").slice(0, 500);
}

function deny(response: ServerResponse, status: number, reason: string): void {
  response.writeHead(status, {
    "Content-Type": "text/plain",
    [REASON_HEADER]: reason.replace(/[^\x20-\x7e]+/g, " ").slice(0, 500),
  });
  response.end(`${harmlessText(reason)}\n`);
}
