/** Where the owners of an import may send a machine: to the Internet, and no further than the import itself is reached. */
import { within } from "@firstmile/local/trust-repository/foreign-urls";
import { describe, expect, test } from "vitest";

const OWN = ["https://git.example.org/acme.git", "ssh://git@git.example.org/acme.git"];

describe("an import names", () => {
  test.each([
    ["a public host", "https://mirror.example.net/acme.git"],
    ["the host of its own URL, in its scheme", "ssh://git@git.example.org/evidence.git"],
    ["the same with a path of its own", "https://git.example.org/evidence"],
  ])("%s: asked", (_, url) => {
    expect(within([url], OWN)).toEqual([url]);
  });

  test.each([
    ["a service of the cloud's own network", "http://169.254.169.254/latest/meta-data"],
    ["an address", "https://10.0.0.1/acme.git"],
    ["an address of IPv6", "https://[::1]/acme.git"],
    ["this machine", "https://localhost/acme.git"],
    ["a name of a private network", "https://git.internal/acme.git"],
    ["a host without a domain", "https://intranet/acme.git"],
    ["another host by ssh, with this user's keys", "ssh://git@other.example.org/acme.git"],
    ["its own host by another scheme", "git://git.example.org/acme.git"],
    ["its own host at another port", "https://localhost:8443/acme.git"],
    ["files of this machine", "file:///root/private.git"],
    ["what is not a URL", "git.example.org:acme"],
  ])("%s: not asked", (_, url) => {
    expect(within([url], OWN)).toEqual([]);
  });

  test("files, where it is reached by files: asked", () => {
    expect(within(["file:///srv/evidence.git"], ["file:///srv/acme.git"])).toEqual([
      "file:///srv/evidence.git",
    ]);
  });
});
