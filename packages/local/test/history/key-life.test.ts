/**
 * What becomes of commits when something happens to the key behind them: the table of docs/key-life.md, row by row.
 * Bob signs two commits, and root says nothing of his key, or that it is retired after the first, or compromised.
 * Every row is asked with dates as they are, far back and far ahead: they change nothing.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  DAY,
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
} from "@firstmile/testing/world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type ForgedKey,
  forgeCertificate,
  forgeKey,
  forgeSignature,
  keyExpiry,
  MADE,
  revocationReason,
  signatureExpiry,
} from "../../../trust/test/openpgp/forge.ts";

let world: World;
let alice: Person;
let sshBob: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, sshBob] = await Promise.all([world.person("alice"), world.person("bob")]);
});
afterAll(() => world[Symbol.asyncDispose]());

/** When commits and signatures say that they were made, in days after the keys. */
const DATES = { "as they are": [2, 3], "far back": [0, 0], "far ahead": [9_000, 9_001] } as const;
type Dates = keyof typeof DATES;

interface Bob {
  /** As a principal lists it; undefined: not listed. */
  readonly person: Person;
  /** What signs the first commit and what signs the second. */
  readonly first: (at: number) => Person["sign"];
  readonly second: (at: number) => Person["sign"];
  /** Its fingerprint, where root speaks of one key of the certificate. */
  readonly key?: string;
}

function signing(key: ForgedKey, hashed: readonly Buffer[] = []): Bob["first"] {
  return (at) => async (message) => {
    const bytes = forgeSignature(key, Buffer.from(message), { created: at, hashed });
    return Buffer.from(
      `-----BEGIN PGP SIGNATURE-----\n\n${bytes.toString("base64")}\n-----END PGP SIGNATURE-----\n`,
    );
  };
}

function openPgp(certificate: Buffer, { fingerprint }: ForgedKey): Person {
  return {
    ...sshBob,
    kind: "openpgp-ed25519",
    fingerprint,
    keyFile: "keys/bob.gpg",
    publicKey: async () => certificate,
  };
}

/** One key, and what its owner says of it. */
function owned(
  said: Omit<Parameters<typeof forgeCertificate>[0], "primary">,
  hashed: readonly Buffer[] = [],
): Bob {
  const primary = forgeKey("ed25519-legacy");
  const sign = signing(primary, hashed);
  return { person: openPgp(forgeCertificate({ primary, ...said }), primary), first: sign, second: sign };
}

/** The first commit is by a subkey that is not the one of the second. */
function replaced(old: { hashed?: readonly Buffer[]; revoked?: number }): Bob {
  const [primary, before, after] = [
    forgeKey("ed25519-legacy"),
    forgeKey("ed25519-legacy"),
    forgeKey("ed25519-legacy"),
  ];
  const revocations = old.revoked === undefined ? [] : [{ hashed: [revocationReason(old.revoked)] }];
  const subkeys = [{ key: before, options: { hashed: old.hashed ?? [] }, revocations }, { key: after }];
  const certificate = forgeCertificate({ primary, subkeys });
  return {
    person: openPgp(certificate, primary),
    first: signing(before),
    second: signing(after),
    key: before.fingerprint,
  };
}

const revoked = (reason: number) => () => owned({ revocations: [{ hashed: [revocationReason(reason)] }] });
const ssh = (): Bob => ({ person: sshBob, first: () => sshBob.sign, second: () => sshBob.sign });

/** What the first and the second commit are denied for. */
type Outcome = readonly [first: string, second: string];
const GOOD: Outcome = ["-", "-"];

interface Row {
  readonly what: string;
  readonly bob: () => Bob;
  readonly nothing: Outcome;
  readonly retired: Outcome;
  readonly compromised: Outcome;
  readonly policy?: (policy: PolicySpec) => PolicySpec;
  /** The end that a signer writes into a signature counts from the date that the signer writes. */
  readonly endsByItsDate?: true;
}

const BOTH_COMPROMISED: Outcome = ["compromised-key", "compromised-key"];
const HARD: Omit<Row, "what" | "bob"> = {
  nothing: ["revoked-key", "revoked-key"],
  retired: ["revoked-key", "revoked-key"],
  compromised: ["revoked-key", "revoked-key"],
};
const SOFT: Omit<Row, "what" | "bob"> = {
  nothing: ["revoked-key", "revoked-key"],
  retired: ["-", "revoked-key"],
  compromised: BOTH_COMPROMISED,
};

const ROWS: readonly Row[] = [
  {
    what: "nothing",
    bob: () => owned({}),
    nothing: GOOD,
    retired: ["-", "retired-key"],
    compromised: BOTH_COMPROMISED,
  },
  {
    what: "nothing (SSH)",
    bob: ssh,
    nothing: GOOD,
    retired: ["-", "retired-key"],
    compromised: BOTH_COMPROMISED,
  },
  {
    what: "it expired",
    bob: () => owned({ self: { hashed: [keyExpiry(30 * DAY)] } }),
    nothing: ["expired-key", "expired-key"],
    retired: ["-", "expired-key"],
    compromised: BOTH_COMPROMISED,
  },
  {
    what: "its signatures expired",
    bob: () => owned({}, [signatureExpiry(1)]),
    endsByItsDate: true,
    nothing: ["expired-signature", "expired-signature"],
    retired: ["-", "expired-signature"],
    compromised: BOTH_COMPROMISED,
  },
  { what: "revoked as compromised", bob: revoked(2), ...HARD },
  { what: "revoked without a reason", bob: () => owned({ revocations: [{}] }), ...HARD },
  { what: "revoked as superseded", bob: revoked(1), ...SOFT },
  { what: "revoked as retired", bob: revoked(3), ...SOFT },
  {
    what: "another subkey signs the second, and the first's was revoked as superseded",
    bob: () => replaced({ revoked: 1 }),
    nothing: ["revoked-key", "-"],
    retired: GOOD,
    compromised: ["compromised-key", "-"],
  },
  {
    what: "another subkey signs the second, and the first's expired",
    bob: () => replaced({ hashed: [keyExpiry(30 * DAY)] }),
    nothing: ["expired-key", "-"],
    retired: GOOD,
    compromised: ["compromised-key", "-"],
  },
  {
    what: "another subkey signs the second, and the first's was revoked as compromised",
    bob: () => replaced({ revoked: 2 }),
    nothing: ["revoked-key", "-"],
    retired: ["revoked-key", "-"],
    compromised: ["revoked-key", "-"],
  },
  {
    what: "an SSH key is no longer listed",
    bob: ssh,
    policy: (policy) => ({ ...policy, people: [alice] }),
    nothing: ["unknown-key", "unknown-key"],
    retired: ["unknown-key", "unknown-key"],
    compromised: ["unknown-key", "unknown-key"],
  },
  {
    what: "its owner is no longer in the role",
    bob: ssh,
    policy: (policy) => ({ ...policy, roles: { writer: [alice] } }),
    nothing: ["not-in-role", "not-in-role"],
    retired: ["not-in-role", "retired-key"],
    compromised: BOTH_COMPROMISED,
  },
];

type Said = "nothing" | "retired" | "compromised";

async function story(row: Row, dates: Dates) {
  const bob = row.bob();
  const repository = await world.repository("life");
  const introduction = await repository.commit({ by: alice, files: { a: "0\n" } });
  const commits: CommitId[] = [];
  for (const [i, sign] of [bob.first, bob.second].entries()) {
    const at = MADE + DATES[dates][i]! * DAY;
    const tree = await repository.git("rev-parse", `${introduction}^{tree}`);
    const who = `bob <bob@example.org> ${at} +0000`;
    const text = `tree ${tree}\nparent ${commits.at(-1) ?? introduction}\nauthor ${who}\ncommitter ${who}\n`;
    const signature = repository.signatureHeader(await sign(at)(Buffer.from(`${text}\n${i}\n`)));
    commits.push(repository.raw(`${text}${signature}\n\n${i}\n`));
  }
  const [first, second] = commits as [CommitId, CommitId];
  const plain: PolicySpec = { people: [alice, bob.person], sources: { pkgs: { introduction } } };
  const one = bob.key === undefined ? "" : `, key = "${bob.key}"`;
  const tables: Record<Said, string> = {
    nothing: "",
    retired: `retired = { after = "${first}"${one} }`,
    compromised: `compromised = { reason = "lost"${one} }`,
  };
  const ask = async (said: Said, goodlist: readonly CommitId[] = []) => {
    const policy = row.policy?.(plain) ?? plain;
    const sources = { pkgs: { introduction, goodlist } };
    const life = new Map([[bob.person, tables[said]]]);
    return offences(await world.verify({ repository, policy: { ...policy, sources, life } }));
  };
  return { first, second, ask };
}

const SAID: readonly Said[] = ["nothing", "retired", "compromised"];

describe.each(ROWS)("$what", (row) => {
  const all = Object.keys(DATES) as Dates[];
  test.each(all.filter((dates) => !(row.endsByItsDate && dates === "far ahead")))(
    "dates %s",
    async (dates) => {
      const { first, second, ask } = await story(row, dates);
      for (const said of SAID) {
        const denied = [first, second].flatMap((id, i) =>
          row[said][i] === "-" ? [] : [[id, row[said][i]!] as const],
        );
        expect(await ask(said), said).toEqual(expected(...denied));
        if (dates !== "as they are") continue;
        // Root takes over the first commit and no other.
        expect(await ask(said, [first]), `${said}, goodlisted`).toEqual(
          expected(...denied.filter(([id]) => id !== first)),
        );
      }
    },
  );
});

test("what root says of the key that signed goes before what it says of the whole certificate, in any order", async () => {
  const row: Row = { ...ROWS[0]!, bob: () => replaced({}) };
  const bob = row.bob();
  const repository = await world.repository("both");
  const introduction = await repository.commit({ by: alice });
  const first = await repository.commit({ by: { ...bob.person, sign: bob.first(MADE + DAY) } });
  const second = await repository.commit({ by: { ...bob.person, sign: bob.first(MADE + DAY) } });
  const general = `{ after = "${introduction}" }`;
  const specific = `{ after = "${first}", key = "${bob.key}" }`;
  for (const said of [`${general}, ${specific}`, `${specific}, ${general}`]) {
    const life = new Map([[bob.person, `retired = [${said}]`]]);
    const policy: PolicySpec = { people: [alice, bob.person], sources: { pkgs: { introduction } }, life };
    expect(offences(await world.verify({ repository, policy }))).toEqual(expected([second, "retired-key"]));
  }
});

test("docs/key-life.md has this table", () => {
  const file = resolve(import.meta.dirname, "../../../../docs/key-life.md");
  const lines = readFileSync(file, "utf8").split("\n");
  const table = lines.filter((line) => line.startsWith("| ")).slice(1);
  const cell = ([first, second]: Outcome) => `${shown(first)} / ${shown(second)}`;
  const rows = ROWS.map(
    (row) => `| ${row.what} | ${cell(row.nothing)} | ${cell(row.retired)} | ${cell(row.compromised)} |`,
  );
  expect(table).toEqual(rows);
});

function shown(code: string): string {
  return code === "-" ? "passes" : `\`${code}\``;
}
