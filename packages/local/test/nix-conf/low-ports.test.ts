/** Programs of other users that may bind low ports: seen where they could answer in place of the gate, and only there. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { gatherFacts } from "../../src/nix-conf/gather.ts";
import { EnforcedWorld } from "./enforced-world.ts";

const UID = 1_900_000 + (process.pid % 50_000);
const AS = ["--reuid", String(UID), "--regid", String(UID), "--clear-groups"];
const MAY = ["--inh-caps", "+net_bind_service", "--ambient-caps", "+net_bind_service"];

test.skipIf(missingForNixWorld("host"))("by capability, in this namespace alone", async () => {
  await using enforced = await EnforcedWorld.make("host", false);
  const seen = async (...words: string[]) => {
    const child: ChildProcess = spawn("setpriv", [...AS, ...words], { stdio: "ignore" });
    await once(child, "spawn");
    await sleep(300);
    try {
      const { commands: run, env, stateDir } = enforced;
      const facts = await gatherFacts({ env, stateDir, now: 1_800_000_000, uid: 0, tryBuild: false, run });
      return facts!.place!.processes!.filter((line) => line.endsWith(`of user ${UID})`));
    } finally {
      child.kill("SIGKILL");
    }
  };
  expect(await seen(...MAY, "sleep", "60")).toEqual([expect.stringMatching(/^sleep \(process \d+ of user/)]);
  expect(await seen("sleep", "60")).toEqual([]);
  expect(await seen("unshare", "--user", "--map-root-user", "sleep", "60")).toEqual([]);
});
