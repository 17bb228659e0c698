/**
 * Which experimental features of Nix let something in that the gate is not asked about, or cannot judge. All features
 * of 2.8 and 2.34 are here; one that is not here is `unknown`, never harmless.
 */

interface Feature {
  /** Whether the feature opens a way round the gate, or past the rules. */
  readonly opens: boolean;
  readonly why: string;
}

const open = (why: string): Feature => ({ opens: true, why });
const harmless = (why: string): Feature => ({ opens: false, why });

export const FEATURES: ReadonlyMap<string, Feature> = new Map([
  [
    "ca-derivations",
    open("any user of the daemon registers outputs of content-addressed derivations, unsigned"),
  ],
  ["configurable-impure-env", open("impure-env hands builders variables that no derivation has")],
  ["daemon-trust-override", open("the daemon can be started so that it trusts every user")],
  [
    "dynamic-derivations",
    open("builders write derivations, which was not tried; their outputs are those of ca-derivations"),
  ],
  ["external-builders", open("a program builds instead of Nix, without sandbox and hook")],
  ["impure-derivations", open("builders fetch from the network, and no hash says what")],
  ["auto-allocate-uids", harmless("chooses the users of builds")],
  ["blake3-hashes", harmless("another hash of contents")],
  ["cgroups", harmless("puts builds into control groups")],
  ["fetch-closure", harmless("takes paths by content, or with a trusted signature")],
  ["fetch-tree", harmless("a function of expressions; evaluations are sealed")],
  ["flakes", harmless("their settings have lines of their own")],
  ["git-hashing", harmless("another hash of contents")],
  ["local-overlay-store", harmless("only for a store that is named, and `store` is looked at")],
  ["mounted-ssh-store", harmless("only for a store that is named, and `store` is looked at")],
  ["nix-command", harmless("commands of the new command line")],
  ["no-url-literals", harmless("refuses expressions")],
  ["parse-toml-timestamps", harmless("a function of expressions")],
  ["pipe-operators", harmless("syntax of expressions")],
  ["read-only-local-store", harmless("only for a store that is named, and `store` is looked at")],
  ["recursive-nix", harmless("the hook is asked for what a build builds, and refuses it")],
  ["verified-fetches", harmless("refuses what it cannot verify")],
]);

/** Splits features into those that open a way, those that nothing is known of, and the rest. */
export function sortedFeatures(names: readonly string[]) {
  return {
    opening: names.filter((name) => FEATURES.get(name)?.opens === true),
    unknown: names.filter((name) => !FEATURES.has(name)),
    harmless: names.filter((name) => FEATURES.get(name)?.opens === false),
  };
}
