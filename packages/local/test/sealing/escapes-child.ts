/**
 * Makes all attempts in one process and one seal, or, to show what they could reach, with plain Nix and no seal. Says as
 * JSON which of them showed a mark, and where. Argument: one JSON value.
 */
import { spawn } from "node:child_process";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { nixTools } from "../../src/admission/nix-tools.ts";
import { openSeal } from "../../src/sealing/seal.ts";
import { type Attempt, attempts, HOGS, LEARNT, type Outside } from "./escape-attempts.ts";

export interface EscapesRequest {
  readonly isSealed: boolean;
  readonly outside: Omit<Outside, "port">;
  /** Where the tree lies; the seal shows it at its place. */
  readonly treeDir: string;
  readonly marker: string;
  /** Only these. */
  readonly only?: readonly string[];
}

export interface EscapesAnswer {
  readonly uid: number;
  /** By attempt: where a mark was seen. */
  readonly seen: Readonly<Record<string, string>>;
  /** Attempts that ended well. */
  readonly ended: readonly string[];
  /** By attempt: the last line of its message. */
  readonly messages: Readonly<Record<string, string>>;
  /** Connections to the servers outside. */
  readonly reached: number;
}

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const { isSealed, outside, treeDir, marker, only } = JSON.parse(process.argv[2]!) as EscapesRequest;
const FEATURES =
  "nix-command flakes ca-derivations fetch-closure fetch-tree dynamic-derivations impure-derivations recursive-nix parse-toml-timestamps git-hashing verified-fetches configurable-impure-env";
/** Everything is allowed that Nix could forbid: only the seal is left. */
const OPTIONS = Object.entries({
  "restrict-eval": "false",
  "pure-eval": "false",
  "allow-import-from-derivation": "true",
  "allow-unsafe-native-code-during-evaluation": "true",
  "accept-flake-config": "true",
  "allow-dirty": "true",
  "trusted-users": "*",
  "require-sigs": "false",
  sandbox: "false",
  "build-users-group": "",
  "flake-registry": `${outside.dir}/config/nix/registry.json`,
  "connect-timeout": "1",
  "download-attempts": "1",
}).flatMap(([name, value]) => ["--option", name, value]);
const IN_TURN = 3;

let reached = 0;
const http = createHttpServer((_, response) => response.end(marker));
const sockets = [outside.socket, `\0${outside.abstract}`].map(listener);
http.on("connection", () => reached++);
await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
const { port } = http.address() as AddressInfo;
const marks = [marker, LEARNT];
const all = Object.entries(attempts({ ...outside, port }));
const asked = all.filter(([name]) => only === undefined || only.includes(name));
const seen: Record<string, string> = {};
const ended: string[] = [];
const messages: Record<string, string> = {};
await (isSealed ? sealed() : plain());
for (const server of [http, ...sockets]) server.close();
const answer: EscapesAnswer = { uid: process.getuid!(), seen, ended, messages, reached };
console.log(JSON.stringify(answer));
process.exit(0);

function listener(path: string): Server {
  const server = createServer((socket) => {
    reached++;
    socket.end(marker);
  });
  return server.on("error", () => {}).listen(path);
}

async function sealed(): Promise<void> {
  const nix = await nixTools(process.env);
  const trees = [{ at: outside.tree, from: treeDir }];
  {
    await using seal = await openSeal(nix, { trees, features: FEATURES.split(" ") });
    const run = async (args: readonly string[]): Promise<Run> => {
      const { code, stdout, stderr } = await seal.run("nix-instantiate", args, { timeoutMs: 30_000 });
      return { code, stdout: stdout.toString("latin1"), stderr };
    };
    await inTurns(asked, (attempt) => run(argumentsOf(attempt)));
    // Everything that could be written to: the store, the state with its logs and database, home, temporary files.
    const file = markedFile(join(seal.store, ".."));
    if (file !== undefined) seen["what was left in the seal"] = file;
  }
  if (only !== undefined) return;
  const limits = { addressSpace: 1 << 30, cpuSeconds: 2, timeMs: 20_000 };
  await using small = await openSeal(nix, { trees, limits });
  for (const [name, expression] of Object.entries(HOGS)) {
    const { code } = await small
      .run("nix-instantiate", ["--eval", "--expr", expression])
      .catch(() => ({ code: 1 }));
    if (code === 0) ended.push(name);
  }
}

async function plain(): Promise<void> {
  await inTurns(asked, (attempt) => plainRun(argumentsOf(attempt)));
}

function argumentsOf({ how, expression }: Attempt): string[] {
  // Otherwise a value is computed without writing to the store, and nothing is built.
  const mode = how === "eval" ? ["--eval", "--strict", "--json", "--read-write-mode"] : [];
  return [...mode, ...OPTIONS, "--expr", expression];
}

function plainRun(args: readonly string[]): Promise<Run> {
  const features = ["--option", "experimental-features", FEATURES];
  // Descriptor 8, as this process has it.
  const stdio = ["ignore", "pipe", "pipe", "ignore", "ignore", "ignore", "ignore", "ignore", 8] as const;
  const child = spawn("nix-instantiate", [...args, ...features], { stdio: [...stdio], timeout: 30_000 });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout!.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr!.on("data", (chunk: Buffer) => err.push(chunk));
  return new Promise((resolve) =>
    child.once("close", (code) =>
      resolve({
        code: code ?? 255,
        stdout: Buffer.concat(out).toString("latin1"),
        stderr: Buffer.concat(err).toString(),
      }),
    ),
  );
}

/** A few at once: most of the time is spent in starting. */
async function inTurns(list: [string, Attempt][], run: (attempt: Attempt) => Promise<Run>): Promise<void> {
  const open = [...list];
  // Makes the store, which several cannot do at once.
  await run({ how: "eval", expression: "1" });
  const worker = async () => {
    for (let next = open.shift(); next; next = open.shift()) {
      const [name, attempt] = next;
      note(name, attempt, await run(attempt));
    }
  };
  await Promise.all(Array.from({ length: IN_TURN }, worker));
}

function note(name: string, { how }: Attempt, { code, stdout, stderr }: Run): void {
  if (code === 0) ended.push(name);
  messages[name] = stderr.trim().split("\n").at(-1) ?? "";
  if (has(stdout)) seen[name] = "output";
  else if (has(stderr)) seen[name] = "log";
  else if (how === "write" && code === 0 && !isSealed) {
    const file = writtenWithMark(stdout.trim());
    if (file !== undefined) seen[name] = file;
  }
}

/** Whether a derivation, or a source that it names, has a mark. */
function writtenWithMark(drv: string): string | undefined {
  const path = drv.replace(/!.*/, "");
  const text = readFileSync(path, "latin1");
  if (has(text)) return path;
  const storeDir = path.slice(0, path.lastIndexOf("/"));
  const sources = text.match(new RegExp(`${storeDir}/[0-9a-z]{32}-[0-9A-Za-z+._?=-]+`, "g")) ?? [];
  for (const source of sources) {
    const file = lstatSync(source, { throwIfNoEntry: false }) && markedFile(source);
    if (file) return file;
  }
  return undefined;
}

function has(text: string): boolean {
  return marks.some((mark) => text.includes(mark));
}

/** The first file, link or name below that has the marker. Links are not followed. */
function markedFile(path: string): string | undefined {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return readlinkSync(path).includes(marker) ? path : undefined;
  if (stat.isFile()) return readFileSync(path).includes(marker) ? path : undefined;
  if (!stat.isDirectory()) return undefined;
  for (const name of readdirSync(path)) {
    if (name.includes(marker)) return join(path, name);
    const below = markedFile(join(path, name));
    if (below !== undefined) return below;
  }
  return undefined;
}
