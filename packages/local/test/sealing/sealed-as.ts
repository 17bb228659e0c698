/** Seals a command as root or as an ordinary user, with this machine's Nix or sid's, in a child process. */
import { execFileSync, type StdioOptions, spawn } from "node:child_process";
import { chownSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { NixVersion } from "@firstmile/testing/nix-world";
import type { ChildAnswer, ChildRequest } from "./sealed-child.ts";

const CHECKOUT = resolve(import.meta.dirname, "../../../..");
const SID_TREE = process.env.FIRSTMILE_SID_TREE ?? join(CHECKOUT, ".cache/sid");
const CHILD = join(import.meta.dirname, "sealed-child.ts");

export type Who = "root" | "an ordinary user";
export const ORDINARY = 60_123;

export interface Setting {
  readonly version: NixVersion;
  readonly who: Who;
  /** Below the directory for temporary files; everything of the child's is in it. */
  readonly dir: string;
  /** Words before the child. */
  readonly before?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export function sealedAs(setting: Setting, request: ChildRequest): ChildAnswer {
  const { argv, env } = childOf(setting, request);
  const options = { env, stdio: STDIO, encoding: "utf8", timeout: 120_000, maxBuffer: 64 << 20 } as const;
  return JSON.parse(execFileSync(argv[0]!, argv.slice(1), options)) as ChildAnswer;
}

/** As `sealedAs`, while this process goes on; what became of it does not matter. */
export function sealedLater(setting: Setting, request: ChildRequest): Promise<void> {
  const { argv, env } = childOf(setting, request);
  const child = spawn(argv[0]!, argv.slice(1), { env, stdio: "ignore" });
  return new Promise((resolve) => child.once("close", () => resolve()));
}

const STDIO: StdioOptions = ["ignore", "pipe", "pipe"];

function childOf(setting: Setting, request: ChildRequest) {
  return nodeAs(setting, CHILD, request);
}

/** A script of this project that is run so, with one JSON value as its argument. */
export function nodeAs(
  { version, who, dir, before = [], env = {} }: Setting,
  script: string,
  request: unknown,
): { readonly argv: readonly string[]; readonly env: NodeJS.ProcessEnv } {
  const own = join(dir, who === "root" ? "root" : "user");
  mkdirSync(own, { recursive: true, mode: 0o755 });
  const as =
    who === "root" ? [] : ["setpriv", `--reuid=${ORDINARY}`, `--regid=${ORDINARY}`, "--clear-groups"];
  if (who !== "root") chownSync(own, ORDINARY, ORDINARY);
  const enter = version === "sid" ? [join(CHECKOUT, "scripts/sid-run"), SID_TREE, "--"] : [];
  const argv = [...before, ...enter, ...as, process.execPath, script, JSON.stringify(request)];
  return { argv, env: { ...worldOf(own), ...env, PATH: process.env.PATH } };
}

/** A Nix whose every directory is below one. */
function worldOf(dir: string): NodeJS.ProcessEnv {
  return {
    USER: "somebody",
    HOME: dir,
    NIX_REMOTE: "local",
    NIX_STORE_DIR: join(dir, "store"),
    NIX_STATE_DIR: join(dir, "state"),
    NIX_LOG_DIR: join(dir, "log"),
    NIX_CONF_DIR: join(dir, "etc"),
  };
}
