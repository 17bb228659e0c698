/** The OpenPGP keys at hand, to be found by what a signature says of its issuer. */
import type { OpenPgpCertificate } from "@firstmile/formats/openpgp/certificate";
import type { Issuer } from "@firstmile/formats/openpgp/issuer";
import type { PublicKey } from "@firstmile/formats/openpgp/public-key";
import { type CertificateState, type KeyState, loadCertificate } from "./certificate-state.ts";
import { mergeCertificates } from "./merge.ts";

/** A key that a signature's issuer may mean, and the certificate it is in. */
export interface Candidate {
  readonly certificate: CertificateState;
  readonly key: KeyState;
}

export interface OpenPgpKeys {
  /**
   * By fingerprint where the issuer gives one, otherwise by key ID. Several where key IDs collide or where one key
   * is in several certificates; all have to be tried, since only the signature itself tells whose it is.
   */
  candidates(issuer: Issuer): Candidate[];
}

/**
 * Indexes certificates, primary keys and subkeys alike. Copies of one certificate count as one, with every statement
 * of each. A certificate is evaluated when it is first asked for, and once.
 */
export function openPgpKeys(certificates: Iterable<OpenPgpCertificate>): OpenPgpKeys {
  const index = new Map<string, (() => Candidate)[]>();
  for (const certificate of mergeCertificates(certificates)) {
    const state = once(() => loadCertificate(certificate));
    enter(index, certificate.primary, () => ({ certificate: state(), key: state().primary }));
    certificate.subkeys.forEach(({ key }, i) => {
      enter(index, key, () => ({ certificate: state(), key: state().subkeys[i]! }));
    });
  }
  return {
    candidates: (issuer) => {
      if (issuer.kind === "none") return [];
      const entries = index.get(issuer.kind === "fingerprint" ? issuer.fingerprint : issuer.keyId);
      return (entries ?? []).map((candidate) => candidate());
    },
  };
}

function enter(index: Map<string, (() => Candidate)[]>, key: PublicKey, candidate: () => Candidate): void {
  for (const name of [key.fingerprint, key.keyId]) {
    const entries = index.get(name);
    if (entries === undefined) index.set(name, [candidate]);
    else entries.push(candidate);
  }
}

function once<T>(compute: () => T): () => T {
  let value: { readonly of: T } | undefined;
  return () => {
    value ??= { of: compute() };
    return value.of;
  };
}
