/** Outputs: what builders agree on comes from their caches through the gate; anything else is built here. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { hashPartOf, type StorePath } from "@firstmile/formats/nix/store-path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { Builder, type Offer, outputRules } from "../../../../testing/src/gate-world-builders.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";

const NAMES = [
  "xz",
  "zstd",
  "none",
  "apart",
  "one",
  "swapped",
  "lied",
  "killed",
  "large",
  "rules",
  "changed",
  "copied",
  "told",
  "vanished",
  "queried",
  "foreign",
  "gone",
];
const FILES = {
  "default.nix": `rec {
    ${NAMES.map((name) => `${name} = ${derivationText(name, "echo built here > $out")};`).join("\n")}
    all = [ ${NAMES.filter((name) => name !== "foreign").join(" ")} ];
  }`,
};
const THEIRS = "from the builders\n";

describe.each(VERSIONS)("substituter, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("before two of three builders", () => {
    let world: GateWorld;
    let builders: Builder[];
    const paths = new Map<string, StorePath>();
    const path = (name: string) => paths.get(name)!;
    const narinfo = (name: string, method = "GET") =>
      fetch(`${world.endpoint.url}/${hashPartOf(path(name))}.narinfo`, { method });
    const offerAll = (offer: Offer, count = 2) =>
      builders.slice(0, count).map((builder) => builder.offer(offer));
    const roles = (any: number) => ({ builders: { any, of: ["b1", "b2", "b3"] } });

    beforeAll(async () => {
      builders = await Promise.all([
        Builder.start("b1", "one"),
        Builder.start("b2", "two"),
        Builder.start("b3", "three"),
      ]);
      world = await GateWorld.make({
        version,
        files: FILES,
        policy: { roles: roles(2), more: outputRules(builders) },
      });
      await world.startGate();
      for (const name of NAMES) {
        const drv = parseDerivation(readFileSync(await world.instantiate(name)), world.nix.storeDir);
        const output = drv.outputs.get("out")!;
        if ("path" in output) paths.set(name, output.path);
      }
      await world.admit("all");
    });
    afterAll(async () => {
      await world?.[Symbol.asyncDispose]();
      for (const builder of builders ?? []) await builder[Symbol.asyncDispose]();
    });
    beforeEach(() => {
      for (const builder of builders) builder.behaviour = () => false;
    });

    test.each(["xz", "zstd", "none"] as const)(
      "what two agree on is substituted, not built: %s",
      async (compression) => {
        offerAll({ path: path(compression), content: THEIRS, compression });
        const ended = await world.build(compression);
        expect(ended.stderr).toContain(`copying path '${path(compression)}' from '${world.endpoint.url}`);
        expect(ended.stderr).not.toContain("building");
        expect(readFileSync(path(compression), "utf8")).toBe(THEIRS);
        const info = await world.run("nix", ["path-info", "--sigs", path(compression)]);
        expect(info.stdout.match(/\S+-1?\S*:\S+==/g)).toEqual([
          expect.stringContaining(world.endpoint.publicKey.split(":")[0]!),
        ]);
      },
    );

    test("what they disagree on is built here, and the gate says who said what", async () => {
      builders[0]!.offer({ path: path("apart"), content: THEIRS });
      builders[1]!.offer({ path: path("apart"), content: "another\n" });
      const answer = await narinfo("apart");
      expect([answer.status, answer.headers.get("x-firstmile-reason")]).toEqual([
        404,
        expect.stringMatching(/builders-conflict|too-few-builders/),
      ]);
      expect((await world.build("apart")).code).toBe(0);
      expect(readFileSync(path("apart"), "utf8")).toBe("built here\n");
      expect((await world.firstmile("why", path("apart"))).stdout).toContain("disagree");
    });

    test("one builder's word is not enough", async () => {
      builders[0]!.offer({ path: path("one"), content: THEIRS });
      expect((await narinfo("one")).headers.get("x-firstmile-reason")).toContain("too-few-builders");
      await world.build("one");
      expect(readFileSync(path("one"), "utf8")).toBe("built here\n");
    });

    const attacked = (nar: Buffer) =>
      Buffer.from(nar.toString("latin1").replace("builders", "attacker"), "latin1");

    test.each([
      ["swapped", "the file is not the one of its hash, and the gate breaks off"],
      ["lied", "the unsigned hash of the file is that of the other bytes, and Nix finds out"],
    ])("NAR of other bytes than were signed (%s): %s", async (name) => {
      // Of a small file the gate would send nothing at all, and Nix build it.
      const offer: Offer = {
        path: path(name),
        compression: name === "lied" ? "xz" : "none",
        content: name === "lied" ? THEIRS : randomBytes(2 << 20),
      };
      for (const info of offerAll(name === "lied" ? { ...offer, bytes: attacked } : offer))
        if (name === "swapped") for (const { files } of builders) files.get(`/${info.url}`)?.fill(0, 1 << 20);
      const ended = await world.build(name);
      expect(ended.code).not.toBe(0);
      expect(await world.isValid(path(name))).toBe(false);
      expect(world.gateLog()).toContain(
        name === "lied" ? `${path(name)}: served` : `${path(name)}: broken: wrong-hash`,
      );
      for (const builder of builders) builder.files.clear();
      expect((await world.build(name)).code).toBe(0);
    });

    test("a NAR is decided again: rules that changed since its narinfo", async () => {
      offerAll({ path: path("rules"), content: THEIRS });
      const text = await (await narinfo("rules")).text();
      const nar = `${world.endpoint.url}/${/^URL: (.*)$/m.exec(text)![1]}`;
      expect((await fetch(nar)).status).toBe(200);
      await world.changeRules({ roles: roles(3) });
      const refused = await fetch(nar);
      expect([refused.status, refused.headers.get("x-firstmile-reason")]).toEqual([
        404,
        expect.stringContaining("too-few-builders"),
      ]);
      expect((await narinfo("rules")).status).toBe(404);
      await world.changeRules({ roles: roles(2) });
      expect((await fetch(nar)).status).toBe(200);
    });

    test("a NAR is decided again: builders that changed their minds", async () => {
      offerAll({ path: path("changed"), content: THEIRS });
      const text = await (await narinfo("changed")).text();
      const nar = `${world.endpoint.url}/${/^URL: (.*)$/m.exec(text)![1]}`;
      offerAll({ path: path("changed"), content: "something else\n" });
      const refused = await fetch(nar);
      expect([refused.status, refused.headers.get("x-firstmile-reason")]).toEqual([
        404,
        expect.stringContaining("nar-differs"),
      ]);
      builders[1]!.offer({ path: path("changed"), content: THEIRS });
      expect((await fetch(nar)).status).toBe(404);
    });

    test("killed during a NAR: Nix sees it break off, and the path is not valid", async () => {
      offerAll({ path: path("killed"), content: randomBytes(1 << 20), compression: "none" });
      let half: () => void;
      const begun = new Promise<void>((resolve) => (half = resolve));
      for (const builder of builders)
        builder.behaviour = (request, response) => {
          if (!request.url?.endsWith(".nar")) return false;
          const file = builder.files.get(request.url)!;
          response.writeHead(200, { "Content-Length": file.length });
          response.write(file.subarray(0, file.length / 2), () => half());
          return true;
        };
      const building = world.build("killed");
      await begun;
      await world.endGate("SIGKILL");
      const ended = await building;
      expect(ended.code).not.toBe(0);
      expect(await world.isValid(path("killed"))).toBe(false);
      await world.startGate();
    });

    test("100 MB pass through in flat memory", async () => {
      offerAll({ path: path("large"), content: randomBytes(100 << 20), compression: "none" });
      const before = peak(world.pid);
      const ended = await world.build("large");
      expect(ended.stderr).toContain("copying path");
      expect(ended.code).toBe(0);
      expect(peak(world.pid) - before).toBeLessThan(60 << 10);
    });

    test("nix path-info asks it like any cache, with HEAD too; nix copy wants a trusted key", async () => {
      offerAll({ path: path("copied"), content: THEIRS });
      expect([(await narinfo("copied", "HEAD")).status, (await narinfo("foreign", "HEAD")).status]).toEqual([
        200, 404,
      ]);
      const info = await world.run("nix", ["path-info", "--store", world.endpoint.url, path("copied")]);
      expect(info.stdout.trim()).toBe(path("copied"));
      // The address is trusted for substitution alone; a copy is judged by the store that takes it.
      for (const from of [world.endpoint.url, `${world.endpoint.url}?trusted=1`]) {
        const copied = await world.run("nix", ["copy", "--from", from, path("copied")]);
        expect(copied.stderr).toMatch(/lacks a (?:valid signature|signature by)/);
      }
      expect((await world.run("nix-store", ["-r", path("copied")])).code).toBe(0);
      expect(readFileSync(path("copied"), "utf8")).toBe(THEIRS);
    });

    test("what is no output of an admitted derivation is not served, though builders agree", async () => {
      offerAll({ path: path("foreign"), content: THEIRS }, 3);
      const answer = await narinfo("foreign");
      expect([answer.status, answer.headers.get("x-firstmile-reason")]).toEqual([
        404,
        expect.stringContaining("not-an-output"),
      ]);
      const copied = await world.run("nix", [
        "copy",
        "--from",
        `${world.endpoint.url}?trusted=1`,
        path("foreign"),
      ]);
      expect(copied.code).toBe(1);
      expect((await world.build("foreign")).code).toBe(1);
    });

    test("a cache that goes away leaves the rest: built here", async () => {
      offerAll({ path: path("vanished"), content: THEIRS });
      builders[1]!.behaviour = (request) => request.socket.destroy() !== undefined;
      const ended = await world.build("vanished");
      expect(ended.code).toBe(0);
      expect(readFileSync(path("vanished"), "utf8")).toBe("built here\n");
      builders[2]!.offer({ path: path("gone"), content: THEIRS });
      builders[0]!.offer({ path: path("gone"), content: THEIRS });
      expect((await world.build("gone")).stderr).toContain("copying path");
      expect(existsSync(path("gone"))).toBe(true);
    });
  });
});

/** Most memory that a process has held so far, in KiB. */
function peak(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
}
