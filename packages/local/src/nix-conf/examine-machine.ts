/** Whether what nix.conf points at is really there, and in nobody else's hands. Deciding only. */
import type { Answer, Facts, Finding, PathFacts, PathStep, Trial } from "./facts.ts";
import { atLeast, parseVersion } from "./version.ts";

export function examineMachine(facts: Facts): Finding[] {
  return [
    ...daemon(facts),
    ...acceptedFlakes(facts),
    ...endpoint(facts),
    ...hook(facts),
    ...hookPrograms(facts),
    gateSocket(facts.socket),
    ...cacheInfo(facts),
    trust(facts.trust),
    ...ownDirectory("state directory", facts.stateDir, facts),
    ...ownDirectory("gate directory", facts.gateDir, facts),
    ...facts.keys.map((key) => keyFile(key, facts)),
    namespaces(facts.namespaces),
    ...tried(facts.tried),
    git(facts.git),
    collisions(facts.collisions),
    xz(facts.xz),
    ...kindOfNix(facts.nixVersion),
  ];
}

function daemon({ daemon }: Facts): Finding[] {
  if (daemon === undefined) return [];
  const about = { setting: "nix-daemon", why: "the daemon builds by what it read when it started" };
  const restart = "systemctl restart nix-daemon";
  if (daemon.stale) {
    return [{ ...about, state: "open", found: "started before nix.conf was last changed", line: restart }];
  }
  if (daemon.options.length > 0) {
    const found = `was started with ${daemon.options.join(" ")}`;
    return [{ ...about, state: "open", found, line: "start nix-daemon without options" }];
  }
  if (daemon.environmentRead) return [{ ...about, state: "closed", found: "its own configuration was read" }];
  return [
    {
      ...about,
      state: "unknown",
      found: daemon.listens ? "its environment cannot be read by this user" : "does not answer",
      line: daemon.listens ? "run firstmile doctor as root" : restart,
    },
  ];
}

function acceptedFlakes({ acceptedFlakeSettings }: Facts): Finding[] {
  if (acceptedFlakeSettings.length === 0) return [];
  return [
    {
      setting: "accepted flakes",
      state: "open",
      found: acceptedFlakeSettings.join(", "),
      why: "a flake sets these without asking, since you once answered yes for good",
      line: "remove trusted-settings.json from your Nix data directory (~/.local/share/nix)",
    },
  ];
}

function endpoint({ gate }: Facts): Finding[] {
  if (gate.endpoint !== undefined) return [];
  const why = "hook, substituter and key are what the gate says they are";
  return [{ setting: "gate", state: "open", found: gate.problem, why, line: "start the gate" }];
}

function hook({ hook, uid, daemon }: Facts): Finding[] {
  if (hook === undefined) return [];
  const about = { setting: "hook file", why: "whoever can change the hook decides what is built" };
  const last = hook.steps.at(-1);
  if (hook.missing || last?.kind !== "file") {
    const found = hook.missing ? "is not there: every build fails" : "is no file: every build fails";
    return [{ ...about, state: "open", found: `${hook.path} ${found}`, line: "start the gate" }];
  }
  if ((last.mode & 0o111) === 0) {
    const line = `chmod 755 ${hook.path}`;
    return [{ ...about, state: "open", found: `${hook.path} is not executable: every build fails`, line }];
  }
  // A daemon serves everybody: then only root may hold the hook. Otherwise its user binds nobody but themselves.
  return [heldBy(about, hook, daemon === undefined ? [0, uid] : [0])];
}

/** The hook is only as good as what it runs: a checkout that somebody else can write is somebody else's hook. */
function hookPrograms({ hookPrograms, uid, daemon }: Facts): Finding[] {
  const about = {
    setting: "hook program",
    why: "whoever can change what the hook runs decides what is built",
  };
  return hookPrograms.map((program) => heldBy(about, program, daemon === undefined ? [0, uid] : [0]));
}

function gateSocket(socket: Answer): Finding {
  return answered("gate socket", socket, "the hook asks here; where nobody answers, nothing is built", {
    line: "start the gate",
  });
}

function cacheInfo({ cacheInfo, storeDir }: Facts): Finding[] {
  if (cacheInfo === undefined) return [];
  const why = "Nix substitutes from here alone";
  const about = { setting: "gate substituter", why, line: "start the gate" };
  if (!cacheInfo.ok) return [{ ...about, state: "open", found: cacheInfo.problem }];
  const said = /^StoreDir: (.*)$/m.exec(cacheInfo.said)?.[1];
  if (said !== storeDir) {
    return [{ ...about, state: "open", found: `is for ${said ?? "no store"}, Nix has ${storeDir}` }];
  }
  return [{ setting: about.setting, state: "closed", found: `answers for ${said}`, why }];
}

function trust(trust: Answer): Finding {
  const line = "firstmile trust update, or firstmile trust add URL --introduction COMMIT --signed-by KEY";
  return answered("trust repository", trust, "no rules in force: the gate refuses everything", { line });
}

function ownDirectory(setting: string, directory: PathFacts, { uid }: Facts): Finding[] {
  const about = { setting, why: "whoever can write here replaces rules, records and keys" };
  if (!directory.missing) return [heldBy(about, directory, [0, uid])];
  return [{ ...about, state: "unknown", found: `${directory.path} is not there` }];
}

function keyFile(key: PathFacts, { uid }: Facts): Finding {
  const about = { setting: "gate key", why: "whoever can read this key makes Nix take anything" };
  const last = key.steps.at(-1);
  if (last === undefined || (last.mode & 0o077) === 0) return heldBy(about, key, [0, uid]);
  const found = `${key.path} has mode ${last.mode.toString(8)}`;
  return { ...about, state: "open", found, line: `chmod 600 ${key.path}` };
}

function namespaces(answer: Answer): Finding {
  return answered("namespaces", answer, "without them there is no sandbox, and so no build", {
    line: "allow mount and user namespaces (user.max_user_namespaces, the container's seccomp)",
  });
}

function tried(trial: Trial | undefined): Finding[] {
  if (trial === undefined) return [];
  const about = { setting: "a build that nobody admitted", why: "what all of the above is for" };
  switch (trial.kind) {
    case "refused":
      return [{ ...about, state: "closed", found: "was refused by the hook" }];
    case "built":
      return [{ ...about, state: "open", found: 'was built (rules with mode = "audit" let it)' }];
    case "failed":
      return [{ ...about, state: "unknown", found: `failed otherwise: ${trial.said}` }];
  }
}

function git(answer: Answer): Finding {
  const why = "histories are read with git merge-tree as of 2.38";
  const line = "install git 2.38 or newer";
  if (!answer.ok) return { setting: "git", state: "open", found: answer.problem, why, line };
  const version = parseVersion(answer.said);
  const enough = version !== undefined && atLeast(version, 2, 38);
  return enough
    ? { setting: "git", state: "closed", found: answer.said, why }
    : { setting: "git", state: "open", found: answer.said, why, line };
}

function collisions(answer: Answer): Finding {
  return answered(
    "SHA-1 collisions",
    answer,
    "two objects with one SHA-1 are one to Git and to every verdict",
    {
      line: "install a Git that was built with SHA1_DC, as distributions build it",
    },
  );
}

function xz(answer: Answer): Finding {
  return answered("xz", answer, "most caches compress with it", { line: "install xz" });
}

function kindOfNix(version: string): Finding[] {
  if (/\(Nix\) 2\./.test(version)) return [];
  const why = "the ways round were tried on Nix 2.8 and 2.34 alone";
  return [{ setting: "nix", state: "unknown", found: version, why }];
}

function answered(setting: string, answer: Answer, why: string, open: { line: string }): Finding {
  return answer.ok
    ? { setting, state: "closed", found: answer.said, why }
    : { setting, state: "open", found: answer.problem, why, ...open };
}

/** A path is its holders' when each step of it is: a directory that others can write lets them exchange the rest. */
function heldBy(about: { setting: string; why: string }, path: PathFacts, holders: number[]): Finding {
  const own = path.steps.length - 1;
  const weak = path.steps.find((step, i) => !isHeldBy(step, holders, i === own));
  if (weak === undefined) return { ...about, state: "closed", found: path.path };
  if (!holders.includes(weak.uid)) {
    const line = `chown ${holders[0]} ${weak.path}`;
    return { ...about, state: "open", found: `${weak.path} belongs to user ${weak.uid}`, line };
  }
  const found = `others can write ${weak.path} (mode ${weak.mode.toString(8)})`;
  return { ...about, state: "open", found, line: `chmod go-w ${weak.path}` };
}

function isHeldBy({ uid, mode, kind }: PathStep, holders: readonly number[], itself: boolean): boolean {
  if (!holders.includes(uid)) return false;
  // A link has no mode of its own. In a sticky directory nobody but an entry's owner can exchange what is there.
  return kind === "link" || (mode & 0o022) === 0 || (!itself && (mode & 0o1000) !== 0);
}
