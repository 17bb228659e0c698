/**
 * Says of each way round the gate whether it is closed on a machine, from facts alone. What cannot be read is
 * `unknown`, never closed. The order is that of the table of settings, then the machine's.
 */
import type { GateEndpoint } from "./endpoint.ts";
import { examineMachine } from "./examine-machine.ts";
import { examinePlace } from "./examine-place.ts";
import type { Configuration, Facts, Finding } from "./facts.ts";
import { FEATURES, sortedFeatures } from "./features.ts";
import { renderLine } from "./lines.ts";
import { reasonFor, SETTINGS, type Setting, words } from "./settings.ts";

export function examine(facts: Facts): Finding[] {
  return [
    ...SETTINGS.flatMap((setting) => examineSetting(setting, facts)),
    ...facts.configurations.flatMap(examineWithoutLine),
    ...examinePlace(facts),
    ...examineMachine(facts),
  ];
}

/** What nobody's configuration can close. */
export const LIMITS: readonly string[] = [
  "A user can build into a store of their own (--store ~/x), where no hook of this machine is asked.",
  "A user can run any script or program that they wrote or fetched themselves, and nix-shell runs shellHook.",
  "Root, and on a machine without a daemon whoever owns the store, can change all of this.",
];

function examineSetting(setting: Setting, { configurations, gate }: Facts): Finding[] {
  const { feature } = setting;
  const { endpoint } = gate;
  const why = reasonFor(setting, endpoint);
  const deciding = configurations.filter((configuration) => decides(configuration, setting));
  if (feature !== undefined && !deciding.some((configuration) => hasFeature(configuration, feature)))
    return [{ setting: setting.name, state: "closed", found: `(${feature} are off)`, why }];
  const holders = deciding.filter(({ values }) => values.has(setting.name));
  // A setting that this Nix does not know is no way round it; one of the oldest that is not there is a misreading.
  if (holders.length === 0) return setting.since === undefined ? [unread(setting)] : [];
  if (setting.needsGate && endpoint === undefined) {
    const found = holders[0]!.values.get(setting.name)!;
    return [{ setting: setting.name, state: "open", found, why: `${why}; the gate has not started` }];
  }
  const wanted = setting.value(endpoint ?? NO_GATE);
  const wrong = holders.filter(({ values }) => !closes(setting, values.get(setting.name)!, wanted));
  if (wrong.length === 0) {
    const found = holders[0]!.values.get(setting.name) || "(empty)";
    return [{ setting: setting.name, state: "closed", found, why }];
  }
  const line = renderLine({ name: setting.name, value: wanted });
  return [...groupedByValue(wrong, setting.name)].map(([value, from]) => ({
    setting: setting.name,
    state: "open",
    found: `${value || "(empty)"}${holders.length > 1 ? ` in ${from.join(" and ")}` : ""}`,
    why,
    line,
  }));
}

/** Values of a setting, each with where it was found. */
function groupedByValue(configurations: readonly Configuration[], name: string): Map<string, string[]> {
  const places = new Map<string, string[]>();
  for (const { from, values } of configurations) {
    const value = values.get(name) ?? "";
    places.set(value, [...(places.get(value) ?? []), from]);
  }
  return places;
}

/** For settings that do not read it. */
const NO_GATE: GateEndpoint = { hookPath: "", url: "", publicKey: "", trust: "place" };

function closes(setting: Setting, found: string, wanted: string): boolean {
  return found === wanted || (setting.accepts?.(found, wanted) ?? false);
}

function hasFeature({ values }: Configuration, feature: string): boolean {
  return words(values.get("experimental-features") ?? "").includes(feature);
}

function decides(configuration: Configuration, setting: Setting): boolean {
  return configuration.of === "both" || configuration.of === "builder" || setting.decides === "caller";
}

function unread({ name, why }: Setting): Finding {
  return { setting: name, state: "unknown", found: "not among the settings that Nix printed", why };
}

/** Settings that have no one right value, and so no line of `nix-conf`: what they hold beyond the harmless. */
function examineWithoutLine(configuration: Configuration): Finding[] {
  // A caller whom the daemon does not trust chooses the store alone.
  if (configuration.of === "caller") return [store(configuration)];
  return [sandboxPaths, features, buildHook, store].map((examined) => examined(configuration));
}

function sandboxPaths({ from, values }: Configuration): Finding {
  const found = words(values.get("sandbox-paths") ?? "");
  const harmless = found.filter((path) => /^\/bin\/sh(?:[=?]|$)/.test(path));
  return judged("sandbox-paths", found, harmless, from, {
    why: "builds see these files of the machine, which no rule vouches for",
  });
}

function features({ from, values }: Configuration): Finding {
  const setting = "experimental-features";
  const found = words(values.get(setting) ?? "");
  const { opening, unknown, harmless } = sortedFeatures(found);
  const why = opening.map((name) => `${name}: ${FEATURES.get(name)!.why}`).join("; ");
  if (opening.length > 0 || unknown.length === 0)
    return judged(setting, found, [...harmless, ...unknown], from, {
      why: why || "none of them lets anything in",
    });
  return {
    setting,
    state: "unknown",
    found: `${unknown.join(" ")} in ${from}`,
    why: "these features were not looked at",
    line: renderLine({ name: setting, value: harmless.join(" ") }),
  };
}

/**
 * Not a line of nix.conf, since one would override NIX_REMOTE, and root would go round the daemon. A store elsewhere
 * has no hook: Nix hands it /nix/store/….drv, which is not there.
 */
function store({ from, values }: Configuration): Finding {
  const found = values.get("store") ?? "";
  const why = "in another store this machine's hook is not asked, or cannot read what it is asked";
  if (["", "auto", "daemon", "local"].includes(found))
    return { setting: "store", state: "closed", found: found || "(empty)", why };
  const line = "remove store from nix.conf, unset NIX_REMOTE";
  return { setting: "store", state: "open", found: `${found} in ${from}`, why, line };
}

/** Empty would close it too, but 2.8 cannot build then. */
function buildHook({ from, values }: Configuration): Finding {
  const found = values.get("build-hook") ?? "";
  const own = found === "" || /^\S*\/build-remote$|^(?:\S*\/)?nix __build-remote$/.test(found);
  const why = "this program may take any build away from Nix, and from the hook";
  if (own) return { setting: "build-hook", state: "closed", found: found || "(empty)", why };
  return {
    setting: "build-hook",
    state: "open",
    found: `${found} in ${from}`,
    why,
    line: "remove build-hook from nix.conf",
  };
}

function judged(
  setting: string,
  found: readonly string[],
  kept: readonly string[],
  from: string,
  { why }: { why: string },
): Finding {
  if (found.length === kept.length)
    return { setting, state: "closed", found: found.join(" ") || "(empty)", why };
  const beyond = found.filter((word) => !kept.includes(word)).join(" ");
  const line = renderLine({ name: setting, value: kept.join(" ") });
  return { setting, state: "open", found: `${beyond} in ${from}`, why, line };
}
