/** Which commit of which repository a locked tarball stands for. */
import { lockedCommit, sourceForInput } from "@firstmile/local/admission/input-source";
import type { Policy } from "@firstmile/trust/policy/policy";
import { describe, expect, test } from "vitest";

const REV = "0123456789abcdef0123456789abcdef01234567";
const OTHER = "1".repeat(40);
const GATE = "http://127.0.0.1:17339/source/nixpkgs";
const FORGE = "https://github.com/NixOS/nixpkgs";
const tarball = (url: string, more: { rev?: string } = {}) => ({ type: "tarball", url, fields: {}, ...more });

describe("names a commit", () => {
  test.each([
    [`${GATE}/${REV}.tar.gz`, {}, GATE],
    [`${GATE}/${REV}.tar.gz`, { rev: REV }, GATE],
    [`${GATE}/${REV}.tar.gz?rev=${REV}&revCount=3&narHash=x&lastModified=1`, { rev: REV }, GATE],
    [`${FORGE}/archive/${REV}.tar.gz`, {}, FORGE],
  ])("%s %j", (url, more, repository) => {
    expect(lockedCommit(tarball(url, more))).toEqual({ repository, rev: REV });
  });
});

describe("names none", () => {
  test.each([
    ["a channel", `${GATE}/channel.tar.gz`, {}],
    ["two revisions", `${GATE}/${REV}.tar.gz`, { rev: OTHER }],
    ["two revisions in the address", `${GATE}/${REV}.tar.gz?rev=${OTHER}`, {}],
    ["a directory", `${GATE}/${REV}.tar.gz?dir=x`, {}],
    ["a password", `http://a:b@127.0.0.1/source/nixpkgs/${REV}.tar.gz`, {}],
    ["a path that climbs", `http://127.0.0.1/x/../source/nixpkgs/${REV}.tar.gz`, {}],
    ["an escaped path", `http://127.0.0.1/source/%6eixpkgs/${REV}.tar.gz`, {}],
    ["white space, of which Nix would make two", `http://127.0.0.1\n/source/nixpkgs/${REV}.tar.gz`, {}],
    ["a file", `file:///source/nixpkgs/${REV}.tar.gz`, {}],
    ["a branch", `${FORGE}/archive/master.tar.gz`, { rev: REV }],
  ])("%s", (_, url, more) => {
    expect(lockedCommit(tarball(url, more))).toBeUndefined();
  });
});

test("only on the loopback is it a gate's, and only of a source that there is", () => {
  const source = { name: "nixpkgs", urls: [FORGE] };
  const policy = { sources: new Map([["nixpkgs", source]]) } as unknown as Policy;
  const of = (url: string) => sourceForInput(policy, tarball(`${url}/${REV}.tar.gz`));
  expect(of(GATE)).toBe(source);
  expect(of("http://127.0.0.1/source/nixpkgs")).toBe(source);
  expect(of(`${FORGE}/archive`)).toBe(source);
  for (const host of ["gate.example.org", "127.0.0.1.example.org", "10.0.0.1", "localhost", "[::1]"])
    expect(of(`http://${host}/source/nixpkgs`)).toBeUndefined();
  expect(of("https://127.0.0.1/source/nixpkgs")).toBeUndefined();
  expect(of("http://127.0.0.1/source/other")).toBeUndefined();
});
