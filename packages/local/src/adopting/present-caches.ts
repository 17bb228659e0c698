/** Which binary caches and builders' keys the machine's Nix trusts today. */
import { parseNixPublicKey } from "@firstmile/formats/nix/key";
import { CACHE_SCHEMES, urlProblem } from "@firstmile/trust/policy/urls";
import { effectiveSettings, nixVersion } from "../nix-conf/gather-nix.ts";
import { run } from "../process/run.ts";
import { freeName, nameFrom } from "./sources.ts";

export interface PresentCaches {
  readonly builders: readonly { readonly name: string; readonly key: string }[];
  readonly caches: readonly string[];
}

/**
 * Undefined where there are none, or where Nix cannot be asked. Those of the gate itself are left out: `own` is its key.
 * `taken`: names that the rules have already.
 */
export async function presentCaches(
  env: NodeJS.ProcessEnv,
  own: string | undefined,
  taken: ReadonlySet<string>,
): Promise<PresentCaches | undefined> {
  const commands = async (command: string, args: readonly string[], more = {}) => {
    const { code, stdout, stderr } = await run(command, args, { env: { ...env, ...more } });
    return { code, stdout: stdout.toString(), stderr };
  };
  const version = await nixVersion(commands);
  if (version === undefined) return undefined;
  const settings = await effectiveSettings(commands, version, {});
  const words = (name: string) => (settings.get(name) ?? "").split(/\s+/).filter(Boolean);
  const keys = words("trusted-public-keys").filter((key) => key !== own && isKey(key));
  const caches = words("substituters").map((url) => url.replace(/\?.*$/, ""));
  const usable = caches.filter((url) => urlProblem(url, CACHE_SCHEMES) === undefined && !isLoopback(url));
  if (keys.length === 0 || usable.length === 0) return undefined;
  const used = new Set(taken);
  const builders = [...new Set(keys)].map((key) => {
    const name = freeName(nameFrom(key.split(":")[0]!), used);
    used.add(name);
    return { name, key };
  });
  return { builders, caches: [...new Set(usable)] };
}

function isKey(text: string): boolean {
  try {
    parseNixPublicKey(text);
    return true;
  } catch {
    return false;
  }
}

/** A gate's own: asking it for what it asks for would lead nowhere. */
function isLoopback(url: string): boolean {
  return /^https?:\/\/(?:127\.|localhost|\[::1\])/.test(url);
}
