/**
 * Certificates by which people may come to be certified, and whose keyring they are in. Against: a repository that
 * lists such a certificate beside a key of its own. Whoever is certified is the principal who lists the certificate;
 * so that other key would fill a role of this policy, or of another import, that nobody gave it.
 */
import type { Key, Policy } from "../policy/policy.ts";
import { identities } from "../policy/principals.ts";
import { upstreamGroups } from "../policy/upstream.ts";
import { reachOf } from "./reach.ts";

interface Entry {
  /** The import whose keyring it is, or "" for this policy itself. */
  readonly of: string;
  readonly listed: string;
}

export class Keyrings {
  readonly #entries = new Map<string, Entry[]>();

  hear(of: string, policy: Policy): void {
    const rules = [...policy.sources.values()].flatMap((source) => source.rules);
    const groups = rules.flatMap(({ write, review }) => (review ? [write, review.by] : [write]));
    groups.push(...upstreamGroups(policy.upstreams));
    for (const certificate of reachOf([...policy.roles.values(), ...groups], policy.roles).certificates) {
      const ids = identities({ kind: "openpgp", file: "", certificate, life: [] });
      for (const id of ids)
        this.#entries.set(id, [...(this.#entries.get(id) ?? []), { of, listed: ids[0]! }]);
    }
  }

  /** Whether the keys go beyond the one certificate that a keyring of another repository holds. */
  widened(of: string, keys: readonly Key[]): boolean {
    const all = keys.flatMap(identities);
    const entries = all.flatMap((id) => this.#entries.get(id) ?? []).filter((entry) => entry.of !== of);
    const others = (listed: string) => keys.some((key) => identities(key)[0] !== listed);
    return entries.some(({ listed }) => others(listed));
  }
}
