/** What the gate remembers: whole or not at all, whoever kills it; and its key. */
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { type ObjectId, parseCommitId } from "@firstmile/formats/git/object-id";
import type { DrvPath, StorePath } from "@firstmile/formats/nix/store-path";
import type { Download } from "@firstmile/trust/handoff/download";
import type { SliceNames } from "@firstmile/trust/slice/names";
import { found, lacking, verdict } from "@firstmile/trust/verdict/verdict";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type AdmittedDerivation, Ledger, LedgerError } from "../../src/gate/ledger.ts";
import { MachineKey, MachineKeyError } from "../../src/gate/machine-key.ts";

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "ledger-"));
  file = join(dir, "ledger.sqlite");
});
afterEach(() => rmSync(dir, { recursive: true }));

const SIZE = 50;
const drv = (admission: number, i: number) =>
  `/nix/store/${String(admission).padStart(16, "0")}${String(i).padStart(16, "0")}-x.drv` as DrvPath;
const closure = (admission: number): AdmittedDerivation[] =>
  Array.from({ length: SIZE }, (_, i) => ({
    path: drv(admission, i),
    name: "x",
    outputs: new Map([["out", drv(admission, i).slice(0, -4) as StorePath]]),
    fixed: i === 0,
  }));
const basis = [{ source: "s", commit: parseCommitId("1".repeat(40)) }];

describe("ledger", () => {
  test("keeps names with the files, and opens what was kept without", () => {
    const id = "2".repeat(40) as ObjectId;
    const files = [{ path: "a\xe9", mode: 0o100644, id, sha256: "3".repeat(64), use: "copied" as const }];
    const names: SliceNames[] = [
      { kind: "listing", path: "", entries: [{ type: "f", name: "a\n\xe9" }] },
      { kind: "answer", path: "strict", type: "f", version: { id, mode: 0o100755 } },
    ];
    using ledger = new Ledger(file);
    ledger.admit("old", [{ ...basis[0]!, files }], [], 1);
    ledger.admit("new", [{ ...basis[0]!, files, names }], [], 2);
    ledger.admit("no names", [{ ...basis[0]!, files, names: [] }], [], 3);
    const noted = ledger.admissions().map((one) => ledger.slice(one.basis[0]!.slice!));
    expect(noted).toEqual([
      { files, names: [] },
      { files, names },
      { files, names: undefined },
    ]);
    expect(ledger.slice("0".repeat(64))).toBeUndefined();
  });

  test("a download that an older version noted without its revision is unknown, until it is admitted again", () => {
    const download: Download = {
      drvPath: drv(1, 0),
      output: drv(1, 0).slice(0, -4) as StorePath,
      name: "x",
      urls: ["https://example.org/x.git"],
      method: "nar",
      hash: { algorithm: "sha256", digest: Buffer.alloc(32) },
      executable: false,
      revision: "v1",
    };
    const all = [{ ...closure(1)[0]!, download }];
    using ledger = new Ledger(file);
    const id = ledger.admit("first", basis, all, 1);
    expect(ledger.downloadsOf(id)).toEqual([{ path: drv(1, 0), download }]);
    using other = new DatabaseSync(file);
    other.exec("UPDATE download SET said = json_remove(said, '$.revision')");
    expect(ledger.downloadsOf(id)).toEqual([{ path: drv(1, 0), download: undefined }]);
    const again = ledger.admit("again", basis, all, 2);
    expect([id, again].map((one) => ledger.downloadsOf(one)[0]!.download)).toEqual([download, download]);
    const { revision: _, ...plain } = download;
    ledger.admit(
      "plain",
      basis,
      [{ ...closure(1)[1]!, fixed: true, download: { ...plain, drvPath: drv(1, 1) } }],
      3,
    );
    expect(ledger.derivations().find(({ path }) => path === drv(1, 1))!.download).not.toHaveProperty(
      "revision",
    );
  });

  test("of a process killed while it admits, all that was confirmed is there, whole, and nothing half", async () => {
    for (let round = 0; round < 3; round++) {
      const confirmed = await admitUntilKilled(round * 1_000_000);
      using ledger = new Ledger(file);
      expect(confirmed.length).toBeGreaterThan(0);
      for (const id of confirmed)
        for (let i = 0; i < SIZE; i++) expect(ledger.admissionsOf(drv(id, i))).toHaveLength(1);
      const { admissions, derivations } = ledger.counts();
      expect(derivations).toBe(admissions * SIZE);
    }
  });

  /** The numbers that the child confirmed before it was killed. */
  async function admitUntilKilled(from: number): Promise<number[]> {
    const script = `
      const { Ledger } = await import(${JSON.stringify(new URL("../../src/gate/ledger.ts", import.meta.url).href)});
      const ledger = new Ledger(${JSON.stringify(file)});
      const drv = ${drv.toString()};
      for (let n = ${from}; ; n++) {
        const all = Array.from({ length: ${SIZE} }, (_, i) => ({ path: drv(n, i), name: "x", outputs: new Map([["out", drv(n, i).slice(0, -4)]]), fixed: false }));
        ledger.admit("r", ${JSON.stringify(basis)}, all, n);
        require("node:fs").writeSync(1, n + "\\n");
      }`;
    const loaded = script.replace('require("node:fs")', 'process.getBuiltinModule("node:fs")');
    const child = spawn(process.execPath, ["--input-type=module", "-e", loaded], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (chunk) => (said += chunk));
    while (said.length === 0) await sleep(10);
    await sleep(150);
    child.kill("SIGKILL");
    await new Promise((done) => child.once("close", done));
    return said.split("\n").slice(0, -1).map(Number);
  }

  test("an admission that fails halfway leaves nothing", () => {
    using ledger = new Ledger(file);
    const bad = [...closure(1), { ...closure(1)[0]!, name: undefined as never }];
    expect(() => ledger.admit("r", basis, bad.toReversed(), 1)).toThrow();
    expect(ledger.counts()).toMatchObject({ admissions: 0, derivations: 0 });
    ledger.admit("r", basis, closure(1), 1);
    expect(ledger.counts()).toMatchObject({ admissions: 1, derivations: SIZE });
  });

  test.each<[string, (file: string) => void]>([
    [
      "is no database",
      (path) => writeFileSync(path, "this is no database, and long enough to be looked at".repeat(100)),
    ],
    [
      "was overwritten in the middle",
      (path) => writeFileSync(path, readFileSync(path).fill(0xff, 100, 9000)),
    ],
    ["was cut short", (path) => truncateSync(path, 5000)],
  ])("a file that %s is refused with what to do", (_, damage) => {
    {
      using ledger = new Ledger(file);
      for (let i = 0; i < 20; i++) ledger.admit("r", basis, closure(i), i);
    }
    damage(file);
    expect(() => new Ledger(file)).toThrow(LedgerError);
    expect(() => new Ledger(file)).toThrow(file);
  });

  test("a second reader sees what the first admits", () => {
    using writer = new Ledger(file);
    using reader = new Ledger(file);
    expect(reader.admissionsOf(drv(7, 0))).toEqual([]);
    writer.admit("default.nix", basis, closure(7), 42);
    expect(reader.admissionsOf(drv(7, 0))).toEqual([{ id: 1, request: "default.nix", basis, time: 42 }]);
    expect(reader.derivationsGiving(drv(7, 3).slice(11, 43))).toEqual([
      { path: drv(7, 3).slice(0, -4), derivation: drv(7, 3), output: "out" },
    ]);
    expect([reader.isFixed(drv(7, 0)), reader.isFixed(drv(7, 1))]).toEqual([true, false]);
    reader.admit("again", basis, closure(7), 43);
    expect(writer.admissionsOf(drv(7, 0)).map(({ request }) => request)).toEqual(["again", "default.nix"]);
  });

  test("refusals are told newest first, and names of one derivation once", () => {
    using ledger = new Ledger(file);
    const subject = { kind: "derivation", path: drv(1, 1) } as const;
    ledger.note("build", drv(1, 1), verdict(subject, [found("admitted", "yes")]), 1);
    ledger.note("build", drv(1, 1), verdict(subject, [lacking("not-admitted", "no")]), 2);
    ledger.note("build", drv(1, 2), verdict(subject, [lacking("not-admitted", "never")]), 3);
    expect(ledger.decisionsOn(undefined, 10).map(({ time }) => time)).toEqual([3, 2]);
    expect(ledger.decisionsOn(drv(1, 1), 10).map(({ time }) => time)).toEqual([2, 1]);
    ledger.admit("r", basis, closure(1), 1);
    ledger.admit("r", basis, closure(1), 2);
    expect(ledger.derivationsNamed("x")).toHaveLength(SIZE);
  });

  test("text from requests stays text", () => {
    using ledger = new Ledger(file);
    const request = `'); DROP TABLE admission; --\u0000"`;
    ledger.admit(request, basis, closure(1), 1);
    expect(ledger.admissionsOf(drv(1, 0))[0]?.request.replace(/\0.*/, "")).toBe(request.replace(/\0.*/, ""));
    expect(ledger.admissionsOf("' OR 1=1 --")).toEqual([]);
  });
});

describe("machine key", () => {
  const info = {
    storePath: "/nix/store/00000000000000000000000000000000-x" as StorePath,
    narHash: `sha256:${"0".repeat(52)}` as never,
    narSize: 1,
    references: [],
  };

  test("is made once, for nobody else to read, and stays", () => {
    const first = MachineKey.open(join(dir, "gate/key"));
    expect(statSync(join(dir, "gate/key")).mode & 0o777).toBe(0o600);
    const second = MachineKey.open(join(dir, "gate/key"));
    expect(second.publicKey).toBe(first.publicKey);
    expect(second.sign(info)).toEqual(first.sign(info));
    expect(MachineKey.open(join(dir, "other")).publicKey).not.toBe(first.publicKey);
  });

  test.each([0o640, 0o604, 0o620, 0o777])("is refused where others have rights: %i", (mode) => {
    MachineKey.open(join(dir, "key"));
    chmodSync(join(dir, "key"), mode);
    expect(() => MachineKey.open(join(dir, "key"))).toThrow(MachineKeyError);
  });

  test.each(["", "x", "name:AAAA", `name:${Buffer.alloc(64).toString("base64")}`])(
    "is refused where it is no key: %s",
    (text) => {
      writeFileSync(join(dir, "key"), text, { mode: 0o600 });
      expect(() => MachineKey.open(join(dir, "key"))).toThrow();
    },
  );
});
