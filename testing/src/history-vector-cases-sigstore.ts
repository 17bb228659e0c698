/** Cases about Sigstore: whoever an issuer vouches for, at a time that a log vouches for. No outside instance is asked. */
import { anyOf, edit, type HistoryCase } from "./history-vector-case.ts";
import { type Person, WORLD_NOW } from "./world.ts";
import { SigstoreWorld } from "./world-sigstore.ts";

const IDENTITY = "bob@example.org";
const ISSUER = "https://accounts.example";
const ROOT = "keys/trusted-root.json";

interface How {
  readonly identity?: string;
  readonly issuer?: string;
  /** Whether another instance than the pinned one vouches. */
  readonly elsewhere?: boolean;
  /** Seconds after the certificate's issue at which the signature was logged. */
  readonly after?: number;
  readonly tampered?: boolean;
  readonly unlogged?: boolean;
}

/** Alice's history with one commit by bob, whom the rules know by his name at an issuer. */
function sigstoreCase(name: string, claim: string, how: How = {}, code?: string): HistoryCase {
  return {
    name: `sigstore-${name}`,
    group: "sigstore",
    claim,
    needs: ["openpgp", "sigstore", "told-time"],
    tell: async (cast) => {
      const [alice] = await cast.people("alice");
      const pinned = new SigstoreWorld(WORLD_NOW - 3600);
      const bob = { ...(await cast.person("bob")), sign: signerOf(pinned, how) };
      const { repository, introduction, odd } = await cast.story([alice], {
        by: bob,
        ...(how.tampered ? { tamper: edit((text) => text.replace(/odd\n$/, "0dd\n")) } : {}),
      });
      const said = `{ sigstore = "${ROOT}", identity = "${IDENTITY}", issuer = "${ISSUER}" }`;
      return {
        repository,
        policy: anyOf(introduction, [alice, bob]),
        rewrite: (toml) => toml.replace(`"${bob.keyFile}"`, said),
        keyFiles: new Map([[ROOT, pinned.trustedRoot]]),
        denied: code ? [[code, odd]] : [],
      };
    },
  };
}

function signerOf(pinned: SigstoreWorld, how: How): Person["sign"] {
  const { identity = IDENTITY, issuer = ISSUER, elsewhere, after, unlogged } = how;
  const world = elsewhere ? new SigstoreWorld(WORLD_NOW - 3600) : pinned;
  return async (message) => {
    const leaf = world.certify({ identity, issuer });
    const signing = { ...(after === undefined ? {} : { after }), ...(unlogged ? { entries: () => [] } : {}) };
    return Buffer.from(world.sign(leaf, Buffer.from(message), signing));
  };
}

export const SIGSTORE_CASES: readonly HistoryCase[] = [
  sigstoreCase("good", "a certificate for the listed name by the listed issuer, logged while it was good"),
  sigstoreCase("edited", "the message was edited after signing", { tampered: true }, "bad-signature"),
  sigstoreCase(
    "other-name",
    "the issuer vouches for somebody else",
    { identity: "mallory@example.org" },
    "unknown-key",
  ),
  sigstoreCase(
    "other-issuer",
    "another issuer vouches for the name",
    { issuer: "https://evil.example" },
    "unknown-key",
  ),
  sigstoreCase(
    "other-instance",
    "another instance than the pinned one vouches",
    { elsewhere: true },
    "unknown-key",
  ),
  sigstoreCase(
    "logged-late",
    "it was logged when the certificate had run out",
    { after: 601 },
    "expired-key",
  ),
  sigstoreCase(
    "not-logged",
    "it is in no log, so nobody knows when it was made",
    { unlogged: true },
    "not-logged",
  ),
];
