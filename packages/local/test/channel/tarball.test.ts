/** Sources' trees as tarballs that flakes are locked to, from the gate to stock Nix and back into an admission. */
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import type { WorldRepository } from "../../../../testing/src/world.ts";
import { channelOf, signedBy } from "../../../../testing/src/world-statements.ts";

const LIB = {
  "flake.nix": "{ outputs = { self }: { hello = import ./hello.nix; other = import ./other.nix; }; }",
  "hello.nix": derivationText("hello", "read line < $src; echo $line > $out", "src = ./hello.txt;"),
  "hello.txt": "hello\n",
  "other.nix": derivationText("other", "echo other > $out"),
};
const HELLO = ["flake.nix", "hello.nix", "hello.txt"];

const flakeOn = (url: string) => `{
  inputs.lib.url = "${url}";
  outputs = { self, lib }: {
    packages.x86_64-linux.hello = lib.hello;
    packages.x86_64-linux.other = lib.other;
  };
}`;

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

describe.each(VERSIONS)("a lockable tarball, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("of the gate", () => {
    let world: GateWorld;
    let lib: WorldRepository;
    let published: CommitId;
    let onCommit: Locked;
    beforeAll(async () => {
      const conf = { "experimental-features": "nix-command flakes" };
      world = await GateWorld.make({
        version,
        conf,
        files: { README: "" },
        policy: { roles: { reader: ["alice"], curator: ["bob"] } },
      });
      lib = await world.people.repository("lib");
      const introduction = await lib.commit({ files: { README: "lib\n" } });
      published = await lib.commit({ files: LIB });
      await world.changeRules({
        sources: {
          pkgs: { introduction: world.source.tip(), url: `file://${world.source.dir}` },
          lib: {
            introduction,
            authenticate: "slice",
            url: `file://${lib.dir}`,
            rules: [{ paths: ["**"], review: "reader" }],
            more: 'channel = "curator"',
          },
        },
      });
      await world.startGate();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    const url = (path: string) => `${world.endpoint.url}/source/${path}`;
    const publishes = async (commit: CommitId, paths: readonly string[] = HELLO) =>
      world.carry(await signedBy(await channelOf(lib, commit, "lib", paths), [world.bob]));

    /** The path as it stands, without what a URL would make of it. */
    function get(path: string, method = "GET", headers: Record<string, string> = {}): Promise<Got> {
      const { port } = new URL(world.endpoint.url);
      return new Promise((resolve, reject) => {
        const asking = request(
          { host: "127.0.0.1", port, path, method, headers, agent: false },
          (response) => {
            const chunks: Buffer[] = [];
            response.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject);
            response.on("end", () =>
              resolve({
                status: response.statusCode!,
                headers: response.headers,
                body: Buffer.concat(chunks),
              }),
            );
          },
        );
        asking.on("error", reject).end();
      });
    }

    const reason = ({ headers }: Got) => headers["x-firstmile-reason"];

    /** What the user's own Nix locks that input to. */
    async function locks(input: string): Promise<Locked> {
      await world.commit({ "flake.nix": flakeOn(input), "flake.lock": "" });
      await world.run("rm", ["flake.lock"]);
      const ended = await world.run("nix", ["flake", "lock"]);
      if (ended.code !== 0) throw new Error(ended.stderr);
      const text = readFileSync(join(world.checkout, "flake.lock"), "utf8");
      await world.run("git", ["reset", "-q", "--hard"]);
      return { lock: JSON.parse(text), locked: JSON.parse(text).nodes.lib.locked };
    }

    /** The lock as it is, or with other words, committed and asked to be admitted. */
    async function admits({ lock, locked }: Locked, other: Record<string, unknown> = {}, attr = "hello") {
      const nodes = {
        ...lock.nodes,
        lib: { ...(lock.nodes.lib as object), locked: { ...locked, ...other } },
      };
      await world.commit({ "flake.lock": JSON.stringify({ ...lock, nodes }) });
      return world.firstmile("admit", `.#${attr}`);
    }

    test("nothing is handed out before somebody published it", async () => {
      for (const which of [published, "channel"]) {
        const got = await get(`/source/lib/${which}.tar.gz`);
        expect([got.status, reason(got)]).toEqual([404, expect.stringMatching(/^not-published: /)]);
      }
    });

    test("what was published is, with all that a lock names of it", async () => {
      await publishes(published);
      for (const which of [published, "channel"]) {
        const { status, headers, body } = await get(`/source/lib/${which}.tar.gz`);
        expect(status).toBe(200);
        expect(body.subarray(0, 2)).toEqual(Buffer.of(0x1f, 0x8b));
        const [, link] = /^<(.*)>; rel="immutable"$/.exec(headers.link as string)!;
        expect(link).toContain(`${url(`lib/${published}.tar.gz`)}?rev=${published}&revCount=2&lastModified=`);
        expect(new URL(link!).searchParams.get("narHash")).toMatch(/^sha256-/);
        const again = await get(`/source/lib/${which}.tar.gz`, "GET", {
          "if-none-match": headers.etag as string,
        });
        expect([again.status, again.body.length, again.headers.link]).toEqual([304, 0, headers.link]);
        const head = await get(`/source/lib/${which}.tar.gz`, "HEAD");
        expect([head.status, head.body.length, head.headers.link]).toEqual([200, 0, headers.link]);
      }
      expect((await get(`/source/lib/${published}.tar.gz`, "POST")).status).toBe(405);
    });

    test("a page whose name leads to this machine is not answered", async () => {
      const { port } = new URL(world.endpoint.url);
      for (const host of ["example.org", `example.org:${port}`, `localhost:${port}`, "127.0.0.1"]) {
        const got = await get(`/source/lib/${published}.tar.gz`, "GET", { host });
        expect([got.status, reason(got)]).toEqual([404, expect.stringContaining("own address alone")]);
      }
    });

    test("a flake is locked to a commit, admitted and built; of other attributes nothing is", async () => {
      const lock = await locks(url(`lib/${published}.tar.gz`));
      onCommit = lock;
      expect(lock.locked.url).toBe(url(`lib/${published}.tar.gz`));
      const ended = await admits(lock);
      expect(ended.stdout).toContain(`input lib is the tree of commit ${published}`);
      expect(ended.stdout).toContain("3 files published by bob");
      expect(ended.code).toBe(0);
      expect((await world.run("nix", ["build", ".#hello", "--no-link"])).code).toBe(0);
      const other = await admits(lock, {}, "other");
      expect(other.stdout).toContain("other.nix: role reader has not read it");
      expect(other.code).toBe(1);
    });

    test.each<[string, (path: string) => Record<string, unknown>, string]>([
      [
        "another host that calls itself the gate",
        (path) => ({ url: `http://gate.example.org/source/${path}` }),
        "unknown-source",
      ],
      [
        "a host that begins as this one does",
        (path) => ({ url: `http://127.0.0.1.example.org/source/${path}` }),
        "unknown-source",
      ],
      [
        "a source that there is not",
        (path) => ({ url: `http://127.0.0.1/source/x/${path.slice(4)}` }),
        "unknown-source",
      ],
      ["a revision that is not the address's", () => ({ rev: "1".repeat(40) }), "names no one commit"],
      [
        "a revision behind the address that is another",
        (path) => ({ url: `http://127.0.0.1/source/${path}?rev=${"1".repeat(40)}` }),
        "names no one commit",
      ],
      [
        "a directory of the archive",
        (path) => ({ url: `http://127.0.0.1/source/${path}?dir=x` }),
        "names no one commit",
      ],
      ["another tree", () => ({ narHash: `sha256-${"A".repeat(43)}=` }), "tree-differs"],
      ["another count", () => ({ revCount: 3 }), "lock-differs"],
    ])("a lock on %s is denied", async (_, other, code) => {
      const ended = await admits(onCommit, other(`lib/${published}.tar.gz`));
      // On one line: where it breaks depends on how many digits the port has.
      expect(ended.stdout.replace(/\s+[│├└─ ]*/g, " ")).toContain(code);
      expect(ended.code).toBe(1);
    });

    test("another gate's port is as good: the tree is held against the commit", async () => {
      const other = { url: `http://127.0.0.1:1/source/lib/${published}.tar.gz` };
      expect((await admits(onCommit, other)).code).toBe(0);
    });

    test("a flake on the channel is locked to the commit that it leads to, where Nix locks that", async () => {
      const lock = await locks(url("lib/channel.tar.gz"));
      const ended = await admits(lock);
      if (version === "sid") {
        expect(lock.locked).toMatchObject({
          url: url(`lib/${published}.tar.gz`),
          rev: published,
          revCount: 2,
        });
        expect(ended.code).toBe(0);
        expect((await world.run("nix", ["build", ".#hello", "--no-link"])).code).toBe(0);
      } else {
        expect(lock.locked).toMatchObject({ url: url("lib/channel.tar.gz") });
        expect(ended.stdout).toContain("names no one commit");
        expect(ended.stdout).toContain("…/COMMIT.tar.gz");
        expect(ended.code).toBe(1);
      }
    });

    test("what is no path of a source is told as that", async () => {
      for (const path of [`/source/lib/${"a".repeat(39)}.tar.gz`, "/source/lib/../lib/channel.tar.gz"]) {
        const got = await get(path);
        expect([got.status, reason(got)]).toEqual([404, expect.stringMatching(/^unknown-source: no path/)]);
      }
    });

    test("a commit that is not there, one of nobody's source, and one that nobody published", async () => {
      const none = await get(`/source/lib/${"a".repeat(40)}.tar.gz`);
      expect([none.status, reason(none)]).toEqual([
        404,
        expect.stringContaining("none of its URLs has this commit"),
      ]);
      expect(reason(await get("/source/other/channel.tar.gz"))).toContain("no source other");
      const first = (await lib.git("rev-list", "--max-parents=0", "main")) as CommitId;
      expect(reason(await get(`/source/lib/${first}.tar.gz`))).toContain("has published nothing");
    });

    test("of a source that is judged by its commits, an authentic one", async () => {
      const good = world.source.tip();
      expect((await get(`/source/pkgs/${good}.tar.gz`)).status).toBe(200);
      expect(reason(await get("/source/pkgs/channel.tar.gz"))).toContain("follows no channel");
      const evil = await world.source.commit({ files: { evil: "x\n" }, branch: "evil", parents: [good] });
      const got = await get(`/source/pkgs/${evil}.tar.gz`);
      expect([got.status, reason(got)]).toEqual([404, expect.stringMatching(/^unsigned: /)]);
    });

    test("the channel goes on with what is published, whatever the commits' clocks say", async () => {
      const old = (object: Buffer) =>
        Buffer.from(object.toString("latin1").replace(/^(committer .*>) \d+/m, "$1 1000000000"), "latin1");
      const next = await lib.commit({ files: { "hello.txt": "hullo\n" }, tamper: old });
      const channel = async () => (await get("/source/lib/channel.tar.gz", "HEAD")).headers.etag;
      expect(await channel()).toBe(`"${published}"`);
      await publishes(next);
      expect(await channel()).toBe(`"${next}"`);
      await world.carry(
        await signedBy({ ...(await channelOf(lib, next, "lib", HELLO)), contents: "0".repeat(64) }, [
          world.bob,
        ]),
      );
      expect(await channel()).toBe(`"${next}"`);
      expect((await admits(await locks(url(`lib/${next}.tar.gz`)))).code).toBe(0);
    });
  });
});

interface Locked {
  readonly lock: { readonly nodes: Readonly<Record<string, unknown>> };
  readonly locked: Readonly<Record<string, unknown>>;
}
