/** Asks the gate to admit what a command names: finds the checkout and its source, sends objects, then asks. */
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { lacking, type Verdict, verdict } from "@firstmile/trust/verdict/verdict";
import type { Admitted } from "../admission/admit.ts";
import type { GateClient } from "../gate/client.ts";
import { type Checkout, checkoutOf, type KnownSource, sendObjects, sourcesOf } from "./checkout.ts";
import { parseFlakeReference, type RemoteFlake } from "./flake-reference.ts";
import { type Asked, type FlakeVerb, UnadmittableError } from "./nix-command.ts";

export interface Asker {
  readonly gate: GateClient;
  readonly cwd: string;
  readonly progress: (text: string) => void;
  /** Something that was left out, and might have helped. */
  readonly warn: (text: string) => void;
}

/** The gate's answers: one for a file, one for each flake named. */
export async function askAdmission(asker: Asker, asked: Asked): Promise<Admitted[]> {
  if (asked.kind === "file") return [await askFile(asker, asked)];
  const answers: Admitted[] = [];
  for (const reference of asked.references) answers.push(await askFlake(asker, reference, asked.verb));
  return answers;
}

async function askFile(asker: Asker, asked: Asked & { kind: "file" }): Promise<Admitted> {
  const path = resolve(asker.cwd, existingFile(asker.cwd, asked.file));
  const checkout = await checkoutOf(path);
  const words = [asked.file, ...asked.attrs.map((attr) => `-A ${attr}`)].join(" ");
  const source = await prepared(asker, checkout, words);
  if ("verdict" in source) return source;
  const file = checkout.inside === "" ? "." : checkout.inside;
  const { commit, directoryName } = checkout;
  return asker.gate.post("/admit", {
    kind: "file",
    source: source.name,
    commit,
    directoryName,
    file,
    attrs: asked.attrs,
    argstr: asked.argstr,
  });
}

/** `nix-shell` takes shell.nix before default.nix where none is named. */
function existingFile(cwd: string, choices: string): string {
  const names = choices.split("|");
  const found = names.find((name) => existsSync(resolve(cwd, name)));
  if (found === undefined)
    throw new UnadmittableError(
      `there is no ${names.join(" and no ")} here`,
      "name the file: -f FILE for admit, or as Nix takes it",
    );
  return found;
}

async function askFlake(asker: Asker, reference: string, verb: FlakeVerb): Promise<Admitted> {
  const flake = parseFlakeReference(reference);
  if (flake.kind === "remote") return askRemoteFlake(asker, flake, verb);
  const dir = flakeDirectory(resolve(asker.cwd, flake.path));
  const checkout = await checkoutOf(dir);
  const source = await prepared(asker, checkout, reference);
  if ("verdict" in source) return source;
  return asker.gate.post("/admit", {
    kind: "flake",
    source: source.name,
    commit: checkout.commit,
    dir: checkout.inside,
    attrs: flake.attrs,
    verb,
  });
}

function askRemoteFlake(asker: Asker, flake: RemoteFlake, verb: FlakeVerb): Promise<Admitted> {
  return asker.gate.post("/admit", {
    kind: "remote flake",
    url: flake.url,
    commit: flake.commit,
    dir: flake.dir,
    attrs: flake.attrs,
    verb,
  });
}

/** Nix looks for flake.nix here and above, up to the repository's root. */
function flakeDirectory(start: string): string {
  let dir = start;
  while (!existsSync(join(dir, "flake.nix"))) {
    const above = resolve(dir, "..");
    if (above === dir || existsSync(join(dir, ".git")))
      throw new UnadmittableError(`${start} is in no flake`, "name a directory with a flake.nix");
    dir = above;
  }
  if (!statSync(dir).isDirectory())
    throw new UnadmittableError(`${dir} is no directory`, "name a directory with a flake.nix");
  return dir;
}

/** The checkout's source, with its objects at the gate; or the denial, where its files are not those of its commit. */
async function prepared(asker: Asker, checkout: Checkout, words: string): Promise<KnownSource | Admitted> {
  if (checkout.dirty.length > 0) return denied(words, dirtyTree(checkout));
  const { root, commit } = checkout;
  const known = await sourcesOf(asker.gate, root);
  if ("code" in known) return denied(words, known);
  const { here, all, statements } = known;
  const [source, another] = here;
  if (!source || another) return denied(words, noSource(checkout, here, all));
  asker.progress(`sending the history of ${source.name} to the gate`);
  const problems = await sendObjects(asker.gate, { source, root, commit, statements });
  for (const problem of problems) asker.warn(problem);
  asker.progress("authenticating and evaluating");
  return source;
}

const SHOWN_FILES = 20;

function dirtyTree({ dirty, root, commit }: Checkout): Verdict["reasons"][number] {
  const because = dirty
    .slice(0, SHOWN_FILES)
    .map((line) =>
      lacking("dirty-tree", `${line.slice(3)} ${DIRTY_WORDS[line.slice(0, 2).trim()] ?? "is changed"}`),
    );
  const count = dirty.length === 1 ? "1 file" : `${dirty.length} files`;
  return lacking(
    "dirty-tree",
    `${count} in ${root} differ from commit ${commit.slice(0, 12)}, and nobody signed that`,
    {
      because,
      remedy: "commit them with a signature, or put them aside: git stash --include-untracked",
    },
  );
}

const DIRTY_WORDS: Readonly<Record<string, string>> = {
  "??": "is not tracked",
  M: "is changed",
  A: "is new",
  D: "is deleted",
  U: "has a conflict",
};

function noSource(
  { root }: Checkout,
  here: readonly KnownSource[],
  all: readonly KnownSource[],
): Verdict["reasons"][number] {
  if (here.length > 1)
    return lacking(
      "unknown-source",
      `several sources of the policy begin in ${root}: ${here.map(({ name }) => name).join(", ")}`,
      { remedy: "give them introductions that only one of them has" },
    );
  const known = all.map(({ name }) => name).join(", ") || "none";
  return lacking(
    "unknown-source",
    `${root} holds the introduction of no source that the policy knows (it knows ${known})`,
    {
      remedy: "add a [source] with an introduction from this repository to the trust repository",
    },
  );
}

function denied(words: string, reason: Verdict["reasons"][number]): Admitted {
  return { verdict: verdict({ kind: "request", words }, [reason]), roots: [], derivations: 0 };
}
