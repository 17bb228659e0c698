/** What is known of this machine: gathered by effects, judged by `examine` without any. */
import type { Listener } from "../gate/listeners.ts";
import type { Trust } from "../gate/place.ts";
import type { GateEndpoint } from "./endpoint.ts";

/** The effective settings of one reader of configuration, each in nix.conf's own form. */
export interface Configuration {
  /** What was read, for people: files and variables. */
  readonly from: string;
  /** Of the process that builds, of the person who calls, or of one who is both. */
  readonly of: "builder" | "caller" | "both";
  readonly values: ReadonlyMap<string, string>;
}

export interface PathStep {
  readonly path: string;
  readonly kind: "file" | "directory" | "link" | "other";
  readonly uid: number;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
}

/** A path's own entry last, every directory above it before. Missing: the entry itself is not there. */
export interface PathFacts {
  readonly path: string;
  readonly steps: readonly PathStep[];
  readonly missing: boolean;
}

export interface DaemonFacts {
  /** Answers at its socket. */
  readonly listens: boolean;
  /** Whether its environment could be read, and so which nix.conf it took. */
  readonly environmentRead: boolean;
  /** nix.conf is newer than the process: it still has what was there before. */
  readonly stale: boolean;
  /** Options of its command line, which count over any nix.conf. */
  readonly options: readonly string[];
}

export type GateFacts =
  | { readonly endpoint: GateEndpoint }
  | { readonly endpoint: undefined; readonly problem: string };

/** What the gate says of itself over its Unix socket. */
export interface GateSays {
  readonly url: string;
  readonly trust: Trust;
  readonly heldBy: "gate" | "service manager";
  readonly network: string;
}

/** A process that substitutes, and how it reaches the gate. */
export interface ReaderOfPlace {
  readonly of: "daemon" | "caller";
  /** The variable of its environment that sends requests for 127.0.0.1 elsewhere. */
  readonly proxy: string | undefined;
  /** Whether its environment could be read: if not, `proxy` says nothing. */
  readonly seen: boolean;
  /** Its network namespace; undefined where this user may not see it. */
  readonly network: string | undefined;
}

/** What could answer in place of the gate. */
export interface PlaceFacts {
  /** First port that every user may bind; undefined where the kernel does not say. */
  readonly start: number | undefined;
  /** On the gate's port, where a connection to 127.0.0.1 ends; undefined where that cannot be read. */
  readonly listeners: readonly Listener[] | undefined;
  /** Undefined where no gate answers, or one that does not say this. */
  readonly says: GateSays | undefined;
  /** This process's own network namespace. */
  readonly network: string | undefined;
  readonly readers: readonly ReaderOfPlace[];
  /** Processes of other users that may bind every port; undefined where this user may not see them. */
  readonly processes: readonly string[] | undefined;
  /** Programs that give that right to the user who starts them; undefined where they cannot be listed. */
  readonly programs: readonly string[] | undefined;
}

/** What a request got: its text, or why there was none. */
export type Answer =
  | { readonly ok: true; readonly said: string }
  | { readonly ok: false; readonly problem: string };

export interface Facts {
  /** What `nix --version` printed. */
  readonly nixVersion: string;
  readonly uid: number;
  readonly storeDir: string;
  readonly configurations: readonly Configuration[];
  readonly daemon: DaemonFacts | undefined;
  /** Flakes whose settings the caller once accepted for good, as `setting value`. */
  readonly acceptedFlakeSettings: readonly string[];
  readonly gate: GateFacts;
  /** Undefined where no gate has started. */
  readonly place: PlaceFacts | undefined;
  readonly hook: PathFacts | undefined;
  /** What the hook runs: its interpreter and its script. */
  readonly hookPrograms: readonly PathFacts[];
  readonly socket: Answer;
  /** nix-cache-info of the gate. */
  readonly cacheInfo: Answer | undefined;
  /** The policy in force, or why there is none. */
  readonly trust: Answer;
  readonly stateDir: PathFacts;
  readonly gateDir: PathFacts;
  /** Files of the gate's directory that hold secret keys. */
  readonly keys: readonly PathFacts[];
  readonly namespaces: Answer;
  /** With --try: how Nix ended with a derivation that nobody admitted. */
  readonly tried: Trial | undefined;
  readonly git: Answer;
  /** Whether that Git notices SHA-1 collision attacks, as it was seen to. */
  readonly collisions: Answer;
  readonly xz: Answer;
}

export type Trial =
  | { readonly kind: "built" }
  | { readonly kind: "refused" }
  | { readonly kind: "failed"; readonly said: string };

export interface Finding {
  readonly setting: string;
  readonly state: "closed" | "open" | "unknown";
  readonly found: string;
  readonly why: string;
  /** What to add to nix.conf, exactly, or the command that closes it. */
  readonly line?: string;
}
