/** Where sources and caches are. A URL decides nothing: it says where to ask, and which source an input belongs to. */

export const GIT_SCHEMES: readonly string[] = ["https:", "ssh:", "git:", "http:", "file:"];
export const CACHE_SCHEMES: readonly string[] = ["https:", "http:", "file:"];

/** A sentence that says why the policy may not hold this URL; undefined where it may. */
export function urlProblem(text: string, schemes: readonly string[]): string | undefined {
  if (text.length > 2048) return "it has over 2048 characters";
  // The URL parser drops or rewrites these, so that a reader would see another address than the one in use.
  if (!/^[!-~]+$/.test(text) || /[\\<>"^`{|}]/.test(text)) return "it has characters that a URL does not";
  const url = URL.parse(text);
  if (!url || !/^[a-z]+:\/\//.test(text)) return "it is no URL";
  if (!schemes.includes(url.protocol)) return `${url.protocol} is not supported`;
  if (url.password !== "") return "it holds a password, which everybody with the repository could read";
  if (url.search !== "" || url.hash !== "" || /[?#]/.test(text)) return "it has a query or fragment";
  if (url.protocol !== "file:" && url.hostname === "") return "it names no host";
  return undefined;
}

/** Equal for two spellings of one repository: `.git` or a slash at the end, letter case of scheme and host. */
export function sameRepository(text: string): string {
  const href = URL.parse(text)?.href ?? text;
  return href.replace(/\/+$/, "").replace(/\.git$/, "");
}
