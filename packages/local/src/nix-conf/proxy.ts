/**
 * Whether a process would send a request for http://127.0.0.1 to a proxy, by its environment, as libcurl reads it
 * (CURLOPT_PROXY(3), CURLOPT_NOPROXY(3)). Nix has no setting of its own for that. What the proxy answers would be
 * believed in place of the gate.
 *
 * Stricter than libcurl: of the exceptions only those count that every version understands in the same way.
 */

/** `HTTP_PROXY` is not among them: libcurl leaves it out, since web servers set it from requests. */
const PROXIES = ["http_proxy", "all_proxy", "ALL_PROXY"] as const;

/** The variable that names a proxy for the gate's address, or undefined. */
export function proxyForLoopback(env: ReadonlyMap<string, string>): string | undefined {
  const proxy = PROXIES.find((name) => (env.get(name) ?? "") !== "");
  if (proxy === undefined || exceptsLoopback(env)) return undefined;
  return proxy;
}

/** The lower-case variable wins where both are set, an empty one too. */
function exceptsLoopback(env: ReadonlyMap<string, string>): boolean {
  const text = env.get("no_proxy") ?? env.get("NO_PROXY") ?? "";
  return text === "*" || text.split(",").some((entry) => entry.trim() === "127.0.0.1");
}
