/** Everything that is tried against a signature by alice, each with the code it must end in. */
import { attribute, email, SigstoreWorld, uri } from "../../../../testing/src/world-sigstore.ts";
import { extension, sequence, text } from "../../../../testing/src/world-sigstore-der.ts";
import { LogKey } from "../../../../testing/src/world-sigstore-log.ts";
import type { SignatureCode } from "../../src/signature/outcome.ts";
import { certificates, entries, messages, times } from "./attacks-on-signatures.ts";
import { ALICE, type Case, ISSUER, type Make, MESSAGE } from "./case.ts";

/** All cases of one world. */
export function cases(world: SigstoreWorld): Case[] {
  const make: Make = (name, expect, about, { request, leaf, ...how } = {}, more = {}) => {
    const signer = leaf ?? world.certify({ identity: ALICE, ...request });
    return { name, expect, about, signature: world.sign(signer, MESSAGE, how), ...more };
  };
  return [
    ...genuine(make),
    ...otherPeople(make),
    ...otherInstances(world, make),
    ...certificates(world, make),
    ...times(world, make),
    ...entries(world, make),
    ...messages(world, make),
  ];
}

function genuine(make: Make): Case[] {
  const workflow = "https://github.example/acme/ci/.github/workflows/release.yml@refs/heads/main";
  return [
    make("valid", "valid", "what gitsign writes in offline mode"),
    make(
      "valid-uri",
      "valid",
      "the identity of a workflow",
      { request: { identity: workflow } },
      { identity: workflow },
    ),
    make("valid-last-second", "valid", "logged in the last second of its certificate", { after: 600 }),
    make(
      "valid-time-stamp",
      "valid",
      "an unsigned attribute of another kind proves nothing and harms nothing",
      {
        unsigned: [attribute("1.2.840.113549.1.9.16.2.14", sequence())],
      },
    ),
    make("valid-signed-attribute", "valid", "a signed attribute of another kind says nothing that is asked", {
      attributes: [attribute("1.2.840.113549.1.9.15", sequence())],
    }),
  ];
}

function otherPeople(make: Make): Case[] {
  const by = (identity: string): { request: { identity: string } } => ({ request: { identity } });
  return [
    make("other-identity", "unknown-key", "somebody else, of the same issuer", by("mallory@example.org")),
    make("longer-identity", "unknown-key", "the listed identity is a substring of this one", by(`m${ALICE}`)),
    make("identity-behind", "unknown-key", "and of this one", by(`${ALICE}.example.net`)),
    make("identity-of-other-case", "unknown-key", "no spelling but the listed one", by("Alice@example.org")),
    make("identity-as-pattern", "unknown-key", "the list is no pattern", by(ALICE), {
      identity: "^.*@example.org$",
    }),
    make("dot-is-a-dot", "unknown-key", "a dot in the list is no wildcard", by("alice@exampleXorg")),
    make("other-issuer", "unknown-key", "the same name given out by somebody else", {
      request: { issuer: "https://accounts.example.net" },
    }),
    make("issuer-with-slash", "unknown-key", "no other spelling of the issuer's URL", {
      request: { issuer: `${ISSUER}/` },
    }),
    make("high-bit-identity", "unsupported-signature", "a name that is the listed one in seven bits", {
      request: { names: [email("\xe1lice@example.org")] },
    }),
    make("uri-for-email", "unsupported-signature", "the address as a URI", {
      request: { names: [uri(ALICE)] },
    }),
    make("two-names", "unsupported-signature", "the listed name beside another", {
      request: { names: [email(ALICE), email("mallory@example.org")] },
    }),
    make("two-kinds-of-name", "unsupported-signature", "the listed address behind a URI", {
      request: { names: [uri("https://mallory.example"), email(ALICE)] },
    }),
    make("other-name", "unsupported-signature", "a name of no kind that is listed", {
      request: { names: [text(0x82, ALICE)] },
    }),
    make("no-name", "unsupported-signature", "a certificate for nobody", { request: { names: [] } }),
    make("another-old-issuer", "malformed-signature", "another issuer for readers of old certificates", {
      request: { oldIssuer: "https://other.example" },
    }),
    make("two-issuers", "malformed-signature", "the issuer's extension twice", {
      request: { more: [extension("1.3.6.1.4.1.57264.1.8", text(0x0c, "https://other.example"))] },
    }),
  ];
}

function otherInstances(world: SigstoreWorld, make: Make): Case[] {
  const other = new SigstoreWorld(world.now);
  const changed = (change: (trust: SigstoreWorld["trust"]) => unknown): { trustedRoot: Buffer } => ({
    trustedRoot: Buffer.from(JSON.stringify(change(world.trust))),
  });
  const leaf = other.certify({ identity: ALICE });
  const own = (name: string, expect: SignatureCode, about: string, trust: { trustedRoot: Buffer }) =>
    make(name, expect, about, {}, trust);
  return [
    {
      ...make("self-made-root", "unknown-key", "an authority and logs of one's own"),
      signature: other.sign(leaf, MESSAGE),
    },
    make("self-made-certificate", "unknown-key", "one's own authority, in the pinned log", { leaf }),
    make("certificate-of-no-log", "unknown-key", "a certificate that no log of certificates saw", {
      request: { seenBy: "none" },
    }),
    make("certificate-of-other-log", "unknown-key", "a certificate that a log of one's own saw", {
      request: { seenBy: new LogKey() },
    }),
    own(
      "other-signature-log",
      "bad-signature",
      "logged by a log that is not pinned",
      changed((trust) => ({ ...trust, tlogs: other.trust.tlogs })),
    ),
    own(
      "root-without-logs",
      "weak-key",
      "a trusted root with no log of signatures",
      changed((trust) => ({ ...trust, tlogs: [] })),
    ),
    own(
      "root-without-certificate-logs",
      "weak-key",
      "a trusted root with no log of certificates",
      changed((trust) => ({ ...trust, ctlogs: [] })),
    ),
    own(
      "root-without-authorities",
      "weak-key",
      "a trusted root with no authority",
      changed((trust) => ({ ...trust, certificateAuthorities: [] })),
    ),
    own(
      "root-of-other-version",
      "weak-key",
      "a trusted root of a version that is not known",
      changed((trust) => ({ ...trust, mediaType: "application/json" })),
    ),
    own("root-is-no-json", "weak-key", "a trusted root that is not JSON", { trustedRoot: Buffer.from("{") }),
    own(
      "root-with-broken-key",
      "weak-key",
      "a log's key that is none",
      changed((trust) => ({
        ...trust,
        tlogs: [
          { ...trust.tlogs[0], publicKey: { rawBytes: "AAAA", keyDetails: "PKIX_ECDSA_P256_SHA_256" } },
        ],
      })),
    ),
    own(
      "authority-not-yet",
      "unknown-key",
      "an authority that was not yet one when this was logged",
      changed((trust) => ({
        ...trust,
        certificateAuthorities: trust.certificateAuthorities.map((one) => ({
          ...one,
          validFor: { start: "2099-01-01T00:00:00Z" },
        })),
      })),
    ),
  ];
}
