/** `npm run bench -- history`: authenticating histories of signed commits, whole process. */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Command, inTurns, type Measured, runOnce } from "../measure.ts";
import { CACHE, FIRSTMILE, hasPeers } from "../places.ts";
import { absent, perSecond, type Row, seconds } from "../report.ts";
import { gittufVerify } from "./gittuf.ts";
import { manyRows } from "./many.ts";
import { partsOf } from "./parts.ts";
import { pathRows } from "./paths.ts";
import { gitLog, gnupgEnv, guixAuthenticate, PeerPlace, sample, sqGitLog, sshEnv } from "./peers.ts";
import { qubesRows } from "./qubes.ts";
import { drawRates } from "./rates.ts";
import { rawEd25519Rate } from "./raw-rate.ts";
import type { SignerKind } from "./signers.ts";
import { COMMITS, git, NEW, type World, world } from "./world.ts";

const ROUNDS = 5;
const SAMPLE = 500;

export async function historyRows(): Promise<Row[]> {
  const raw = await rawEd25519Rate();
  const rows: Row[] = [
    { what: "Ed25519 verify alone, all cores", ours: `${Math.round(raw)}/s`, figures: { raw } },
  ];
  for (const kind of ["ssh", "openpgp"] as const) rows.push(...rowsOf(kind, raw));
  drawRates(rows);
  return [...rows, ...qubesRows(), ...pathRows(), ...(await manyRows(raw))];
}

function rowsOf(kind: SignerKind, raw: number): Row[] {
  const made = world(kind);
  const env = kind === "ssh" ? sshEnv(made) : gnupgEnv(kind, join(made.policy, "keys"));
  const ids = sample(made.repository, "base", SAMPLE);
  const { cold, warm, log } = inTurns(
    { cold: coldRun(made), warm: warmRun(made), log: gitLog(made.repository, ids, env) },
    ROUNDS,
  );
  const rate = COMMITS / cold.wall;
  const name = `${COMMITS} ${kind} commits`;
  return [
    {
      what: `${name}, cold`,
      ours: `${seconds(cold.wall)} (${perSecond(COMMITS, cold.wall)}, ${share(rate / raw)} of raw)`,
      beside: besideGit(log, rate),
      goal: "70% of raw",
      reached: rate >= 0.7 * raw,
      figures: { cold, log, sample: SAMPLE, raw },
    },
    ...(kind === "ssh" ? [partsRow(made, cold, raw)] : []),
    {
      what: `${name}, ${NEW} new`,
      ours: seconds(warm.wall),
      goal: "0.3 s",
      reached: warm.wall <= 0.3,
      figures: { warm },
    },
    ...(kind === "openpgp" ? peerRows(made, { cold, warm }) : [gittufRow(made, rate)]),
  ];
}

/** What a commit costs of all cores' time, and which parts of that are not the bare primitive. */
function partsRow(made: World, cold: Measured, raw: number): Row {
  const cores = availableParallelism();
  const whole = (cold.wall * cores * 1e6) / COMMITS;
  const cpu = (cold.cpu * 1e6) / COMMITS;
  const parts = partsOf(made);
  const known = Object.values(parts).reduce((sum, part) => sum + part, 0);
  const rest = {
    ...parts,
    "start-up, threads, garbage, judging": cpu - known,
    "cores that wait": whole - cpu,
  };
  const words = Object.entries(rest).map(([part, time]) => `${part} ${time.toFixed(1)}`);
  return {
    what: "  of which, in us a commit",
    ours: `${whole.toFixed(0)} of all cores, the bare primitive ${((cores * 1e6) / raw).toFixed(0)}: ${words.join("; ")}`,
    figures: { whole, cpu, parts: rest },
  };
}

function besideGit(log: Measured, rate: number): string {
  const theirs = SAMPLE / log.wall;
  return `git log %G? ${Math.round(theirs)}/s on ${SAMPLE}: ${(rate / theirs).toFixed(0)}x`;
}

function share(part: number): string {
  return `${(part * 100).toFixed(0)}%`;
}

const STATE = join(CACHE, "state");

function verify(made: World, revision: string, prepare: () => void): Command {
  return {
    argv: [FIRSTMILE, "verify", made.repository, revision, "--policy", made.policy],
    env: { ...process.env, FIRSTMILE_STATE: STATE },
    prepare,
  };
}

/** Nothing remembered before; remembering it is part of the time. */
export function coldRun(made: World): Command {
  return verify(made, "base", () => rmSync(STATE, { recursive: true, force: true }));
}

/** What `base` left behind is put back before each run. */
function warmRun(made: World): Command {
  const kept = join(CACHE, "state-after-base");
  runOnce(coldRun(made));
  rmSync(kept, { recursive: true, force: true });
  cpSync(STATE, kept, { recursive: true });
  return verify(made, "main", () => {
    rmSync(STATE, { recursive: true, force: true });
    cpSync(kept, STATE, { recursive: true });
  });
}

interface Ours {
  readonly cold: Measured;
  readonly warm: Measured;
}

const PEER_ROUNDS = 3;

function peerRows(made: World, ours: Ours): Row[] {
  if (!hasPeers()) return [absent("guix, sq-git", "no tree of peers: scripts/sid-tree --peers")];
  mkdirSync(CACHE, { recursive: true });
  return [
    ...peerRow("guix git authenticate", guixAuthenticate, made, ours, 10),
    ...peerRow("sq-git log", sqGitLog, made, ours, 8),
  ];
}

function gittufRow(made: World, ours: number): Row {
  const what = "  beside gittuf verify-ref, cold";
  if (!hasPeers()) return absent(what, "no tree of peers: scripts/sid-tree --peers");
  try {
    const { command, commits } = gittufVerify(new PeerPlace("gittuf", made.repository), made);
    const { theirs } = inTurns({ theirs: command }, PEER_ROUNDS);
    const rate = commits / theirs.wall;
    return {
      what,
      ours: `${Math.round(ours)}/s`,
      beside: `${perSecond(commits, theirs.wall)} on ${commits}: ${(ours / rate).toFixed(0)}x`,
      figures: { theirs, commits },
    };
  } catch (error) {
    return absent(what, error);
  }
}

type Peer = (place: PeerPlace, made: World, end: string) => Command;

/** The peer cold, then again with 100 new commits and what it remembers, in turns with ours measured anew. */
function peerRow(name: string, peer: Peer, made: World, ours: Ours, goal: number): Row[] {
  const place = new PeerPlace(name.split(" ")[0]!, made.repository);
  const [base, main] = [git(made.repository, "rev-parse", "base"), git(made.repository, "rev-parse", "main")];
  try {
    const again = () => {
      place.clear();
      runOnce(peer(place, made, base));
    };
    const { cold, warm, mine } = inTurns(
      {
        mine: coldRun(made),
        cold: { ...withPlace(peer, place, made, base), prepare: () => place.clear() },
        warm: { ...withPlace(peer, place, made, main), prepare: again },
      },
      PEER_ROUNDS,
    );
    const ratio = cold.wall / mine.wall;
    return [
      {
        what: `  beside ${name}, cold`,
        ours: seconds(mine.wall),
        beside: `${seconds(cold.wall)} (${perSecond(COMMITS, cold.wall)}): ${ratio.toFixed(1)}x`,
        goal: `${goal}x`,
        reached: ratio >= goal,
        figures: { mine, cold },
      },
      {
        what: `  beside ${name}, ${NEW} new`,
        ours: seconds(ours.warm.wall),
        beside: `${seconds(warm.wall)}: ${(warm.wall / ours.warm.wall).toFixed(1)}x`,
        figures: { warm },
      },
    ];
  } catch (error) {
    return [absent(`  beside ${name}`, error)];
  }
}

/** Its directory has to be there when the command is put together. */
function withPlace(peer: Peer, place: PeerPlace, made: World, end: string): Command {
  return peer(place, made, end);
}
