/** Caches that lie, break or climb: for each, what the gate answers Nix. The gate alone, asked over HTTP. */
import { readFileSync } from "node:fs";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { hashPartOf, type StorePath } from "@firstmile/formats/nix/store-path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { derivationText, GateWorld } from "../../../../testing/src/gate-world.ts";
import { type Behaviour, Builder, outputRules } from "../../../../testing/src/gate-world-builders.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";

const FILES = {
  "default.nix": `rec {
    one = ${derivationText("one", "echo one > $out")};
    two = ${derivationText("two", "echo two > $out")};
    all = [ one two ];
  }`,
};

describe.skipIf(missingForNixWorld("host") !== undefined)("caches that are not honest", () => {
  let world: GateWorld;
  let builders: [Builder, Builder, Builder, Builder];
  let one: StorePath;
  let two: StorePath;

  beforeAll(async () => {
    builders = [
      await Builder.start("b1", "alpha"),
      await Builder.start("b2", "beta"),
      await Builder.start("twin", "alpha"),
      await Builder.start("stranger", "gamma"),
    ];
    const roles = { builders: { any: 2, of: ["b1", "b2", "twin"] } };
    world = await GateWorld.make({
      version: "host",
      files: FILES,
      policy: { roles, more: outputRules(builders) },
    });
    await world.startGate();
    await world.admit("all");
    [one, two] = [await outputOf("one"), await outputOf("two")];
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    for (const builder of builders ?? []) await builder[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    for (const builder of builders) {
      builder.behaviour = () => false;
      builder.files.clear();
    }
    // What was answered before is remembered for a while: another admission forgets it.
    await world.admit("one");
  });

  async function outputOf(name: string): Promise<StorePath> {
    const output = parseDerivation(
      readFileSync(await world.instantiate(name)),
      world.nix.storeDir,
    ).outputs.get("out")!;
    if ("path" in output) return output.path;
    throw new Error("floating");
  }

  const narinfo = () => fetch(`${world.endpoint.url}/${hashPartOf(one)}.narinfo`);
  async function refusal(): Promise<string> {
    const answer = await narinfo();
    expect(answer.status).toBe(404);
    return answer.headers.get("x-firstmile-reason")!;
  }
  const honest = { content: "theirs\n" };
  const offer = (builder: Builder, more: Partial<Parameters<Builder["offer"]>[0]> = {}) =>
    builder.offer({ path: one, ...honest, ...more });

  test("two operators who agree are enough, whoever else says what", async () => {
    for (const builder of builders.slice(0, 2)) offer(builder);
    offer(builders[3], { content: "strange\n" });
    expect((await narinfo()).status).toBe(200);
  });

  test("one operator twice is one", async () => {
    offer(builders[0]);
    offer(builders[2]);
    expect(await refusal()).toMatch(/too-few-builders/);
  });

  test("a builder outside the role does not count", async () => {
    offer(builders[0]);
    offer(builders[3]);
    expect(await refusal()).toMatch(/too-few-builders/);
  });

  test("a builder that says two things in two caches counts for neither", async () => {
    offer(builders[0]);
    offer(builders[1]);
    offer(builders[3], { content: "other\n", signers: [builders[0]] });
    expect(await refusal()).toMatch(/builders-conflict|too-few/);
  });

  test("a signature made for other references, or for another path, counts for nothing", async () => {
    offer(builders[0]);
    offer(builders[1], { change: (info) => ({ ...info, references: [two] }) });
    expect(await refusal()).toMatch(/too-few-builders|narinfo-invalid|no-builder/);
    const replayed = builders[1].offer({ path: two, ...honest });
    offer(builders[1], { change: (info) => ({ ...info, signatures: replayed.signatures }) });
    expect(await refusal()).toMatch(/too-few-builders|narinfo-invalid|no-builder/);
  });

  test("a narinfo of another path counts for nothing", async () => {
    offer(builders[0]);
    builders[1].offer({ path: two, ...honest });
    builders[1].files.set(
      `/${hashPartOf(one)}.narinfo`,
      builders[1].files.get(`/${hashPartOf(two)}.narinfo`)!,
    );
    expect(await refusal()).toMatch(/too-few-builders/);
  });

  test("builders' signatures count from any cache: they are signed", async () => {
    offer(builders[3], { signers: [builders[0], builders[1]] });
    expect((await narinfo()).status).toBe(200);
  });

  test("what no builder signed is not passed on: deriver and content address", async () => {
    const deriver = `${world.nix.storeDir}/${"0".repeat(32)}-evil.drv` as never;
    for (const builder of builders.slice(0, 2)) offer(builder, { change: (info) => ({ ...info, deriver }) });
    const text = await (await narinfo()).text();
    expect(text).not.toMatch(/^(?:CA|Deriver):/m);
    expect(text.match(/^Sig: /gm)).toHaveLength(1);
    expect(text).toContain(`Sig: ${world.endpoint.publicKey.split(":")[0]}:`);
  });

  const text =
    (status: number, body: string | Buffer, headers = {}): Behaviour =>
    (_, response) => {
      response.writeHead(status, headers).end(body);
      return true;
    };
  test.each<[string, Behaviour]>([
    ["500", text(500, "no")],
    ["garbage", text(200, "\0garbage")],
    ["a page", text(200, "<html></html>")],
    ["an empty answer", text(200, "")],
    ["2 MB", text(200, Buffer.alloc(2 << 20, 0x61))],
    ["a redirect in a circle", text(302, "", { Location: "/again" })],
    ["a redirect to a file", text(302, "", { Location: "file:///etc/passwd" })],
    ["a hang-up", (request) => request.socket.destroy() !== undefined],
    ["a compressed answer", text(200, "x", { "Content-Encoding": "gzip" })],
    ["no answer", () => true],
  ])("a cache with %s is as good as none", async (kind, behaviour) => {
    offer(builders[0]);
    builders[1].behaviour = behaviour;
    expect(await refusal()).toMatch(/too-few-builders|no-builder-answered|narinfo-invalid/);
    if (kind === "no answer") return;
    offer(builders[2], { signers: [builders[1]] });
    expect((await narinfo()).status).toBe(200);
  });

  test("a redirect to where the same is said is followed", async () => {
    offer(builders[0]);
    offer(builders[1]);
    const { url } = builders[1];
    builders[1].behaviour = (request, response) => {
      if (request.url?.startsWith("/moved")) return false;
      response.writeHead(307, { Location: `${url}${request.url}` });
      builders[1].behaviour = () => false;
      response.end();
      return true;
    };
    expect((await narinfo()).status).toBe(200);
  });

  test.each([
    "../../../etc/passwd",
    "/etc/passwd",
    "..%2f..%2fetc/passwd",
    "http://127.0.0.1:1/x",
    "//127.0.0.1:1/x",
    "nar/../../x",
  ])("a URL of %s leads nowhere but below its cache", async (url) => {
    for (const builder of builders.slice(0, 2)) {
      offer(builder);
      const file = `/${hashPartOf(one)}.narinfo`;
      builder.files.set(
        file,
        Buffer.from(
          builder.files
            .get(file)!
            .toString()
            .replace(/^URL: .*$/m, `URL: ${url}`),
        ),
      );
      builder.requests.length = 0;
    }
    const answer = await narinfo();
    const nar = answer.status === 200 ? /^URL: (.*)$/m.exec(await answer.text())![1] : undefined;
    if (nar) {
      expect(nar).toMatch(/^nar\/[0-9a-z]{32}-[0-9a-f]{16}\.nar\.xz$/);
      expect((await fetch(`${world.endpoint.url}/${nar}`)).status).toBe(404);
    }
    for (const request of builders.flatMap(({ requests }) => requests))
      expect(request).not.toContain("etc/passwd HTTP");
    expect(answer.status === 404 || nar !== undefined).toBe(true);
  });

  test.each([
    "/",
    "/nar/x",
    `/nar/${"0".repeat(32)}-${"0".repeat(16)}.nar`,
    `/${"0".repeat(32)}.narinfo`,
    "/%00.narinfo",
    "/../../etc/passwd",
    `/${"e".repeat(32)}.narinfo`,
    "/index.html",
  ])("a request for %s is answered with 404 and a reason", async (target) => {
    const answer = await fetch(`${world.endpoint.url}${target}`);
    expect(answer.status).toBe(404);
    expect(answer.headers.get("x-firstmile-reason")).toBeTruthy();
  });

  test("nothing can be put into it", async () => {
    for (const method of ["PUT", "POST", "DELETE", "PATCH"])
      expect((await fetch(`${world.endpoint.url}/nix-cache-info`, { method })).status).toBe(405);
  });
});
