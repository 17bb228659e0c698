/**
 * Where one gate listens, and whether Nix is to believe it by that place. It binds nothing that its kind of trust does
 * not allow, and says so before anything is served.
 */
import { readlinkSync } from "node:fs";
import { type GateEndpoint, portOf } from "../nix-conf/endpoint.ts";
import type { GateOptions } from "./gate.ts";
import { handedSocket } from "./handed-socket.ts";
import {
  KEY_PORT,
  PLACE_PORT,
  PlaceError,
  portsToTry,
  requirePrivileged,
  type Trust,
  unprivilegedPortStart,
} from "./place.ts";
import type { Substituter } from "./substituter.ts";

/** What `doctor` compares: said over the gate's Unix socket. */
export interface PlaceStatus {
  readonly trust: Trust;
  /** Who keeps the address while the gate restarts. */
  readonly heldBy: "gate" | "service manager";
  /** The gate's network namespace: 127.0.0.1 of another one is another machine's. */
  readonly network: string;
}

export class GatePlace {
  readonly trust: Trust;
  private readonly options: Pick<GateOptions, "port" | "env" | "log">;
  private readonly handed: number | undefined;
  private readonly last: GateEndpoint | "older" | undefined;
  private readonly start = unprivilegedPortStart();

  /** `last`: the endpoint of the gate before, "older" if that cannot be read by this version. Throws `PlaceError`. */
  constructor(
    options: Pick<GateOptions, "port" | "trust" | "env" | "log">,
    process: Pick<NodeJS.Process, "pid" | "geteuid">,
    last: GateEndpoint | "older" | undefined,
  ) {
    const root = process.geteuid?.() === 0;
    this.options = options;
    this.trust = options.trust ?? (root ? "place" : "key");
    if (this.trust === "place" && !root)
      throw new PlaceError(
        "only root's gate can be trusted by its place: every other user's port is free for all when it ends",
        "run the gate as root, or leave out --trust place",
      );
    this.handed = handedSocket(options.env, process.pid);
    this.last = last;
  }

  /** Binds, or takes over what was handed to it; resolves to the port. Throws `PlaceError`. */
  async listen(substituter: Pick<Substituter, "listen" | "takeOver">): Promise<number> {
    const wanted = this.wanted();
    const { port: given } = this.options;
    if (this.handed === undefined && this.trust === "place") requirePrivileged(wanted, this.start);
    const port =
      this.handed === undefined
        ? await substituter.listen(portsToTry(wanted, this.trust, this.start))
        : await substituter.takeOver(this.handed);
    if (this.trust === "place") requirePrivileged(port, this.start);
    if (this.handed !== undefined && given !== undefined && given !== port)
      throw new PlaceError(
        `the socket that was handed over has port ${port}, and --port says ${given}`,
        "leave out --port where the service manager holds the address",
      );
    this.sayWhatChanged(port);
    return port;
  }

  status(): PlaceStatus {
    const heldBy = this.handed === undefined ? "gate" : "service manager";
    return { trust: this.trust, heldBy, network: ownNetwork() };
  }

  /** That of last time, if it was trusted in the same way. */
  private wanted(): number {
    const { port } = this.options;
    if (port !== undefined) return port;
    const { last } = this;
    if (last !== undefined && last !== "older" && last.trust === this.trust) return portOf(last.url);
    return this.trust === "place" ? PLACE_PORT : KEY_PORT;
  }

  private sayWhatChanged(port: number): void {
    const { last } = this;
    if (last === undefined) return;
    const before = last === "older" ? "that of an older gate" : last.url;
    if (last !== "older" && portOf(last.url) === port && last.trust === this.trust) return;
    this.options.log(
      `the gate's address was ${before} before: print the lines of nix.conf anew (firstmile nix-conf)`,
    );
  }
}

/** As `net:[4026531840]`; empty where /proc does not say. */
function ownNetwork(): string {
  try {
    return readlinkSync("/proc/self/ns/net");
  } catch {
    return "";
  }
}
