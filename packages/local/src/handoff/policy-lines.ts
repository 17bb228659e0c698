/** What a policy lacks for an author, as lines to add to it, and as a patch that `git apply` takes. */
import { tomlKey } from "@firstmile/trust/policy/toml-key";
import type { KeyFile } from "./key-file.ts";

export interface NewAuthor {
  readonly keys: KeyFile;
  /** URLs that the author releases at: those of what was checked. */
  readonly urls: readonly string[];
  /** Where the signature was found, for the template. */
  readonly signature: { readonly url: string; readonly source: string };
  /** The role that vouches for authors. */
  readonly handoff: string;
}

export function policyLines({ keys, urls, signature, handoff }: NewAuthor): string[] {
  const template = signatureTemplate(signature.url, signature.source);
  const globs = folders(urls);
  const listed = globs.length > 0 ? globs : ["https://example.org/**"];
  return [
    `[principal.${tomlKey(keys.name)}]`,
    `keys = [${JSON.stringify(keys.listed)}]`,
    "",
    "[[upstream]]",
    ...(globs.length > 0 ? [] : ["# where it is released"]),
    `urls = [${listed.map((url) => JSON.stringify(url)).join(", ")}]`,
    `author = ${JSON.stringify(keys.name)}`,
    ...(template === undefined ? [] : [`signature = ${JSON.stringify(template)}`]),
    `handoff = ${JSON.stringify(handoff)}`,
  ];
}

/** `{url}.sig` where the signature lies beside the source; else the place with the source's name taken out of it. */
export function signatureTemplate(url: string, source: string): string | undefined {
  if (url.startsWith(source)) return `{url}${url.slice(source.length)}`;
  const name = source.split("/").at(-1)!;
  if (url.includes(name)) return url.replaceAll(name, "{name}");
  // Over the decompressed file, or over a list: without a name to fill in, only this one release is meant.
  return undefined;
}

/** Everything beside these files. */
function folders(urls: readonly string[]): string[] {
  const globs = urls.map((url) => url.split(/[?#]/, 1)[0]!.replace(/\/[^/]*$/, "/**"));
  return [...new Set(globs)].filter((glob) => /^[a-z][a-z0-9+.-]*:\/\/[^/]+\/./.test(glob));
}

/** A patch that appends lines to `firstmile.toml`, and adds the key file where there is one. */
export function policyPatch(policyText: string, added: NewAuthor): string {
  const before = policyText.split("\n");
  if (before.at(-1) === "") before.pop();
  const lines = ["", ...policyLines(added)];
  const context = before.slice(-3);
  const start = before.length - context.length + 1;
  const hunk = [
    `@@ -${start},${context.length} +${start},${context.length + lines.length} @@`,
    ...context.map((line) => ` ${line}`),
    ...lines.map((line) => `+${line}`),
  ];
  const head = [
    "diff --git a/firstmile.toml b/firstmile.toml",
    "--- a/firstmile.toml",
    "+++ b/firstmile.toml",
  ];
  return `${[...head, ...hunk, ...keyPatch(added.keys)].join("\n")}\n`;
}

/** A binary certificate is no text for a patch: it is copied. */
function keyPatch({ listed, content }: KeyFile): string[] {
  if (!content?.every((byte) => byte === 0x0a || (byte >= 0x20 && byte < 0x7f))) return [];
  const lines = content.toString().replace(/\n$/, "").split("\n");
  return [
    `diff --git a/${listed} b/${listed}`,
    "new file mode 100644",
    "--- /dev/null",
    `+++ b/${listed}`,
    `@@ -0,0 +1,${lines.length} @@`,
    ...lines.map((line) => `+${line}`),
  ];
}
