/** Keys as a person tells them apart, and whether they count today. What a signature is worth is found elsewhere. */
import { encodeBase64 } from "@firstmile/formats/bytes/text";
import { renderNumberedKey } from "@firstmile/formats/signify/key";
import { loadCertificate } from "../openpgp/certificate-state.ts";
import type { Key, KeyEvent } from "../policy/policy.ts";
import { sshFingerprint } from "../ssh/keys.ts";

/** `retired`: still good for what it signed before. */
export type KeyLife = "good" | "retired" | "expired" | "revoked" | "compromised";

export interface GraphKey {
  /** `OpenPGP`, `SSH`, `SSH, touched`, `SSH authority`, `Sigstore`, `minisign`, `signify`, `Nix`. */
  readonly kind: string;
  /** Fingerprint, name at an issuer, or a Nix key as it is written. */
  readonly name: string;
  readonly state: KeyLife;
  /** Why it was given up, or a part of it. */
  readonly note?: string;
}

/** Each key once, whatever copies of it there are; the worst word on it holds. */
export function graphKeys(keys: readonly Key[], now: number): GraphKey[] {
  const found = new Map<string, GraphKey>();
  for (const key of keys) {
    const told = describe(key, now);
    const other = found.get(told.name);
    if (!other || SEVERITY.indexOf(other.state) < SEVERITY.indexOf(told.state)) found.set(told.name, told);
  }
  return [...found.values()];
}

const SEVERITY: readonly KeyLife[] = ["good", "retired", "expired", "revoked", "compromised"];

function describe(key: Key, now: number): GraphKey {
  switch (key.kind) {
    case "openpgp": {
      const { fingerprint } = key.certificate;
      const said = lifeOf(key.life, fingerprint);
      const own = SEVERITY.indexOf(said.state) < 2 ? openPgpState(key.certificate, now) : undefined;
      return { kind: "OpenPGP", name: fingerprint, ...said, ...(own === undefined ? {} : { state: own }) };
    }
    case "ssh": {
      const name = sshFingerprint(key.key);
      const demand = key.pin ? "SSH, with PIN" : key.touch ? "SSH, touched" : "SSH";
      return { kind: demand, name, ...lifeOf(key.life, name) };
    }
    case "ssh-authority": {
      const name = sshFingerprint(key.key);
      return { kind: `SSH authority for ${key.certifiedAs.join(", ")}`, name, ...lifeOf(key.life, name) };
    }
    case "sigstore":
      return { kind: "Sigstore", name: `${key.identity} at ${key.issuer}`, ...lifeOf(key.life, undefined) };
    case "minisign":
    case "signify":
      return { kind: key.kind, name: renderNumberedKey(key), ...lifeOf(key.life, undefined) };
    case "nix":
      return { kind: "Nix", name: `${key.name}:${encodeBase64(key.key)}`, state: "good" };
  }
}

function openPgpState(certificate: Parameters<typeof loadCertificate>[0], now: number): KeyLife | undefined {
  const { primary } = loadCertificate(certificate);
  if (primary.revoked !== undefined) return "revoked";
  return primary.expires !== undefined && primary.expires <= now ? "expired" : undefined;
}

/** Of a certificate with several keys, what is said of one subkey is a note and not the end of them all. */
function lifeOf(life: readonly KeyEvent[], whole: string | undefined): Pick<GraphKey, "state" | "note"> {
  const all = life.filter(({ key }) => key === undefined || key === whole);
  const compromised = all.find((event) => event.kind === "compromised");
  if (compromised) return { state: "compromised", note: compromised.reason };
  const retired = all.find((event) => event.kind === "retired");
  if (retired)
    return { state: "retired", note: `after ${retired.after.map((id) => id.slice(0, 12)).join(", ")}` };
  const [part] = life;
  return part ? { state: "good", note: `${part.kind}: its key ${part.key}` } : { state: "good" };
}
