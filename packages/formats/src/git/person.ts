/**
 * Who a commit or tag says made it: `name <email> seconds zone`. The signer's own words, and the date above all:
 * nothing may be decided by them.
 */
import { FormatError, type FormatName } from "../bytes/error.ts";
import { latin1 } from "../bytes/text.ts";

/** One author, committer or tagger line. */
export interface Person {
  /** The value of the line as it stands, without its newline. */
  readonly raw: Uint8Array;
  /**
   * Its parts. Throws `FormatError` where the line has no such parts: old history holds some, and their commits are
   * no less real.
   */
  identity(): Identity;
}

export interface Identity {
  /** As bytes, since the commit's `encoding` says what they mean. May be empty. */
  readonly name: Uint8Array;
  readonly email: Uint8Array;
  /** Unix seconds, as claimed. */
  readonly time: number;
  /** `+HHMM` or `-HHMM`, as claimed. */
  readonly zone: string;
}

/** A person over `raw`, whose errors name `field` and count from `base`. */
export function person(raw: Uint8Array, format: FormatName, field: string, base: number): Person {
  return { raw, identity: () => parseIdentity(raw, format, field, base) };
}

function parseIdentity(raw: Uint8Array, format: FormatName, field: string, base: number): Identity {
  const text = latin1(raw);
  const parts = /^([^<>\n]*)<([^<>\n]*)> (0|[1-9][0-9]{0,14}) ([+-][0-9]{4})$/.exec(text);
  const [, name, email, time, zone] = parts ?? [];
  // Git puts one space before the address; without a name the line opens with the address itself.
  if (zone === undefined || (name !== "" && !name!.endsWith(" "))) {
    throw new FormatError(format, field, base, "is not `name <email> seconds zone`");
  }
  const opened = name!.length;
  return {
    name: raw.subarray(0, Math.max(0, opened - 1)),
    email: raw.subarray(opened + 1, opened + 1 + email!.length),
    time: Number(time),
    zone,
  };
}
