/** `firstmile handoff` as people type it, against servers on loopback that answer well and badly. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnvelope } from "@firstmile/formats/dsse/envelope";
import type { HandoffStatement } from "@firstmile/formats/statement/handoff";
import { parseStatement } from "@firstmile/formats/statement/statement";
import { runOk } from "@firstmile/local/process/run";
import { Author } from "@firstmile/testing/release-author";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { makeWorld, type World } from "../../../../testing/src/world.ts";
import { gitEnv } from "../../../../testing/src/world-repository.ts";

const author = new Author("0102030405060708");
const SOURCE = Buffer.from("the source of hello\n");
const SHA256 = createHash("sha256").update(SOURCE).digest("hex");

type Answer = Buffer | ((respond: (chunk: Buffer) => boolean) => void);

let world: World;
let server: Server;
let base: string;
let dir: string;
let env: Record<string, string>;
const served = new Map<string, Answer>();
const asked: string[] = [];

beforeAll(async () => {
  world = await makeWorld();
  server = createServer((request, response) => {
    asked.push(request.url!);
    const answer = served.get(request.url!);
    response.statusCode = answer ? 200 : 404;
    if (typeof answer === "function") return answer((chunk) => response.write(chunk));
    response.end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  dir = mkdtempSync(join(tmpdir(), "firstmile-handoff-"));
  const key = join(dir, "id");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  const config = join(dir, "gitconfig");
  writeFileSync(config, `[gpg]\nformat = ssh\n[user]\nsigningkey = ${key}.pub\n`);
  // Wide, so that no line is broken inside what is looked for.
  env = { GIT_CONFIG_GLOBAL: config, COLUMNS: "1000" };
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true, force: true });
  await world[Symbol.asyncDispose]();
});
afterEach(() => {
  served.clear();
  asked.length = 0;
});

async function handoff(...args: readonly string[]) {
  const ended = await world.firstmile(["handoff", ...args], { cwd: dir, env });
  return { ...ended, stdout: ended.stdout.toString() };
}

function policyDir(name: string, upstream: string): string {
  const path = join(dir, name);
  mkdirSync(join(path, "keys"), { recursive: true });
  const key = readFileSync(join(dir, "id.pub"), "utf8");
  writeFileSync(join(path, "keys/me.pub"), key);
  writeFileSync(
    join(path, "firstmile.toml"),
    `format = 1\nname = "t"\nexpires = 2097-01-01T00:00:00Z\n[principal.me]\nkeys = ["keys/me.pub"]\n[role]\nroot = { any = 1, of = ["me"] }\npackager = { any = 1, of = ["me"] }\n${upstream}`,
  );
  return path;
}

function rules(by = author, more = ""): string {
  return `[principal.hello]\nkeys = ["${by.listed("minisign")}"]\n[[upstream]]\nurls = ["${base}/hello/**"]\nauthor = "hello"\nhandoff = "packager"\n${more}`;
}

function statementsIn(path: string): HandoffStatement[] {
  const files = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".json"),
  );
  return files.map(
    (name) => parseStatement(parseEnvelope(readFileSync(join(path, name))).payload) as HandoffStatement,
  );
}

const url = () => `${base}/hello/hello-1.0.tar`;

describe("with rules that name the author", () => {
  test("a source is fetched, checked, signed and kept beside the rules", async () => {
    const policy = policyDir("good", rules());
    served.set("/hello/hello-1.0.tar", SOURCE);
    served.set("/hello/hello-1.0.tar.minisig", author.minisig(SOURCE, "hello-1.0.tar"));
    const ended = await handoff(url(), "--policy", policy, "--yes");
    expect(ended.stdout).toContain("by its author hello");
    expect(ended.stdout).toContain("1 new");
    expect(ended.code).toBe(0);
    const [statement] = statementsIn(join(policy, "statements"));
    expect(statement).toMatchObject({
      kind: "handoff",
      output: { kind: "file", sha256: SHA256 },
      urls: [url()],
    });
    const again = await handoff(url(), "--policy", policy, "--yes");
    expect(again.stdout).toContain("0 new");
  });

  test("it signs nothing where nobody can be asked", async () => {
    const policy = policyDir("unasked", rules());
    served.set("/hello/hello-1.0.tar", SOURCE);
    served.set("/hello/hello-1.0.tar.minisig", author.minisig(SOURCE, "hello-1.0.tar"));
    const ended = await handoff(url(), "--policy", policy);
    expect(ended.stderr).toContain("nothing was signed");
    expect(ended.code).toBe(1);
    expect(readdirSync(policy)).not.toContain("statements");
  });

  test("the rule's template is where it looks, and nowhere else", async () => {
    const policy = policyDir("template", rules(author, `signature = "${base}/signatures/{name}.sign"\n`));
    served.set("/hello/hello-1.0.tar", SOURCE);
    served.set("/signatures/hello-1.0.tar.sign", author.minisig(SOURCE, "hello-1.0.tar"));
    expect((await handoff(url(), "--policy", policy, "--yes")).code).toBe(0);
    expect(asked).toEqual(["/hello/hello-1.0.tar", "/signatures/hello-1.0.tar.sign"]);
  });

  test("a signature by another key is refused: not-the-author", async () => {
    const policy = policyDir("stranger", rules(new Author("ff02030405060708")));
    served.set("/hello/hello-1.0.tar", SOURCE);
    served.set("/hello/hello-1.0.tar.minisig", author.minisig(SOURCE, "hello-1.0.tar"));
    const ended = await handoff(url(), "--policy", policy, "--yes");
    expect(ended.stdout).toContain("not-the-author");
    expect(ended.code).toBe(1);
  });

  test("a signature over another file, or named after one, is refused", async () => {
    const policy = policyDir("other", rules());
    served.set("/hello/hello-1.0.tar", SOURCE);
    for (const bytes of [
      author.minisig(Buffer.from("x"), "hello-1.0.tar"),
      author.minisig(SOURCE, "hello-0.9.tar"),
    ]) {
      served.set("/hello/hello-1.0.tar.minisig", bytes);
      const ended = await handoff(url(), "--policy", policy, "--yes");
      expect(ended.stdout).toContain("handoff-invalid");
      expect(ended.code).toBe(1);
    }
  });

  test("a signature file of a gigabyte is not taken into memory", async () => {
    const policy = policyDir("huge", rules(author, 'signature = "{url}.minisig"\n'));
    served.set("/hello/hello-1.0.tar", SOURCE);
    let sent = 0;
    served.set("/hello/hello-1.0.tar.minisig", (respond) => {
      const chunk = Buffer.alloc(1 << 16, "A");
      const more = () => {
        sent += chunk.length;
        if (sent < 2 ** 30) respond(chunk) ? setImmediate(more) : setTimeout(more, 1);
      };
      more();
    });
    const ended = await handoff(url(), "--policy", policy, "--yes");
    expect(ended.stdout).toContain("longer than 65536 bytes");
    expect(ended.code).toBe(1);
    expect(sent).toBeLessThan(64 << 20);
  });

  test("a signed list names the source; one that names it twice is refused", async () => {
    const policy = policyDir("list", rules());
    const list = Buffer.from(`${SHA256}  hello-1.0.tar\n`);
    served.set("/hello/hello-1.0.tar", SOURCE);
    served.set("/hello/SHA256SUMS", list);
    served.set("/hello/SHA256SUMS.minisig", author.minisig(list, "SHA256SUMS"));
    const ended = await handoff(url(), "--policy", policy, "--yes");
    expect(ended.stdout).toContain("over a list that names the source");
    expect(ended.code).toBe(0);
    const twice = Buffer.concat([list, Buffer.from(`${"0".repeat(64)}  hello-1.0.tar\n`)]);
    served.set("/hello/SHA256SUMS", twice);
    served.set("/hello/SHA256SUMS.minisig", author.minisig(twice, "SHA256SUMS"));
    const refused = await handoff(url(), "--policy", policy, "--yes", "--again");
    expect(refused.stdout).toContain("names a file a second time, with another digest");
    expect(refused.code).toBe(1);
  });

  test("another hash than the one that is asked for is told", async () => {
    const policy = policyDir("hash", rules());
    served.set("/hello/hello-1.0.tar", SOURCE);
    const ended = await handoff(url(), "--hash", `sha256:${"0".repeat(64)}`, "--policy", policy, "--yes");
    expect(ended.stdout).toContain("which is pinned");
    expect(ended.code).toBe(1);
  });

  test("an archive is handed on as the tree in it; one that climbs out is refused", async () => {
    const policy = policyDir("tree", rules());
    mkdirSync(join(dir, "hello-1.0"), { recursive: true });
    writeFileSync(join(dir, "hello-1.0/f"), "f");
    const tar = await runOk("tar", ["-C", dir, "-czf", "-", "hello-1.0"]);
    served.set("/hello/hello-1.0.tar.gz", tar);
    served.set("/hello/hello-1.0.tar.gz.minisig", author.minisig(tar, "hello-1.0.tar.gz"));
    const ended = await handoff(`${url()}.gz`, "--unpack", "--policy", policy, "--yes");
    expect(ended.code).toBe(0);
    const [statement] = statementsIn(join(policy, "statements"));
    expect(statement).toMatchObject({ output: { kind: "nar" }, release: { becomes: "tree" } });
    const climbing = await runOk("tar", [
      "-C",
      join(dir, "hello-1.0"),
      "-Pcf",
      "-",
      "--transform=s,^,a/../../,",
      "f",
    ]);
    served.set("/hello/hello-1.0.tar", climbing);
    served.set("/hello/hello-1.0.tar.minisig", author.minisig(climbing, "hello-1.0.tar"));
    const hash = ["--hash", `sha256:${"0".repeat(64)}`];
    for (const pinned of [[], hash]) {
      const refused = await handoff(url(), "--unpack", ...pinned, "--policy", policy, "--yes");
      expect(refused.stdout).toContain("archive-refused");
      expect(refused.stdout).toContain("climbs out");
      expect(refused.code).toBe(1);
    }
  });
});

describe("on first use of an author's key", () => {
  test("the key is shown, and a patch that the policy takes", async () => {
    const policy = policyDir("first", "");
    await runOk("git", ["-C", policy, "init", "--quiet"], { env: gitEnv() });
    served.set("/hello/hello-1.0.tar", SOURCE);
    served.set("/hello/hello-1.0.tar.minisig", author.minisig(SOURCE, "hello-1.0.tar"));
    const ended = await handoff(url(), "--key", author.listed("minisign"), "--policy", policy, "--yes");
    expect(ended.stderr).toContain("The key for hello");
    expect(ended.code).toBe(0);
    const patch = ended.stdout.slice(ended.stdout.indexOf("diff --git"), ended.stdout.indexOf("handed on"));
    await runOk("git", ["-C", policy, "apply"], { env: gitEnv(), input: patch });
    const files = ["firstmile.toml", "keys/me.pub"].map(
      (name) => [name, readFileSync(join(policy, name))] as const,
    );
    const loaded = loadPolicy(new Map(files));
    expect(loaded.ok && loaded.policy.upstreams[0]).toMatchObject({
      author: "hello",
      signature: "{url}.minisig",
    });
    expect((await handoff(url(), "--policy", policy, "--yes", "--again")).stdout).toContain(
      "by its author hello",
    );
  });

  test("without keys it says whose signature there is, and what to do", async () => {
    served.set("/hello/hello-1.0.tar", SOURCE);
    served.set("/hello/hello-1.0.tar.minisig", author.minisig(SOURCE, "hello-1.0.tar"));
    const ended = await handoff(url());
    expect(ended.stderr).toContain("no rules are at hand");
    expect(ended.stdout).toContain("minisign key number 0102030405060708");
    expect(ended.stdout).toContain("--key FILE");
    expect(ended.code).toBe(1);
  });
});

test("from nothing at all it explains itself", async () => {
  const ended = await handoff();
  expect(ended.stderr).toContain("nothing is named that could be handed on");
  expect(ended.code).toBe(2);
  expect((await handoff("--hash", "x", url())).stderr).toContain("is no hash");
  expect((await handoff(url(), "--key", "nowhere.asc")).stderr).toContain("there is no such file");
  const gone = await handoff(url());
  expect(gone.stdout).toContain("answered 404");
  expect(gone.code).toBe(1);
});
