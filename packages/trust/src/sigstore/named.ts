/**
 * Whom and what a certificate of Fulcio is for, by its own words, before anybody is asked whether they are true.
 *
 * Claims: one identity, one issuer, or a refusal. Against: a certificate with a second name for a reader that looks
 * elsewhere, an e-mail address where a URI is listed, and an issuer that differs between the two extensions that
 * may hold it.
 */
import { latin1 } from "@firstmile/formats/bytes/text";
import {
  alternativeNames,
  type Certificate,
  ExtensionId,
  mayOnlySign,
  utf8Extension,
} from "@firstmile/formats/cms/certificate";
import { refuse } from "./refusal.ts";

export interface Named {
  readonly identity: string;
  readonly issuer: string;
}

/** Fulcio's oid-info.md: the issuer as bare bytes in certificates before 2023, and as a UTF8String beside it since. */
const ISSUER_V1 = "1.3.6.1.4.1.57264.1.1";
const ISSUER_V2 = "1.3.6.1.4.1.57264.1.8";

/** Throws `Refusal`, or `FormatError` where an extension is broken. */
export function namedBy(certificate: Certificate): Named {
  return { identity: onlyIdentity(certificate), issuer: onlyIssuer(certificate) };
}

function onlyIdentity(certificate: Certificate): string {
  const names = alternativeNames(certificate);
  const [name] = names;
  if (name === undefined || names.length > 1) {
    refuse("unsupported-signature", `has a certificate that names ${names.length} identities, not one`);
  }
  if (name.kind === "other" || name.text.includes("://") !== (name.kind === "uri")) {
    refuse("unsupported-signature", "has a certificate for something that is no e-mail address and no URI");
  }
  return printable(name.text);
}

function onlyIssuer({ extensions }: Certificate): string {
  const [first, second] = [extensions.get(ISSUER_V1), extensions.get(ISSUER_V2)];
  const issuer = second ? utf8Extension(second, "issuer") : first && latin1(first.value);
  if (issuer === undefined) refuse("unsupported-signature", "has a certificate that names no issuer");
  if (first && latin1(first.value) !== issuer) {
    refuse("malformed-signature", "has a certificate that names two issuers");
  }
  return printable(issuer);
}

/** Messages show these names: nothing in them may move a cursor or look like another letter. */
function printable(name: string): string {
  if (!/^[!-~]{1,512}$/.test(name)) {
    refuse(
      "unsupported-signature",
      "has a certificate with a name that is not printable ASCII without spaces",
    );
  }
  return name;
}

/** RFC 5280 section 4.2.1.12: id-kp-codeSigning. */
const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
const UNDERSTOOD: readonly string[] = Object.values(ExtensionId);

/** Refuses certificates for another purpose, and any with a condition that is not understood. */
export function checkPurpose(certificate: Certificate): void {
  if (!mayOnlySign(certificate, CODE_SIGNING)) {
    refuse("not-a-signing-key", "has a certificate that is not one for signing code alone");
  }
  for (const [id, { critical }] of certificate.extensions) {
    if (critical && !UNDERSTOOD.includes(id)) {
      refuse("unsupported-signature", `has a certificate with the unknown critical extension ${id}`);
    }
  }
}
