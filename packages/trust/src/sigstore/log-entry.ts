/**
 * The log's entry beside a signature: there is one, of the kind that is understood, with all that the log has to say.
 */
import { equalBytes } from "@firstmile/formats/bytes/text";
import { LOG_ENTRY_ATTRIBUTE, parseLogEntry } from "@firstmile/formats/cms/log-entry";
import { attributeOctets, type SignerInfo } from "@firstmile/formats/cms/signed-data";
import { ENTRY_KIND, type LoggedEntry, logEntryBody } from "./bundle.ts";
import { refuse } from "./refusal.ts";

/** Throws `Refusal` and `FormatError`. Other unsigned attributes, such as time stamps, prove nothing here. */
export function embeddedEntry(signer: SignerInfo, certificate: Uint8Array): LoggedEntry {
  const attributes = signer.unsigned.filter(({ type }) => type === LOG_ENTRY_ATTRIBUTE);
  const values = attributes.flatMap((attribute) => attribute.values);
  if (values.length === 0) refuse("not-logged", NOT_LOGGED);
  if (values.length > 1)
    refuse("several-signatures", `carries ${values.length} log entries, and must carry one`);
  const entry = parseLogEntry(attributeOctets(values[0]!, "log entry"));
  if (entry.kind !== ENTRY_KIND.kind || entry.version !== ENTRY_KIND.version) {
    refuse("unsupported-signature", `has a log entry of the unknown kind ${JSON.stringify(entry.kind)}`);
  }
  if (entry.body.length > 0 && !equalBytes(entry.body, logEntryBody(signer, certificate))) {
    refuse("bad-signature", "has a log entry about another signature");
  }
  const { promise, proof } = entry;
  if (!promise) refuse("unsupported-signature", "has a log entry without the log's word on when it was made");
  if (!proof) refuse("unsupported-signature", "has a log entry without a proof that the log holds it");
  return { ...entry, promise, proof };
}

const NOT_LOGGED =
  "carries no log entry, so nothing shows offline when it was made: sign with `git config gitsign.rekorMode offline`";
