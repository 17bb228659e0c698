/** Releases of hello, the packages that fetch them, and who hands them on. */
import { createHash } from "node:crypto";
import { sriHash } from "@firstmile/formats/nix/hash";
import type { HandoffStatement } from "@firstmile/formats/statement/handoff";
import { Author } from "@firstmile/testing/release-author";

export const author = new Author("0102030405060708");
export const sourceOf = (version: string) => Buffer.from(`the source of hello ${version}\n`);

export function packageOf(version: string, more = ""): string {
  const digest = createHash("sha256").update(sourceOf(version)).digest();
  return `{ fetchurl }: rec {
  version = "${version}";
  src = fetchurl {
    url = "mirror://gnu/hello/hello-\${version}.tar.gz";
    hash = "${sriHash({ algorithm: "sha256", digest })}";
  };${more}
}
`;
}

export function handoff(version: string, by = author): HandoffStatement {
  const source = sourceOf(version);
  const name = `hello-${version}.tar.gz`;
  const sha256 = createHash("sha256").update(source).digest("hex");
  const file = { name, sha256, sha512: undefined, blake2b512: undefined };
  const signature = { kind: "minisign" as const, bytes: by.minisig(source, name, { legacy: true }) };
  return {
    kind: "handoff",
    output: { kind: "file", sha256, sha512: undefined },
    urls: [`mirror://gnu/hello/${name}`],
    release: { kind: "file", file, becomes: "file", signed: { kind: "file" }, signature },
  };
}

export const UPSTREAM = `[principal.hello]
keys = ["${author.listed("minisign")}"]
[[upstream]]
urls = ["mirror://gnu/hello/**"]
author = "hello"
handoff = "packager"
`;
