/** What is asked for of a source: a path has one reading, or none. */
import { sourceTarget } from "@firstmile/local/gate/http/sourceresponder";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const REV = "0123456789abcdef0123456789abcdef01234567";

describe("is a path of a source", () => {
  test.each([
    [`/source/nixpkgs/${REV}.tar.gz`, "nixpkgs", REV],
    [`/source/a.b_c-d/${REV}${"0".repeat(24)}.tar.gz`, "a.b_c-d", `${REV}${"0".repeat(24)}`],
    ["/source/nixpkgs/channel.tar.gz", "nixpkgs", "channel"],
    [`/source/nixpkgs/${REV}.tar.gz?rev=x&narHash=y`, "nixpkgs", REV],
  ])("%s", (path, name, which) => {
    expect(sourceTarget(path)).toEqual({ name, which });
  });
});

describe("is none", () => {
  test.each([
    `/source/lib/${REV.slice(1)}.tar.gz`,
    `/source/lib/${REV}0.tar.gz`,
    `/source/lib/${REV.toUpperCase()}.tar.gz`,
    "/source/lib/HEAD.tar.gz",
    "/source/lib/channel.tar.gz/",
    "/source/lib/channel.tar",
    "/source/lib/channel.tar.gz.tar.gz",
    "/source//channel.tar.gz",
    "/source/channel.tar.gz",
    "/source/../lib/channel.tar.gz",
    "/source/lib/../lib/channel.tar.gz",
    "/source/..%2flib/channel.tar.gz",
    "/source/%6cib/channel.tar.gz",
    "/source/lib%2fchannel.tar.gz",
    "/source/.lib/channel.tar.gz",
    "/source/Lib/channel.tar.gz",
    "/source/lib/channel.tar.gz#x",
    "/source/lib\\channel.tar.gz",
    "/source/lib/channel.tar.gz\n",
    `/source/${"a".repeat(65)}/channel.tar.gz`,
    "//source/lib/channel.tar.gz",
    "http://127.0.0.1/source/lib/channel.tar.gz",
  ])("%j", (path) => {
    expect(sourceTarget(path)).toBeUndefined();
  });

  test("whatever else there is: what is one is written in one way", () => {
    const part = fc.constantFrom(
      "/",
      "source",
      "lib",
      "channel",
      ".tar.gz",
      "..",
      "%2e",
      REV,
      "?",
      "a",
      "\\",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const path = `/source/${parts.join("")}`;
        const target = sourceTarget(path);
        if (target) expect(path.split("?")[0]).toBe(`/source/${target.name}/${target.which}.tar.gz`);
      }),
      { numRuns: 2000 },
    );
  });
});
