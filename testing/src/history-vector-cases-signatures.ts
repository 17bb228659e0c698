/** Cases about the one signature of a commit, in each format and algorithm, and what a policy may demand of it. */
import { anyOf, edit, GPGSIG, type HistoryCase } from "./history-vector-case.ts";
import { nobody, type Odd, oddCase } from "./history-vector-odd.ts";
import type { KeyKind } from "./world-people.ts";

const KINDS = [
  "openpgp-ed25519",
  "openpgp-rsa",
  "openpgp-p256",
  "ssh-ed25519",
  "ssh-ecdsa",
  "ssh-rsa",
  "fido",
] as const satisfies readonly KeyKind[];

const GOOD: Odd[] = KINDS.flatMap((kind): Odd[] => [
  { name: `signature-${kind}`, kind, claim: `a commit signed with a key of kind ${kind} is good` },
  {
    name: `signature-${kind}-edited`,
    kind,
    claim: "the message was edited after signing, by whoever serves the repository",
    code: "bad-signature",
    tamper: edit((text) => text.replace(/odd\n$/, "0dd\n")),
  },
]);

const DEMANDS: Odd[] = [
  [
    "touch-missing",
    "touch",
    0,
    "touch-missing",
    "the policy asks for a touch of the token, and there was none",
  ],
  ["touch-missing-pin-given", "touch", 4, "touch-missing", "a PIN is no touch"],
  ["pin-missing", "pin", 1, "pin-missing", "the policy asks for the token's PIN, and a touch is none"],
  ["touch-given", "touch", 1, undefined, "a token that was touched meets a demand for it"],
  ["pin-given", "pin", 5, undefined, "a token that was touched and asked for its PIN meets both"],
].map(([name, demand, flags, code, claim]): Odd => {
  const odd: Odd = {
    name: name as string,
    kind: "fido",
    group: "demands",
    claim: claim as string,
    signing: { flags: flags as number },
    more: (signer) => ({ [demand as string]: [signer] }),
    needs: ["demand"],
  };
  return code ? { ...odd, code: code as string } : odd;
});

const SHA256: Odd[] = [
  { name: "sha256-good", format: "sha256", claim: "a SHA-256 repository is judged like any other" },
  {
    name: "sha256-unsigned",
    format: "sha256",
    claim: "an unsigned commit in a SHA-256 repository",
    code: "unsigned",
    by: nobody,
  },
  {
    name: "sha256-header-of-sha1",
    format: "sha256",
    claim:
      "in a SHA-256 repository, the header for SHA-1 signs other bytes than these and is no signature of them",
    code: "unsigned",
    tamper: edit((text) => text.replace("\ngpgsig-sha256 ", "\ngpgsig ")),
  },
].map((odd): Odd => ({ ...odd, format: "sha256", group: "sha-256", needs: ["sha256", "object-form"] }));

const MOVED: HistoryCase[] = [
  {
    name: "signature-moved",
    group: "signatures",
    claim: "another commit's good signature is put into a commit that nobody signed",
    needs: ["openpgp"],
    tell: async (cast) => {
      const [alice] = await cast.people("alice");
      const { repository, introduction } = await cast.begin([alice]);
      const header = GPGSIG.exec((await repository.content(introduction)).toString("latin1"))![0];
      const odd = await repository.commit({
        files: { "a.nix": "2\n" },
        message: "odd\n",
        tamper: edit((text) => text.replace("\n\n", `\n${header}\n`)),
      });
      return { repository, policy: anyOf(introduction, [alice]), denied: [["bad-signature", odd]] };
    },
  },
  {
    name: "every-offender",
    group: "signatures",
    claim: "three bad commits are all told, not the first alone",
    needs: ["openpgp"],
    tell: async (cast) => {
      const [alice, mallory] = await cast.people("alice", "mallory");
      const { repository, introduction } = await cast.begin([alice]);
      const one = await repository.commit({ files: { "a.nix": "1\n" }, message: "unsigned\n" });
      await repository.commit({ by: alice, files: { "a.nix": "2\n" } });
      const two = await repository.commit({
        by: mallory,
        files: { "a.nix": "3\n" },
        message: "a stranger's\n",
      });
      const three = await repository.commit({ files: { "a.nix": "4\n" }, message: "unsigned again\n" });
      return {
        repository,
        policy: anyOf(introduction, [alice]),
        denied: [
          ["unsigned", one],
          ["unknown-key", two],
          ["unsigned", three],
        ],
      };
    },
  },
];

export const SIGNATURE_CASES: readonly HistoryCase[] = [
  ...[...GOOD, ...DEMANDS, ...SHA256].map(oddCase),
  ...MOVED,
];
