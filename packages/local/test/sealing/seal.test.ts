/** What a seal is: who runs in it, what is there, what becomes of each limit. */
import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { evaluateSealed } from "../../src/sealing/evaluate.ts";
import { requireSealPrograms } from "../../src/sealing/programs.ts";
import { openSeal } from "../../src/sealing/seal.ts";
import { SealError, sealUnavailable } from "../../src/sealing/seal-error.ts";
import { findProgram } from "../../src/view/programs.ts";
import type { ViewTree } from "../../src/view/view.ts";
import { commitAll, makePlace, type Place, VERSIONS, writeFiles } from "../admission/nix-of.ts";
import { ORDINARY, sealedAs, sealedLater, type Who } from "./sealed-as.ts";

const SECRET = "firstmile-secret-marker";
const EVAL = ["--eval", "--strict", "--json"];
/** Gives /dev/fuse to everybody, as most machines do, or to root alone, in a mount namespace of its own. */
const DEVICE = `mount -t tmpfs -o mode=755 none "$1" && mknod -m "$2" "$1/fuse" c 10 229 &&
  mount --bind "$1/fuse" /dev/fuse && shift 2 && exec "$@"`;
const WHO: readonly Who[] = ["root", "an ordinary user"];

describe.each(VERSIONS)("a seal, Nix of %s", (version) => {
  const missing = missingForNixWorld(version);
  let dir: string;
  let mounts: string;
  let view: ViewTree;
  let place: Place;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "seal-"));
    chmodSync(dir, 0o755);
    writeFiles(dir, {
      "tree/f.nix": `derivation { name = "x"; system = "s"; builder = "b"; src = ./.; }`,
      secret: SECRET,
    });
    chmodSync(join(dir, "secret"), 0o644);
    mounts = join(dir, "device");
    mkdirSync(mounts);
    const repository = join(dir, "repository");
    writeFiles(repository, {
      "f.nix": `derivation { name = "x"; system = "s"; builder = ./a; }`,
      a: "a",
      b: "b",
    });
    const { tree } = commitAll(repository);
    view = { repository, tree, at: "/tree/named", rules: { kind: "observe" } };
    if (missing === undefined) place = await makePlace(version);
  });
  afterAll(async () => {
    rmSync(dir, { recursive: true, force: true });
    await place?.[Symbol.asyncDispose]();
  });
  const trees = () => [{ at: "/tree/named", from: join(dir, "tree") }];

  describe.each(WHO)("as %s", (who) => {
    const ask = (expression: string) =>
      sealedAs({ version, who, dir }, { trees: trees(), args: [...EVAL, "--expr", expression] });

    test.skipIf(missing)(
      "the derivation is that of the user's own Nix, and stays in the private store",
      () => {
        const ended = sealedAs({ version, who, dir }, { trees: trees(), args: ["/tree/named/f.nix"] });
        expect(ended).toMatchObject({ uid: who === "root" ? 0 : ORDINARY, code: 0 });
        const root = ended.stdout.trim();
        expect(ended.store).toContain(root.slice(root.lastIndexOf("/") + 1));
        expect(ended.store.filter((name) => name.endsWith("-named"))).toHaveLength(1);
      },
    );

    const readThrough = (mode: "666" | "600") => {
      const before = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "--",
        "sh",
        "-c",
        DEVICE,
        "sh",
        mounts,
        mode,
      ];
      const ended = sealedAs({ version, who, dir, before }, { views: [view], args: ["/tree/named/f.nix"] });
      return [ended.code, ended.how, ended.opened.toSorted()];
    };

    test.skipIf(missing)("a tree may be seen through a view, and what was read of it is told", () => {
      expect(readThrough("666")).toEqual([0, "fuse", ["a", "f.nix"]]);
    });

    const isTraced = version === "host" && who !== "root" && findProgram("strace", process.env.PATH);
    test.skipIf(missing ?? !isTraced)("where it cannot be mounted, strace sees into the seal", () => {
      expect(readThrough("600")).toEqual([0, "strace", ["a", "f.nix"]]);
    });

    test.skipIf(missing)("nothing else of the machine is there", () => {
      const names = ask(
        `map (dir: builtins.attrNames (builtins.readDir dir)) [ "/" "/tree" "/etc" "/dev" "/proc/self" ]`,
      );
      const [root, tree, etc, dev, self] = JSON.parse(names.stdout) as string[][];
      const top = new Set([".seal", "dev", "etc", "lib", "lib64", "proc", "tmp", "tree", "usr"]);
      expect(root!.filter((name) => !top.has(name))).toEqual([]);
      expect([tree, etc, dev, self]).toEqual([["named"], ["passwd"], ["null", "urandom", "zero"], ["exe"]]);
      for (const path of [
        join(dir, "secret"),
        "/etc/shadow",
        "/proc/self/environ",
        "/proc/1/root/etc/shadow",
        "/bin/sh",
      ])
        expect([path, ask(`builtins.readFile ${path}`).code]).toEqual([path, 1]);
    });
  });

  test.skipIf(missing)(
    "it has no privilege, no descriptor and no network, and a user without account",
    async () => {
      await using seal = await openSeal(place.nix, {});
      const token = `t${randomUUID()}`;
      const running = seal
        .run("nix-instantiate", ["--eval", "--expr", endless(token)], { timeoutMs: 5_000 })
        .catch(() => {});
      const pid = await evaluating(token);
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      const of = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(status)?.[1];
      const ids = new Array(4).fill("1997000009").join("\t");
      expect([of("Uid"), of("Gid"), of("Groups")?.trim(), of("NoNewPrivs")]).toEqual([ids, ids, "", "1"]);
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
        expect([set, of(set)]).toEqual([set, "0000000000000000"]);
      for (const space of ["mnt", "net", "pid", "ipc", "uts"])
        expect([space, readlinkSync(`/proc/${pid}/ns/${space}`)]).not.toEqual([
          space,
          readlinkSync(`/proc/self/ns/${space}`),
        ]);
      expect(readFileSync(`/proc/${pid}/net/dev`, "utf8").match(/\w+(?=:)/g)).toEqual(["lo"]);
      await running;
    },
  );

  test.skipIf(missing)("a descriptor that the gate was started with is not there", async () => {
    const token = `t${randomUUID()}`;
    const script = 'exec 9<"$1" || exit 1; shift; exec "$@"';
    const before = ["sh", "-c", script, "sh", join(dir, "secret")];
    const request = { trees: trees(), args: ["--eval", "--expr", endless(token)], limits: { timeMs: 4_000 } };
    const ending = Promise.resolve().then(() => sealedLater({ version, who: "root", dir, before }, request));
    const pid = await evaluating(token);
    const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    expect(open.filter((path) => path.includes("secret"))).toEqual([]);
    expect(
      open.filter(
        (path) => path.startsWith("/") && !/^\/(?:\.seal\/|usr\/lib\/|lib\/|dev\/null$)/.test(path),
      ),
    ).toEqual([]);
    await ending;
  });

  const large = (size: number) => made(`builtins.toFile "x" (s ${size})`);
  test.skipIf(missing).each([
    ["address space", { addressSpace: 600 << 20 }, made("s 40"), /more than 600 MiB of memory/],
    ["processor time", { cpuSeconds: 1 }, endless("t"), /more than 1 s of processor time/],
    ["a file's size", { fileSize: 4 << 20 }, large(19), /more than 4 MiB in one file/],
    ["descriptors", { descriptors: 10 }, made('"x"'), /more than 10 files open/],
    [
      "the store's size",
      { storeSize: 4 << 20 },
      large(19),
      /more than 4 MiB or \d+ files in its private store/,
    ],
    ["the store's files", { storeFiles: 60 }, made(FILES), /or 60 files in its private store/],
    ["output", { outputBytes: 10 }, made('"x"'), /more than 10 bytes of output/],
    ["time", { timeMs: 1500 }, endless("t"), /did not end within 1.5 s/],
  ])("a limit of %s is told as that", async (_, limits, expression, message) => {
    const evaluation = {
      seal: { limits },
      command: "nix-instantiate",
      args: ["--expr", expression],
    } as const;
    const ended = await evaluateSealed(place.nix, evaluation);
    if (ended.ok) throw new Error(ended.stdout.toString().slice(0, 1000));
    expect(ended.reason.message).toMatch(message);
    expect(ended.reason.code).toBe("evaluation-failed");
  });
});

test("without bubblewrap the finding says what is missing", () => {
  expect(() => requireSealPrograms("/nowhere", [])).toThrow(SealError);
  const reason = sealUnavailable(new SealError("bwrap not found"));
  expect(reason).toMatchObject({ ok: false, code: "seal-unavailable" });
  expect(reason.message).toContain("bwrap not found");
});

const FILES = 'toString (map (n: builtins.toFile "x${toString n}" "") (builtins.genList (n: n) 100))';

/** A derivation with this argument, where `s n` is a string of 16 * 2^n bytes. */
function made(argument: string): string {
  const large = 'let s = n: if n == 0 then "0123456789abcdef" else s (n - 1) + s (n - 1); in';
  return `${large} derivation { name = "x"; system = "s"; builder = "b"; args = [ (${argument}) ]; }`;
}

function endless(token: string): string {
  return `let fib = n: if n < 2 then n else fib (n - 1) + fib (n - 2); ${token} = fib 60; in ${token}`;
}

/** The number of the process that evaluates an expression that has the token in it. */
async function evaluating(token: string): Promise<string> {
  for (let tries = 0; tries < 400; tries++) {
    const found = readdirSync("/proc").find((pid) => /^\d+$/.test(pid) && isEvaluating(pid, token));
    if (found !== undefined) return found;
    await sleep(20);
  }
  throw new Error("it does not evaluate");
}

function isEvaluating(pid: string, token: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words[0]!.endsWith("nix-instantiate") && words.some((word) => word.includes(token));
  } catch {
    return false;
  }
}
