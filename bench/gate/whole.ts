/**
 * The gate as it runs, deciding included: a real trust repository, an admitted derivation, two builders' caches over
 * HTTP, and a client that asks for the same narinfo; then the hook, asked about that derivation.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { hashPartOf } from "@firstmile/formats/nix/store-path";
import { derivationText, GateWorld } from "@firstmile/testing/gate-world";
import { Builder, outputRules } from "@firstmile/testing/gate-world-builders";
import { inTurns } from "../measure.ts";
import type { Row } from "../report.ts";

const FILES = { "default.nix": `{ hello = ${derivationText("hello", "echo hello > $out")}; }` };
const HOOK_ROUNDS = 21;

export async function wholeRows(): Promise<Row[]> {
  const builders = await Promise.all([Builder.start("b1", "one"), Builder.start("b2", "two")]);
  const policy = { roles: { builders: { any: 2, of: ["b1", "b2"] } }, more: outputRules(builders) };
  await using world = await GateWorld.make({ version: "host", files: FILES, policy });
  try {
    await world.startGate();
    const derivation = await world.instantiate("hello");
    const output = parseDerivation(readFileSync(derivation), world.nix.storeDir).outputs.get("out");
    if (!output || !("path" in output)) throw new Error("the derivation has no path");
    await world.admit("hello");
    for (const builder of builders) builder.offer({ path: output.path, content: "hello\n" });
    const url = `${world.endpoint.url}/${hashPartOf(output.path)}.narinfo`;
    // The builders answer from this process, which stands still while wrk runs: the first answer is decided before.
    const { status } = await fetch(url);
    if (status !== 200) throw new Error(`the gate answered ${status}`);
    return [narInfoRow(url), hookRow(world.endpoint.hookPath, derivation)];
  } finally {
    for (const builder of builders) await builder[Symbol.asyncDispose]();
  }
}

function narInfoRow(url: string): Row {
  const text = execFileSync("wrk", ["-t1", "-c25", "-d5s", url], { encoding: "utf8" });
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1];
  if (refused !== undefined) throw new Error(`${refused} narinfos were refused`);
  return {
    what: "whole gate, warm narinfos on 25 connections",
    ours: `${Math.round(rate)}/s`,
    goal: "5000/s",
    reached: rate >= 5000,
    figures: { rate },
  };
}

function hookRow(hook: string, derivation: string): Row {
  const { ours } = inTurns({ ours: { argv: [hook, derivation] } }, HOOK_ROUNDS);
  return {
    what: "build hook asking the whole gate",
    ours: `${(ours.wall * 1000).toFixed(0)} ms`,
    goal: "60 ms",
    reached: ours.wall <= 0.06,
    figures: { ours },
  };
}
