/**
 * What the gate once signed. The attacker is an ordinary user who kept a narinfo and a NAR while both were allowed, and
 * brings them back after a warden spoke against them, or after the rules changed. What must hold: by no route that a
 * user has does the path get valid again, and the gate answers with the reason.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import type { Attack, Theme } from "./attack.ts";
import { whyNot } from "./gate-answers.ts";
import { KeptWorld, THEIRS } from "./kept-world.ts";

/** Commands of the user's, one after the other; the path is not valid after any of them. */
async function inVain(world: KeptWorld, lines: readonly string[]): Promise<void> {
  const { out, drv } = world.kept;
  for (const line of lines) {
    const ended = await world.user(line.replaceAll("OUT", out).replaceAll("DRV", drv));
    const valid = await world.isValid(out);
    await world.forget(out);
    expect({ line, valid, said: ended.stderr }).toEqual({ line, valid: false, said: expect.any(String) });
  }
}

const key = ({ machine }: KeptWorld) => machine.gate.endpoint.publicKey;
const CACHE = "file://$E/kept";

const attacks: readonly Attack<KeptWorld>[] = [
  {
    number: 75,
    name: "nix copy from a directory, with every flag that could turn the check off",
    held: "This machine trusts no signature that a user can collect.",
    run: (world) =>
      inVain(world, [
        `nix copy --from ${CACHE} OUT`,
        `nix copy --no-check-sigs --from ${CACHE} OUT`,
        `nix copy --from '${"file://'$E'/kept?trusted=1"}' OUT`,
        `nix copy --from ${CACHE} OUT --option require-sigs false`,
        `nix copy --from ${CACHE} OUT --option trusted-public-keys '${key(world)}'`,
        `nix copy --to daemon --from ${CACHE} OUT`,
        `nix copy --substitute-on-destination --no-check-sigs --from ${CACHE} OUT`,
      ]),
  },
  {
    number: 76,
    name: "the kept directory as a substituter, by options, by NIX_CONFIG and by nix.conf",
    held: "An ordinary user can neither add substituters nor trust keys.",
    async run(world) {
      const conf = world.machine.write(
        "nix.conf",
        `extra-substituters = file://${world.machine.home}/kept?trusted=1\nrequire-sigs = false\n`,
      );
      await inVain(world, [
        `nix-store -r OUT --option substituters ${CACHE}`,
        `nix-store -r OUT --option extra-substituters '${CACHE}?trusted=1' --option require-sigs false`,
        `nix build --no-link OUT --substituters ${CACHE} --option trusted-public-keys '${key(world)}'`,
        `NIX_USER_CONF_FILES=${conf} nix-store -r OUT`,
        `NIX_CONFIG="$(cat ${conf})" nix-store -r OUT`,
        `nix-store -r DRV --option extra-substituters '${CACHE}?trusted=1'`,
      ]);
    },
  },
  {
    number: 77,
    name: "the gate's own address with words of the user's: ?trusted=1 and a priority",
    held: "The daemon takes no such substituter from a user, and the gate does not give the path out.",
    run: (world) => {
      const { url } = world.machine.gate.endpoint;
      return inVain(world, [
        `nix-store -r OUT --option substituters '${url}?trusted=1&priority=1'`,
        `nix copy --from '${url}?trusted=1' OUT`,
        `nix copy --no-check-sigs --from ${url} OUT`,
      ]);
    },
  },
  {
    number: 78,
    name: "nix-store --import of a stream that was made of it",
    held: "The daemon wants a signature that it trusts for each path of a stream.",
    async run(world) {
      world.machine.write("stream", exportOf(world));
      await inVain(world, [
        'nix-store --import < "$E/stream"',
        'nix-store --import --option require-sigs false < "$E/stream"',
      ]);
    },
  },
  {
    number: 79,
    name: "the content added by hand, and fetchClosure of it",
    held: "What a user adds has a path made of its content, and is not an output of a derivation.",
    async run(world) {
      world.machine.write("content", THEIRS);
      await inVain(world, [
        'nix-store --add "$E/content"',
        'nix store add-file --name kept "$E/content"',
        'nix-store --add-fixed sha256 "$E/content"',
        `nix eval --impure --extra-experimental-features fetch-closure --expr 'builtins.fetchClosure { fromStore = "${CACHE.replace("$E", world.machine.home)}"; fromPath = "OUT"; inputAddressed = true; }'`,
      ]);
    },
  },
  {
    number: 80,
    name: "words to the daemon that are root's: --load-db, --register-validity, --store local",
    held: "The store belongs to root, and the daemon registers nothing for a user.",
    run: (world) =>
      inVain(world, [
        "printf 'OUT\\n\\n0\\n' | nix-store --register-validity",
        "printf 'OUT\\n\\n0\\n' | nix-store --load-db",
        `NIX_REMOTE=local nix copy --no-check-sigs --from ${CACHE} OUT`,
        `nix copy --store local --no-check-sigs --from ${CACHE} --to local OUT`,
        `nix copy --no-check-sigs --from ${CACHE} --to 'unix://${world.machine.gate.nix.socketPath}?trusted=1' OUT`,
      ]),
  },
  {
    number: 81,
    name: "building it again, or asking the gate for its NAR by the address of before",
    held: "Both are decided again: distrusted.",
    async run(world) {
      await inVain(world, ["nix-store -r DRV", "nix-build -A kept --no-out-link"]);
      const answer = await fetch(`${world.machine.gate.endpoint.url}/${world.kept.narUrl}`);
      expect([answer.status, answer.headers.get("x-firstmile-reason")]).toEqual([
        404,
        expect.stringContaining("distrusted"),
      ]);
      expect(await whyNot(world.machine.gate, world.kept.out)).toContain("distrusted");
    },
  },
  {
    number: 82,
    name: "what was kept before the rules trusted one of its builders no more",
    held: "The rules of today decide, and no signature of before.",
    async run(world) {
      const before = world.kept;
      world.offerAll("rules");
      world.kept = await world.keep("rules");
      const { gate } = world.machine;
      await gate.changeRules({ roles: { builders: ["b2"] } });
      world.builders[1]!.files.clear();
      await inVain(world, [`nix copy --from ${CACHE} OUT`, "nix-store -r OUT"]).finally(() => {
        world.kept = before;
      });
    },
  },
  {
    number: 83,
    name: "answering on the gate's own port while the gate is down",
    held: "The port is one that no ordinary user may bind.",
    guard: "docs/decisions, local/gate/substituter.ts",
    async run(world) {
      const { gate } = world.machine;
      const { hostname, port } = new URL(gate.endpoint.url);
      await gate.endGate();
      const serving = world.user(serverScript(world, hostname, port));
      try {
        await inVain(world, ["sleep 1; nix-store -r OUT", "nix-store -r DRV"]);
      } finally {
        world.machine.write("kept/stop", "");
        await serving;
        await gate.startGate();
      }
      expect((await serving).stdout).toContain("EACCES");
    },
  },
  {
    number: 84,
    name: "answering on the gate's port at another loopback address while it runs",
    held: "Nix is told 127.0.0.1 and asks nowhere else.",
    async run(world) {
      const { hostname, port } = new URL(world.machine.gate.endpoint.url);
      expect(hostname).toBe("127.0.0.1");
      const asked: string[] = [];
      const servers = await Promise.all(
        ["::1", "127.0.0.2"].map((address) => listening(asked, address, Number(port))),
      );
      await inVain(world, ["nix-store -r OUT"]);
      for (const server of servers) server.close();
      expect(asked).toEqual([]);
    },
  },
  {
    number: 85,
    name: "a proxy, a certificate file and curl's words in the environment of the user's command",
    held: "The daemon fetches, and its environment is root's.",
    async run(world) {
      const asked: string[] = [];
      const proxy = await listening(asked, "127.0.0.1", 0);
      const at = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      const words = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"].map((name) => `${name}=${at}`);
      await inVain(world, [`env ${words.join(" ")} no_proxy= nix-store -r OUT`]);
      proxy.close();
      expect(asked).toEqual([]);
    },
  },
];

/** A process of the user's that serves the kept directory at this address until told to stop; or says why it cannot. */
function serverScript(world: KeptWorld, host: string, port: string): string {
  const file = world.machine.write(
    "serve.mjs",
    `import { createServer } from "node:http"; import { existsSync, readFileSync } from "node:fs";
    const server = createServer((request, response) => {
      const file = process.env.E + "/kept" + new URL(request.url, "http://x").pathname;
      if (existsSync(file)) response.end(readFileSync(file)); else response.writeHead(404).end();
    }).on("error", (error) => console.log(error.code)).listen(${port}, "${host}");
    setInterval(() => existsSync(process.env.E + "/kept/stop") && process.exit(0), 100);`,
  );
  return `${process.execPath} ${file}`;
}

async function listening(asked: string[], address: string, port: number) {
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.once("error", () => done()).listen(port, address, () => done()));
  return server;
}

/** As `nix-store --export` writes it, unsigned. */
function exportOf({ kept }: KeptWorld): Buffer {
  const number = (value: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32LE(value);
    return bytes;
  };
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    return Buffer.concat([number(bytes.length), bytes, Buffer.alloc(-bytes.length & 7)]);
  };
  const parts = [
    number(1),
    kept.nar,
    number(0x4558494e),
    text(kept.out),
    number(0),
    text(""),
    number(0),
    number(0),
  ];
  return Buffer.concat(parts);
}

export const keptSignatures: Theme<KeptWorld> = {
  title: "What the gate once signed",
  by: "an ordinary user of the machine",
  guard: "local/gate/substituter.ts, local/gate/decide-output.ts",
  open: (version) => KeptWorld.open(version),
  controls: [
    {
      name: "while it is allowed, what builders agree on is substituted for the user",
      async run(world) {
        world.offerAll("kept");
        const ended = await world.user(`nix-store -r ${world.path("kept")}`);
        expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining("copying path")]);
        await world.forget(world.path("kept"));
      },
    },
    {
      name: "what was kept is whole: root, who may, puts it into the store",
      async run(world) {
        world.kept = await world.keep("kept");
        const args = [
          "copy",
          "--no-check-sigs",
          "--from",
          `file://${world.machine.home}/kept`,
          world.kept.out,
        ];
        expect((await world.machine.gate.run("nix", args)).code).toBe(0);
        expect(await world.isValid(world.kept.out)).toBe(true);
        await world.forget(world.kept.out);
        const imported = await world.machine.gate.run("nix-store", ["--import"], { input: exportOf(world) });
        expect(imported.stdout.trim()).toBe(world.kept.out);
        await world.forget(world.kept.out);
      },
    },
    {
      name: "after a distrust, the gate gives it out no more",
      async run(world) {
        await world.distrust("kept");
        const answer = await world.narinfo("kept");
        expect([answer.status, answer.headers.get("x-firstmile-reason")]).toEqual([
          404,
          expect.stringContaining("distrusted"),
        ]);
      },
    },
  ],
  attacks,
};
