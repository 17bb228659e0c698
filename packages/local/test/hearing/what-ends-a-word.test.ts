/**
 * What ends a word, and what does not: each row of the table in spec/statements.md, on real keys and real repositories.
 * A row of the table without a story here fails, and so does a story without a row.
 */
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { renderStatement, type Statement } from "@firstmile/formats/statement/statement";
import type { WithdrawStatement } from "@firstmile/formats/statement/withdraw";
import { gatherCase } from "@firstmile/local/slicing/gather";
import type { StatementPlace } from "@firstmile/local/statements/place";
import { followedStatements } from "@firstmile/local/trust-repository/evidence";
import { updateTrust } from "@firstmile/local/trust-repository/follow";
import { rememberReadings } from "@firstmile/local/trust-repository/held-readings";
import { loadImports, updateImports } from "@firstmile/local/trust-repository/imports";
import {
  DAY,
  makeWorld,
  type Person,
  type PolicySpec,
  WORLD_NOW,
  type World,
} from "@firstmile/testing/world";
import { BEGINNING } from "@firstmile/testing/world-people";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import {
  channelOf,
  contentTarget,
  distrustOf,
  filesAt,
  signedBy,
  wholeReviewOf,
} from "@firstmile/testing/world-statements";
import { digest } from "@firstmile/trust/crypto/hash";
import { resolveImports } from "@firstmile/trust/imports/resolve";
import type { SourceName } from "@firstmile/trust/policy/names";
import type { FileStanding } from "@firstmile/trust/slice/cover";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

type Counts = "denied" | "denied, in doubt" | "covered" | "open";

let world: World;
/** alice and amy are root; bob speaks, with an OpenPGP key that ends on day 200, and later with another. */
let alice: Person,
  amy: Person,
  bob: Person,
  later: Person,
  carol: Person,
  carla: Person,
  dave: Person,
  erin: Person,
  faye: Person,
  master: Person;
let source: WorldRepository;
let commit: CommitId;
let crowd: Person[];
beforeAll(async () => {
  world = await makeWorld();
  [alice, amy, bob, later, carol, carla, dave, erin, faye, master] = (await Promise.all([
    world.person("alice"),
    world.person("amy"),
    world.person("bob", "openpgp-ed25519", { expires: "200d" }),
    world.person("bob-2"),
    world.person("carol"),
    world.person("carla"),
    world.person("dave"),
    world.person("erin"),
    world.person("faye", "openpgp-ed25519"),
    world.person("master", "openpgp-ed25519"),
  ])) as [Person, Person, Person, Person, Person, Person, Person, Person, Person, Person];
  certify(faye, master);
  source = await world.repository("pkgs");
  commit = await source.commit({ by: alice, files: { "a.nix": "1\n" } });
  crowd = Array.from({ length: 499 }, (_, i) => nameless(`p${i}`));
});
afterAll(() => world[Symbol.asyncDispose]());

/** Until day 200. */
function certify({ fingerprint }: Person, by: Person): void {
  const env = { PATH: process.env.PATH, HOME: world.dir, GNUPGHOME: world.path("gnupg") };
  const how = ["--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""];
  const then = ["--faked-system-time", `${BEGINNING + 60}!`, "--default-cert-expire", "200d"];
  const args = [...how, ...then, "--local-user", by.fingerprint, "--quick-sign-key", fingerprint];
  execFileSync("gpg", args, { env, stdio: "ignore" });
}

/** A person who never signs. */
function nameless(name: string): Person {
  const raw = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" }).subarray(-32);
  const field = (bytes: Uint8Array) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  const blob = Buffer.concat([field(Buffer.from("ssh-ed25519")), field(raw)]);
  const line = `ssh-ed25519 ${blob.toString("base64")} ${name}\n`;
  return { ...alice, name, keyFile: `keys/${name}.pub`, publicKey: async () => Buffer.from(line) };
}

/** One story: a word is said under the first rules, and judged under the last ones. */
interface Story {
  readonly word: "distrust" | "rejection" | "approval";
  /** Whether a channel publishes the file, so that it is covered but for the word. */
  readonly before?: Partial<PolicySpec>;
  readonly after?: Partial<PolicySpec>;
  readonly now?: number;
  readonly by?: Person;
  /** Further statements, each by people. */
  readonly also?: () => Promise<readonly (readonly [Statement, readonly Person[]])[]>;
  /** Rules of acme, before and after, and what its import is called in. */
  readonly acme?: { readonly before: Partial<PolicySpec>; readonly after?: Partial<PolicySpec> };
  /** Where the word lies: in the trust repository, which carries it for good, or beside the source. */
  readonly carried?: boolean;
  /** Whether the machine followed the first rules. */
  readonly held?: boolean;
  readonly between?: () => Promise<void>;
  /** Files beside the rules. */
  readonly files?: () => Promise<Record<string, Uint8Array>>;
  readonly executable?: boolean;
  /** The role is more than is counted for anything. */
  readonly isTooLarge?: boolean;
}

const RULES = (): PolicySpec => ({
  people: { alice: [alice], amy: [amy], bob: [bob], carol: [carol], carla: [carla] },
  roles: {
    root: { any: 2, of: [alice, amy] },
    warden: { any: 1, of: [bob, carol] },
    reader: { any: 1, of: [bob, carla] },
    curator: { any: 1, of: [alice] },
  },
  sources: {
    pkgs: {
      introduction: commit,
      authenticate: "slice",
      rules: [{ paths: ["**"], review: "reader" }],
      more: 'channel = "curator"',
    },
  },
});

async function wordOf(kind: Story["word"]): Promise<Statement> {
  if (kind === "distrust") return distrustOf({ targets: [await contentTarget(source, commit, "a.nix")] });
  const review = await wholeReviewOf(source, commit, ["a.nix"]);
  return kind === "approval" ? review : { ...review, verdict: "reject" };
}

function nameOf(statement: Statement): string {
  return Buffer.from(digest("sha256", renderStatement(statement))).toString("hex");
}

async function withdrawalOf(
  kind: Story["word"],
  more: Partial<WithdrawStatement> = {},
): Promise<WithdrawStatement> {
  const statements = [nameOf(await wordOf(kind))];
  return { kind: "withdraw", statements, keys: [], because: "it was a mistake", ...more };
}

async function tell(story: Story): Promise<FileStanding> {
  const {
    word,
    before = {},
    after,
    now = WORLD_NOW,
    by = bob,
    also,
    acme,
    carried = true,
    held = true,
  } = story;
  const published: readonly [Statement, readonly Person[]][] =
    word === "approval" ? [] : [[await channelOf(source, commit, "pkgs"), [alice]]];
  const said = [[await wordOf(word), [by]] as const, ...((await also?.()) ?? []), ...published];
  const envelopes = await Promise.all(said.map(([statement, people]) => signedBy(statement, people)));
  const files = Object.fromEntries(envelopes.map((envelope, i) => [`statements/${i}.json`, envelope]));
  const trust = await world.repository("trust");
  const theirs = acme && (await world.repository("acme"));
  const acmeIntroduction =
    theirs && (await world.rules(theirs, { by: erin, policy: acmeRules(acme.before) }));
  const imports = theirs
    ? `[import.acme]\nurls = ["file://${theirs.dir}"]\nintroduction = { commit = "${acmeIntroduction}", signed_by = ["${erin.fingerprint}"] }\nroles = ["security"]\n`
    : "";
  const sign = { by: alice, cosigners: [amy] };
  const rules = (more: Partial<PolicySpec>) => ({ ...RULES(), more: imports, ...more });
  const introduction = await world.rules(trust, {
    ...sign,
    policy: rules(before),
    files: { ...(carried ? files : {}), ...(await story.files?.()) },
  });
  const machine = world.machine();
  const follow = async (at: number) => {
    const current = (await machine.current(at))!;
    if (acme) await updateImports(machine.stateDir, current.policy, at);
    return current;
  };
  const early = Math.min(now, WORLD_NOW);
  const beside: StatementPlace[] = [];
  if (!carried) {
    const dir = await world.repository("evidence");
    await dir.commit({ by: alice, branch: "said", files });
    await dir.git("update-ref", "refs/firstmile/statements", dir.tip("said"));
    beside.push({ kind: "ref", repository: dir.dir });
  }
  if (held) {
    await machine.add(trust, { commit: introduction, signedBy: [alice] }, { now: early });
    await follow(early);
  }
  await story.between?.();
  if (theirs && acme.after) await world.rules(theirs, { by: erin, policy: acmeRules(acme.after) });
  if (after)
    await world.rules(trust, {
      ...sign,
      policy: rules({ ...before, ...after }),
      files: { ...(carried ? files : {}), ...(await story.files?.()) },
    });
  if (held)
    await updateTrust(machine.stateDir, now, {
      beforeMoving: (old, next) =>
        rememberReadings(machine.stateDir, { before: old.policy, next }, beside, now),
    });
  else await machine.add(trust, { commit: introduction, signedBy: [alice] }, { now });
  const current = await follow(now);
  const loaded = await loadImports(machine.stateDir, current.policy, now);
  const policy = resolveImports(current.policy, loaded, now);
  expect(policy.unusable).toBe(undefined);
  const told = [...policy.findings.values()].flat().map(({ code }) => code);
  expect(told.includes("import-too-complex")).toBe(story.isTooLarge === true);
  const { places } = await followedStatements(machine.stateDir, current, loaded);
  const { coverage } = await gatherCase({
    repository: source.dir,
    policy,
    source: policy.sources.get("pkgs" as SourceName)!,
    commit,
    statements: [...places, ...beside],
    now,
  });
  const [file] = await filesAt(source, commit, ["a.nix"]);
  return coverage.standing("a.nix", story.executable ? { ...file!, mode: 0o100755 } : file!);
}

function acmeRules(more: Partial<PolicySpec>): PolicySpec {
  return {
    name: "acme",
    people: { erin: [erin], dave: [dave], bob: [bob] },
    roles: { root: [erin], security: { any: 1, of: [dave, bob] } },
    ...more,
  };
}

function countOf(standing: FileStanding): Counts {
  const doubt =
    standing.kind === "distrusted" ? standing.objection.doubt : "doubt" in standing && standing.doubt;
  if (standing.kind === "distrusted" || standing.kind === "rejected")
    return doubt ? "denied, in doubt" : "denied";
  return standing.kind === "uncovered" ? "open" : "covered";
}

/** bob's key, with what root says of it; bob has another one beside it. */
const life = (said: string): Partial<PolicySpec> => ({
  people: { ...RULES().people, bob: [bob, later] },
  life: new Map([[bob, said]]),
});
/** A retirement that ends before the file came: no place in a history saves what the key said. */
const retiredElsewhere = (more = "") => life(`retired = { after = "${"1".repeat(40)}"${more} }`);
const compromised = () => life('compromised = { reason = "stolen" }');
const unlisted = () => ({ people: { ...RULES().people, bob: [later] } });
const role = (name: "warden" | "reader", of: readonly (Person | string)[]) => ({
  roles: { ...RULES().roles, [name]: { any: 1, of } },
});
const imported = (name: "warden" | "reader") => role(name, [carol, "acme/security"]);
const EXPIRED = WORLD_NOW + 100 * DAY;
const CERTIFIED = '{ by = "masters", any = 1, keyring = "keys/ring.gpg" }';
const RUNS_OUT = { expires: WORLD_NOW + DAY };
const crowded = (name: "warden" | "reader"): Story => ({
  word: name === "warden" ? "distrust" : "rejection",
  before: role(name, [bob, carol, "acme/security"]),
  isTooLarge: true,
  acme: {
    before: {},
    after: {
      people: { erin: [erin], ...Object.fromEntries(crowd.map((one) => [one.name, [one]])) },
      roles: { root: [erin], security: { any: 1, of: crowd } },
    },
  },
});

/** What may end a word of a warden and of a reader alike. */
function ends(word: "distrust" | "rejection"): Record<string, () => Story | Promise<Story>> {
  const name = word === "distrust" ? "warden" : "reader";
  const other = word === "distrust" ? carol : carla;
  const withdrawn = (people: () => readonly Person[], more: Partial<WithdrawStatement> = {}) => ({
    word,
    also: async () => [[await withdrawalOf(word, more), people()] as const],
  });
  return {
    nothing: () => ({ word }),
    "the key has expired": () => ({ word, now: EXPIRED }),
    "root retired the key": () => ({ word, after: retiredElsewhere() }),
    "root calls the key compromised": () => ({ word, after: compromised() }),
    "the key is not listed any more": () => ({ word, after: unlisted() }),
    "the signer left the role": () => ({ word, after: role(name, [carol, carla]) }),
    "the certification of the signer ran out": () => ({
      word,
      by: faye,
      before: {
        people: { ...RULES().people, master: [master] },
        roles: {
          ...RULES().roles,
          masters: [master],
          [name]: { any: 1, of: [other], certified: CERTIFIED },
        },
      },
      files: async () => ({ "keys/ring.gpg": await faye.publicKey() }),
      now: EXPIRED,
    }),
    "the import of the role ran out": () => ({
      word,
      by: dave,
      before: imported(name),
      acme: { before: RUNS_OUT },
      now: WORLD_NOW + 2 * DAY,
    }),
    "the import took the signer out of the role": () => ({
      word,
      by: dave,
      before: imported(name),
      acme: { before: {}, after: { roles: { root: [erin], security: { any: 1, of: [bob] } } } },
    }),
    "root took the import of the role out of the rules": () => ({
      word,
      by: dave,
      before: imported(name),
      acme: { before: {} },
      after: { ...role(name, [carol, carla]), more: "" },
    }),
    "the role grew over its limits": () => crowded(name),
    "the signer withdrew it": () => withdrawn(() => [bob]),
    "root withdrew it": () => withdrawn(() => [alice, amy]),
    "too few of root withdrew it": () => withdrawn(() => [amy]),
    [`another ${name} withdrew it`]: () => withdrawn(() => [other]),
  };
}

/** The only reader is dave, by a key that acme calls compromised. */
const byAcme = (after?: Partial<PolicySpec>, more: Partial<Story> = {}): Story => ({
  word: "approval",
  by: dave,
  before: {
    people: { ...RULES().people, dave: [dave] },
    roles: { ...RULES().roles, reader: { any: 1, of: [dave] } },
  },
  acme: {
    before: {
      people: { erin: [erin], dave: [dave] },
      roles: { root: [erin], security: [erin] },
      life: new Map([[dave, 'compromised = { reason = "stolen" }']]),
    },
    ...(after && { after }),
  },
  ...more,
});

const revoked = (word: "distrust" | "rejection") => async (): Promise<Story> => {
  const eve = await world.person(`eve-${word}`, "openpgp-ed25519");
  const name = word === "distrust" ? "warden" : "reader";
  const with_ = { people: { ...RULES().people, [eve.name]: [eve] }, ...role(name, [eve]) };
  return { word, by: eve, before: with_, after: {}, between: () => eve.revoke() };
};

function stories(): Record<string, Record<string, () => Story | Promise<Story>>> {
  const listed = async () => Buffer.from(`${nameOf(await wordOf("approval"))}\n`);
  return {
    distrust: {
      ...ends("distrust"),
      "the owner revoked the key because of harm": revoked("distrust"),
      "another warden distrusts the key": () => ({
        word: "distrust",
        also: async () => [[distrustOf({ keys: [bob.fingerprint] }), [carol]]],
      }),
      "the signer withdrew it with a later key": () => ({
        word: "distrust",
        after: unlisted(),
        also: async () => [[await withdrawalOf("distrust"), [later]]],
      }),
      "the signer withdrew it with a key that is retired now": () => ({
        word: "distrust",
        before: { people: { ...RULES().people, bob: [bob, later] } },
        after: { life: new Map([[later, `retired = { after = "${commit}" }`]]) },
        carried: false,
        held: false,
        also: async () => [[await withdrawalOf("distrust"), [later]]],
      }),
      "root calls the key compromised and withdrew its words": () => ({
        word: "distrust",
        after: compromised(),
        also: async () => [
          [await withdrawalOf("distrust", { statements: [], keys: [bob.fingerprint] }), [alice, amy]],
        ],
      }),
      "root withdrew the words of a key that counts": () => ({
        word: "distrust",
        also: async () => [
          [await withdrawalOf("distrust", { statements: [], keys: [bob.fingerprint] }), [alice, amy]],
        ],
      }),
    },
    rejection: {
      ...ends("rejection"),
      "the mode of the file": () => ({ word: "rejection", executable: true }),
      "the owner revoked the key because of harm": revoked("rejection"),
      "a warden distrusts the key": () => ({
        word: "rejection",
        also: async () => [[distrustOf({ keys: [bob.fingerprint] }), [carol]]],
      }),
    },
    "`compromised` of an import, against the only reader": {
      nothing: () => byAcme(),
      "the import ran out": () => {
        const story = byAcme(undefined, { now: WORLD_NOW + 2 * DAY });
        return { ...story, acme: { before: { ...story.acme!.before, ...RUNS_OUT } } };
      },
      "the import took it back": () =>
        byAcme({ people: { erin: [erin], dave: [dave] }, roles: { root: [erin], security: [erin] } }),
    },
    "`compromised` of root, against the only reader": {
      "root took it back": () => ({ word: "approval", before: compromised(), after: { life: new Map() } }),
    },
    approval: {
      nothing: () => ({ word: "approval" }),
      "the key has expired": () => ({ word: "approval", now: EXPIRED }),
      "root retired the key, and nothing vouches for it": () => ({
        word: "approval",
        after: retiredElsewhere(),
        carried: false,
        held: false,
      }),
      "root retired the key, and its list names it": () => ({
        word: "approval",
        after: retiredElsewhere(', readings = "keys/bob.readings"'),
        files: async () => ({ "keys/bob.readings": await listed() }),
        carried: false,
        held: false,
      }),
      "root retired the key, and the trust repository carried it before": () => ({
        word: "approval",
        after: retiredElsewhere(),
        held: false,
      }),
      "root retired the key, and this machine held it": () => ({
        word: "approval",
        after: retiredElsewhere(),
        carried: false,
      }),
      "root calls the key compromised": () => ({ word: "approval", after: compromised() }),
      "the key is not listed any more": () => ({ word: "approval", after: unlisted() }),
      "the signer left the role": () => ({ word: "approval", after: role("reader", [carla]) }),
    },
  };
}

/** The rows of the table, as the specification has them. */
const SPEC = readFileSync(resolve(import.meta.dirname, "../../../../spec/statements.md"), "utf8");
const TABLE = SPEC.slice(SPEC.indexOf("| word | what ended since | counts |"));
const ROWS = TABLE.slice(0, TABLE.indexOf("\n\n"))
  .split("\n")
  .slice(2)
  .map(
    (line) =>
      line
        .split("|")
        .map((cell) => cell.trim())
        .slice(1, 4) as [string, string, Counts],
  );

describe("what ends a word", () => {
  test("each story is a row", () => {
    const told = Object.entries(stories()).flatMap(([word, ended]) =>
      Object.keys(ended).map((one) => `${word} | ${one}`),
    );
    expect(ROWS.map(([word, ended]) => `${word} | ${ended}`).sort()).toEqual(told.sort());
  });

  test.each(ROWS)("%s, and then %s: %s", async (word, ended, counts) => {
    const story = await stories()[word]![ended]!();
    expect(countOf(await tell(story))).toBe(counts);
  });
});
