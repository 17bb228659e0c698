/**
 * The settings of nix.conf that decide whether Nix can build or substitute without asking the gate: one entry a way
 * round, each tried on Nix 2.8 and 2.34 (docs/enforcement.md). `nix-conf` prints them, `doctor` compares with them.
 *
 * Left out: what only chooses between the gate and the hook (`substitute`, `fallback`'s other value, `max-jobs`), and
 * what Nix checks by content itself (`hashed-mirrors`, `netrc-file`, `allowed-uris`).
 */
import { builtHookBeside, type GateEndpoint, substituterUrl } from "./endpoint.ts";

export interface Setting {
  readonly name: string;
  /** What it would let through otherwise. One line. */
  readonly why: string;
  /** The reason instead, where the gate is trusted by its key. */
  readonly whyByKey?: string;
  /** What it must be; undefined where only the gate can say, and no gate is there. */
  readonly value: (gate: GateEndpoint, features?: ReadonlySet<string>) => string;
  /** Other values that close the same way: `found` in nix.conf's own form, lists with single spaces. */
  readonly accepts?: (found: string, wanted: string) => boolean;
  /** True: `value` reads the endpoint. */
  readonly needsGate?: true;
  /** Oldest version that knows the setting; older ones warn of it at every command. */
  readonly since?: readonly [major: number, minor: number];
  /** Without this experimental feature the setting does nothing, and 2.34 warns of it at every command. */
  readonly feature?: "flakes";
  /**
   * Whose configuration decides: that of the process that builds (the daemon, or whoever writes the store), or that
   * of the command that a person runs, for what happens before anything is built.
   */
  readonly decides: "builder" | "caller";
}

/** The reason for a setting; without a gate, that of one that is trusted by its place. */
export function reasonFor({ why, whyByKey }: Setting, gate: GateEndpoint | undefined): string {
  return gate?.trust === "key" ? (whyByKey ?? why) : why;
}

/** Values of a list setting. */
export function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

const plain = (name: string, value: string, why: string, more: Partial<Setting> = {}): Setting => ({
  name,
  why,
  value: () => value,
  decides: "builder",
  ...more,
});

const FROM_THE_GATE: readonly Setting[] = [
  {
    name: "pre-build-hook",
    why: "asked before every build; a build that it refuses does not start",
    value: ({ hookPath }) => hookPath,
    needsGate: true,
    decides: "builder",
  },
  {
    name: "substituters",
    why: "the gate alone; trusted=1 believes its address, where only root can listen",
    whyByKey: "the gate alone: Nix believes unsigned realisations of any substituter",
    value: substituterUrl,
    // With or without the slash of an empty path.
    accepts: (found, wanted) => found.replace(/\/(?=\?|$)/, "") === wanted.replace(/\/(?=\?|$)/, ""),
    needsGate: true,
    decides: "builder",
  },
  {
    name: "trusted-public-keys",
    why: "signatures have no end: a key that is trusted here lets in what it ever signed",
    whyByKey: "the gate's key alone: nothing that it did not sign is substituted",
    value: ({ publicKey, trust }) => (trust === "key" ? publicKey : ""),
    needsGate: true,
    decides: "builder",
  },
];

const SANDBOX: readonly Setting[] = [
  plain("sandbox", "true", "the hook is asked only for sandboxed builds; relaxed lets __noChroot out"),
  plain("sandbox-fallback", "false", "where namespaces are missing, Nix would build unsandboxed, unasked"),
  plain("filter-syscalls", "true", "builds could make setuid programs"),
  plain("allow-new-privileges", "false", "builds could gain privileges by setuid programs"),
];

const SUBSTITUTION: readonly Setting[] = [
  plain("require-sigs", "true", "without it every substituter is believed unsigned"),
  plain("trusted-substituters", "", "users could turn these on beside the gate"),
  plain("secret-key-files", "", "the public half of each is a trusted key"),
  plain("fallback", "false", "a NAR that is not what was signed ends the command and is seen", {
    // True builds instead, and the hook is asked: no way round.
    accepts: (found) => found === "true",
  }),
  plain("narinfo-cache-positive-ttl", "0", "Nix would remember an allowed path for 30 days"),
  plain("narinfo-cache-negative-ttl", "0", "Nix would remember a denied path for an hour"),
  plain("narinfo-cache-meta-ttl", "0", "Nix would remember the gate's store directory for a week", {
    since: [2, 34],
  }),
];

const PEOPLE: readonly Setting[] = [
  plain("trusted-users", "root", "a trusted user may change each of these settings", {
    accepts: (found) => words(found).every((user) => user === "root"),
  }),
  plain("accept-flake-config", "false", "a flake could set substituters, keys and hooks", {
    decides: "caller",
    feature: "flakes",
  }),
];

const ELSEWHERE: readonly Setting[] = [
  plain("builders", "", "what a remote builder sends is taken without a signature"),
  plain("builders-use-substitutes", "false", "a remote builder would substitute for itself"),
  plain("external-builders", "[]", "such a program builds instead of Nix, without sandbox and hook", {
    since: [2, 34],
    accepts: (found) => found === "",
  }),
  plain("allow-symlinked-store", "false", "a store reached by a link can be exchanged"),
];

const PROGRAMS: readonly Setting[] = [
  plain("post-build-hook", "", "runs as root on every output; the gate's own records what each build gave", {
    // Only inputs that are known after a build rest on it, and without it they are refused.
    value: ({ hookPath }, features) =>
      hookPath === "" || features?.has("ca-derivations") === false ? "" : builtHookBeside(hookPath),
    accepts: (found) => found === "",
  }),
  plain("run-diff-hook", "false", "runs a program of somebody else on outputs"),
  plain("diff-hook", "", "the program that run-diff-hook would run"),
  plain("plugin-files", "", "libraries loaded into Nix, which can undo all of this", { decides: "caller" }),
  plain("allow-unsafe-native-code-during-evaluation", "false", "expressions could run programs unbuilt", {
    decides: "caller",
  }),
];

const NAMES: readonly Setting[] = [
  plain("flake-registry", "", "somebody else's list would say which repository a name means", {
    decides: "caller",
    feature: "flakes",
  }),
  plain("use-registries", "false", "as above, for the registries of the machine and the user", {
    decides: "caller",
    feature: "flakes",
  }),
];

/** In the order in which they are printed. */
export const SETTINGS: readonly Setting[] = [
  ...FROM_THE_GATE,
  ...SANDBOX,
  ...SUBSTITUTION,
  ...PEOPLE,
  ...ELSEWHERE,
  ...PROGRAMS,
  ...NAMES,
];
