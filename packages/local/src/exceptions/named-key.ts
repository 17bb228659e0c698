/**
 * What a person means by a key, or by somebody of the policy: the names under which signatures come out.
 *
 * Claims: somebody is all of their keys, as the policy lists them today. Leaves out keys that they are given later.
 */
import type { PrincipalName } from "@firstmile/trust/policy/names";
import type { Policy } from "@firstmile/trust/policy/policy";
import { fingerprintsOf } from "@firstmile/trust/slice/distrust";
import { SubjectError } from "./subject-error.ts";

export interface NamedKeys {
  readonly keys: readonly string[];
  readonly words: string;
}

const SSH = /^SHA256:[A-Za-z0-9+/]{43}(?: as [ -~]+)?$/;
const NIX = /^nix:[^\s:]+:[A-Za-z0-9+/]{43}=$/;
const SIGSTORE = /^sigstore:\S+ [ -~]+ [0-9a-f]{12}$/;
const AUTHOR = /^(?:minisign|signify):[A-Za-z0-9+/]+={0,2}$/;
/** In capitals, as gpg prints them: in small letters it could be a commit. Spaces as gpg sets them. */
const OPENPGP = /^(?:[0-9A-F]{40}|[0-9A-F]{64})$/;

/** `SHA256:…`, forty hex digits in capitals, `nix:NAME:BASE64`, `sigstore:…`, `minisign:…` or `signify:…`. Undefined: it is none of these. */
export function namedKey(text: string): NamedKeys | undefined {
  const plain = text.replace(/(?<=[0-9A-F]) +(?=[0-9A-F])/g, "");
  const isKey = OPENPGP.test(plain) && /[A-F]/.test(plain);
  if (isKey) return { keys: [plain], words: `key ${plain}` };
  return [SSH, NIX, SIGSTORE, AUTHOR].some((form) => form.test(text))
    ? { keys: [text], words: `key ${text}` }
    : undefined;
}

/** All keys of somebody whom the policy names. Undefined: it names nobody so. */
export function namedPrincipal(policy: Policy, text: string): NamedKeys | undefined {
  const principal = policy.principals.get(text as PrincipalName);
  if (!principal) return undefined;
  const keys = fingerprintsOf(principal);
  if (keys.length === 0) throw new SubjectError(`${text} has no key`, "there is nothing to distrust");
  return { keys, words: `${text}, ${keys.length === 1 ? "one key" : `${keys.length} keys`}` };
}

/** Whether the policy lists a key of this name: a slip would distrust nobody. */
export function isListed(policy: Policy, key: string): boolean {
  return [...policy.principals.values()].some((principal) =>
    fingerprintsOf(principal).some((one) => one === key || one.startsWith(`${key} as `)),
  );
}
