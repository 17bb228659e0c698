/**
 * Downloads. The attacker writes expressions, and picks the hash: of bytes that the author never released, or of an
 * older release, with holes that everybody knows, under a newer one's name. What must hold: what is built is the release
 * that its name and URLs say, handed on by the people whom the rules name.
 */
import { hexHash } from "@firstmile/formats/nix/hash";
import { narDigest } from "@firstmile/formats/nix/nar";
import type { HandoffStatement } from "@firstmile/formats/statement/handoff";
import { sortedTargets } from "@firstmile/formats/statement/target";
import { expect } from "vitest";
import { derivationText } from "../src/gate-world.ts";
import { distrustOf } from "../src/world-statements.ts";
import type { Attack, Theme } from "./attack.ts";
import { DownloadWorld, download, NEW, OLD, OLD_URL, sha256 } from "./download-world.ts";

const OTHER = Buffer.from("never released\n");
const BAD = Buffer.from("a file that a warden speaks against\n");
const BY_NAME = "https://example.org/hello-2.0.tar";

/** Attribute, number, what is tried, and the download. */
const NAMED: readonly (readonly [attr: string, number: number, name: string, text: string])[] = [
  [
    "two",
    94,
    "the old release's URL behind the new one's",
    download(NEW, `urls = [ "${BY_NAME}" "${OLD_URL}" ];`),
  ],
  [
    "front",
    95,
    "the old release's URL before the new one's",
    download(NEW, `urls = [ "${OLD_URL}" "${BY_NAME}" ];`),
  ],
  [
    "both",
    96,
    "the old release's URL in url, the new one's in urls",
    download(NEW, `url = "${OLD_URL}"; urls = [ "${BY_NAME}" ];`),
  ],
  ["called", 97, "the new name for the old release's URL", download(NEW, `url = "${OLD_URL}";`)],
  ["query", 98, "the new name behind a question mark", download(NEW, `url = "${OLD_URL}?file=${NEW}";`)],
  ["fragment", 99, "the new name in a fragment", download(NEW, `url = "${OLD_URL}#/${NEW}";`)],
  [
    "climbs",
    100,
    "the new name in a directory that the URL climbs out of",
    download(NEW, `url = "https://example.org/${NEW}/../hello-1.0.tar";`),
  ],
  [
    "mirror",
    101,
    "a mirror: address of the new one beside the old URL",
    download(NEW, `urls = [ "mirror://gnu/hello/${NEW}" "${OLD_URL}" ];`),
  ],
  [
    "encoded",
    102,
    "the old URL spelt with per cent signs, twice over, and with a second slash",
    download(
      NEW,
      'urls = [ "https://example.org/hello%2D1.0.tar" "https://example.org//hello-1.0.tar" "https://example.org/hello%252D1.0.tar" ];',
    ),
  ],
  [
    "structured",
    103,
    "the URLs in structured attributes, where the environment has others",
    download(NEW, `__structuredAttrs = true; urls = [ "${BY_NAME}" "${OLD_URL}" ];`),
  ],
];

const files = (address: string) => ({
  honest: download("hello-1.0.tar", `url = "${OLD_URL}";`),
  ...Object.fromEntries(NAMED.map(([attr, , , text]) => [attr, text])),
  program: program(),
  other: download("hello-1.0.tar", `url = "${OLD_URL}";`, OTHER),
  nowhere: download("hello-1.0.tar", "", OTHER),
  impure: derivationText(
    "impure",
    `exec 3<>/dev/tcp/${new URL(address).host.replace(":", "/")}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3 > $out`,
    "__impure = true;",
  ).replace("/bin/sh", "/bin/bash"),
  user: derivationText(
    "user",
    "read line < $src; echo $line > $out",
    `src = ${derivationText("inner", "echo x > $out", "__impure = true;")};`,
  ),
  floating: derivationText(
    "floating",
    "echo never > $out",
    `__contentAddressed = true; outputHashMode = "flat"; outputHashAlgo = "sha256"; url = "${OLD_URL}";`,
  ),
});

async function denied(world: DownloadWorld, attr: string, codes: RegExp): Promise<void> {
  const answer = await world.admit(attr);
  expect([attr, answer.allowed, answer.codes.join(" ")]).toEqual([attr, false, expect.stringMatching(codes)]);
}

/** The build is refused, and nothing was asked of the network for it. */
async function neverRuns(world: DownloadWorld, attr: string): Promise<void> {
  const before = world.asked.length;
  const ended = await world.gate.build(attr);
  expect({ built: ended.code === 0, asked: world.asked.slice(before) }).toEqual({ built: false, asked: [] });
}

const named = ([attr, number, name]: (typeof NAMED)[number]): Attack<DownloadWorld> => ({
  number,
  name: `an old release under a new name: ${name}`,
  held: "The name and the last part of every URL have to be what was handed on.",
  guard: "trust/handoff/matching.ts",
  async run(world) {
    await denied(world, attr, /no-handoff|no-upstream-rule/);
    await neverRuns(world, attr);
  },
});

const attacks: readonly Attack<DownloadWorld>[] = [
  ...NAMED.map(named),
  {
    number: 104,
    name: "bytes that the author never signed, with and without a URL",
    held: "No handoff names their digest; without a URL the rule for all of them asks all the same.",
    async run(world) {
      for (const attr of ["other", "nowhere"]) {
        await denied(world, attr, /no-handoff|no-upstream-rule/);
        await neverRuns(world, attr);
      }
    },
  },
  {
    number: 105,
    name: "an impure derivation, which may use the network and says no hash",
    held: "Refused, unless a rule allows it; it does not run, and no server is asked.",
    guard: "spec/policy.md",
    async run(world) {
      for (const attr of ["impure", "user"]) {
        await denied(world, attr, /^(?:impure-|no-upstream-rule|no-handoff|not-admitted)/);
        await neverRuns(world, attr);
      }
    },
  },
  {
    number: 106,
    name: "an impure derivation that was never admitted, built by its own .drv",
    held: "The hook is asked for impure derivations too.",
    guard: "local/gate/decide-build.ts",
    async run(world) {
      const before = world.asked.length;
      const text = files(world.address).impure.replace('"impure"', '"alone"');
      const ended = await world.gate.run("nix-build", ["--no-out-link", "-E", text]);
      expect({ built: ended.code === 0, asked: world.asked.slice(before) }).toEqual({
        built: false,
        asked: [],
      });
    },
  },
  {
    number: 107,
    name: "a handoff with a signature by another key, and one by a person who may not vouch",
    by: "a person who is not in the role",
    held: "The author's key is checked over the bytes, and the voucher's role.",
    async run(world) {
      const { gate } = world;
      await world.carry(world.handoff(world.stranger, OTHER), gate.bob);
      await denied(world, "other", /not-the-author|handoff-invalid/);
      await world.carry(world.handoff(world.author, OTHER), gate.alice);
      await denied(world, "other", /no-handoff|not-the-author|handoff-invalid/);
    },
  },
  {
    number: 108,
    name: "a handoff without a valid signature, which says that a good download is a file that a warden distrusts",
    by: "the owner of a place of evidence",
    held: "Only a handoff that checks out says what a download was made of.",
    guard: "trust/handoff/exceptions.ts",
    async run(world) {
      const { gate } = world;
      const content = { kind: "content", sha256: sha256(BAD), id: undefined, path: undefined } as const;
      await world.carry(distrustOf({ targets: sortedTargets([content]), because: "it is bad" }), gate.alice);
      await world.carry(programHandoff(world, OLD), gate.bob);
      expect((await world.admit("program")).codes).toEqual([]);
      await world.carry(programHandoff(world, BAD), await gate.people.person("mallory"));
      const answer = await world.admit("program");
      expect([answer.allowed, answer.codes]).toEqual([true, []]);
    },
  },
  {
    number: 109,
    name: "a download that a warden speaks against, under every name",
    by: "its author",
    held: "A distrust by content wins over the author's signature and over those who handed it on.",
    async run(world) {
      const content = {
        kind: "content",
        sha256: sha256(Buffer.from("the old source\n")),
        id: undefined,
        path: undefined,
      } as const;
      await world.carry(
        distrustOf({ targets: sortedTargets([content]), because: "a back door" }),
        world.gate.alice,
      );
      await denied(world, "honest", /distrusted/);
      await world.gate.run("nix-store", ["--delete", ...(await outputs(world, "honest"))]);
      await neverRuns(world, "honest");
    },
  },
];

/** The old release as a program that is fetched: its output is a NAR, whose digest says nothing of the file's. */
const PROGRAM = narDigest({ kind: "regular", executable: true, size: OLD.length, content: [OLD] }).narHash;

function program(): string {
  const fixed = `outputHashMode = "recursive"; outputHashAlgo = "sha256"; outputHash = "${hexHash(PROGRAM).slice(7)}";`;
  const script = "echo 'the old source' > $out; chmod +x $out";
  return derivationText("hello-1.0.tar", script, `${fixed} executable = true; url = "${OLD_URL}";`);
}

/** That the program is this file, as the author released it. */
function programHandoff(world: DownloadWorld, file: Buffer<ArrayBuffer>): HandoffStatement {
  const { release, ...rest } = world.handoff(world.author, file);
  return {
    ...rest,
    output: { kind: "nar", narHash: PROGRAM },
    release: { ...release, becomes: "executable" } as typeof release,
  };
}

async function outputs(world: DownloadWorld, attr: string): Promise<string[]> {
  const drv = await world.gate.instantiate(attr);
  const told = await world.gate.run("nix-store", ["--query", "--outputs", drv]);
  return told.stdout.trim().split("\n");
}

export const downloads: Theme<DownloadWorld> = {
  title: "Downloads",
  by: "a permitted writer of a source, or the author of the hash in it",
  guard: "trust/handoff",
  open: (version) => DownloadWorld.open(version, files),
  controls: [
    {
      name: "the old release under its own name is admitted once it is handed on, and built",
      async run(world) {
        await world.gate.firstmile("admit", "-f", "default.nix", "-A", "honest");
        await denied(world, "honest", /no-handoff/);
        await world.carry(world.handoff(), world.gate.bob);
        const answer = await world.admit("honest");
        expect([answer.codes, answer.allowed]).toEqual([[], true]);
        expect((await world.gate.build("honest")).code).toBe(0);
      },
    },
    {
      name: "without the hook, an impure derivation asks the network",
      only: "host",
      async run(world) {
        const text = files(world.address).impure.replace('"impure"', '"unheld"');
        await world.gate.run("nix-build", ["--no-out-link", "--option", "pre-build-hook", "", "-E", text]);
        expect(world.asked).toEqual(["/"]);
      },
    },
  ],
  attacks,
};
