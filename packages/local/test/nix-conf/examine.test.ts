import { describe, expect, test } from "vitest";
import type { GateEndpoint } from "../../src/nix-conf/endpoint.ts";
import { examine, LIMITS } from "../../src/nix-conf/examine.ts";
import type {
  Configuration,
  Facts,
  Finding,
  GateSays,
  PathFacts,
  PathStep,
  PlaceFacts,
  ReaderOfPlace,
} from "../../src/nix-conf/facts.ts";
import { nixConfLines } from "../../src/nix-conf/lines.ts";
import { SETTINGS } from "../../src/nix-conf/settings.ts";

const GATE: GateEndpoint = {
  hookPath: "/var/lib/firstmile/gate/hook",
  url: "http://127.0.0.1:501/",
  publicKey: "gate-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=",
  trust: "place",
};
const CLOSED = new Map<string, string>([
  ...nixConfLines(GATE, { major: 2, minor: 34 }).map(({ name, value }) => [name, value] as const),
  ["sandbox-paths", "/bin/sh=/usr/bin/bash-static"],
  ["experimental-features", "nix-command flakes"],
  ["build-hook", "nix __build-remote"],
  ["store", "auto"],
]);

function configuration(of: Configuration["of"], changes: Record<string, string> = {}): Configuration {
  return { from: of, of, values: new Map([...CLOSED, ...Object.entries(changes)]) };
}

function step(path: string, kind: PathStep["kind"], mode: number, uid = 0): PathStep {
  return { path, kind, mode, uid };
}

function held(path: string, ...last: PathStep[]): PathFacts {
  return { path, missing: false, steps: [step("/", "directory", 0o755), ...last] };
}

const SOUND: Facts = {
  nixVersion: "nix (Nix) 2.34.8",
  uid: 0,
  storeDir: "/nix/store",
  configurations: [configuration("both")],
  daemon: undefined,
  acceptedFlakeSettings: [],
  gate: { endpoint: GATE },
  place: {
    start: 1024,
    listeners: [{ address: "127.0.0.1", uid: 0 }],
    says: { url: GATE.url, trust: "place", heldBy: "gate", network: "net:[1]" },
    network: "net:[1]",
    readers: [
      { of: "caller", proxy: undefined, seen: true, network: "net:[1]" },
      { of: "daemon", proxy: undefined, seen: true, network: "net:[1]" },
    ],
    processes: [],
    programs: [],
  },
  hook: held("/h", step("/h", "file", 0o755)),
  hookPrograms: [held("/n", step("/n", "file", 0o755))],
  socket: { ok: true, said: "answers" },
  cacheInfo: { ok: true, said: "StoreDir: /nix/store\nWantMassQuery: 1\n" },
  trust: { ok: true, said: "acme" },
  stateDir: held("/s", step("/s", "directory", 0o755)),
  gateDir: held("/s/gate", step("/s/gate", "directory", 0o755)),
  keys: [held("/s/gate/key", step("/s/gate/key", "file", 0o600))],
  namespaces: { ok: true, said: "work" },
  tried: { kind: "refused" },
  git: { ok: true, said: "git version 2.39.5" },
  collisions: { ok: true, said: "noticed" },
  xz: { ok: true, said: "xz (XZ Utils) 5.4.1" },
};

function notClosed(facts: Partial<Facts>): Finding[] {
  return examine({ ...SOUND, ...facts }).filter(({ state }) => state !== "closed");
}

function withSetting(name: string, value: string): Finding[] {
  return notClosed({ configurations: [configuration("both", { [name]: value })] });
}

test("the lines that nix-conf prints leave nothing open", () => {
  expect(notClosed({})).toEqual([]);
  expect(LIMITS.length).toBeGreaterThan(0);
});

describe("each setting", () => {
  const OPEN: readonly [name: string, ...values: string[]][] = [
    ["pre-build-hook", "", "/other/hook", "/var/lib/firstmile/gate/hook2"],
    ["substituters", "", "https://cache.nixos.org/", `${GATE.url} https://cache.nixos.org/`],
    ["substituters", GATE.url, "http://127.0.0.1:502/?trusted=1", "http://127.0.0.1:501/?trusted=0"],
    ["substituters", "http://localhost:501/?trusted=1", "http://[::1]:501/?trusted=1"],
    ["trusted-public-keys", GATE.publicKey, `${GATE.publicKey} ${GATE.publicKey}`],
    ["sandbox", "false", "relaxed", ""],
    ["sandbox-fallback", "true"],
    ["filter-syscalls", "false"],
    ["allow-new-privileges", "true"],
    ["require-sigs", "false"],
    ["trusted-substituters", "https://cache.nixos.org"],
    ["secret-key-files", "/etc/nix/key"],
    ["narinfo-cache-positive-ttl", "2592000"],
    ["narinfo-cache-negative-ttl", "3600"],
    ["narinfo-cache-meta-ttl", "604800"],
    ["trusted-users", "root alice", "*", "@wheel", "root @root"],
    ["accept-flake-config", "true"],
    ["builders", "ssh://builder", "@/etc/nix/machines"],
    ["builders-use-substitutes", "true"],
    ["external-builders", '[{"systems":["x86_64-linux"]}]'],
    ["allow-symlinked-store", "true"],
    ["post-build-hook", "/upload"],
    ["run-diff-hook", "true"],
    ["diff-hook", "/diff"],
    ["plugin-files", "/plugin.so"],
    ["allow-unsafe-native-code-during-evaluation", "true"],
    ["flake-registry", "https://channels.nixos.org/flake-registry.json"],
    ["use-registries", "true"],
  ];

  test.each(OPEN.flatMap(([name, ...values]) => values.map((value) => [name, value] as const)))(
    "%s = %j is open, and the line closes it",
    (name, value) => {
      const [finding, ...others] = withSetting(name, value);
      expect(others).toEqual([]);
      expect(finding).toMatchObject({ setting: name, state: "open", found: value || "(empty)" });
      const [setting, wanted = ""] = finding!.line!.split(/ = ?/);
      expect(setting).toBe(name);
      expect(withSetting(name, wanted)).toEqual([]);
    },
  );

  test("none is missing above but those without a wrong value", () => {
    const tried = new Set(OPEN.map(([name]) => name));
    expect(SETTINGS.map(({ name }) => name).filter((name) => !tried.has(name))).toEqual(["fallback"]);
  });

  test.each([
    ["substituters", "http://127.0.0.1:501?trusted=1"],
    ["trusted-users", ""],
    ["fallback", "true"],
    ["external-builders", ""],
  ])("%s = %j is closed as well", (name, value) => expect(withSetting(name, value)).toEqual([]));

  test.each([
    ["sandbox-paths", "/bin/sh=/bin/dash /usr", "/usr", "sandbox-paths = /bin/sh=/bin/dash"],
    ["sandbox-paths", "/bin/sh2", "/bin/sh2", "sandbox-paths ="],
    [
      "experimental-features",
      "nix-command daemon-trust-override",
      "daemon-trust-override",
      "experimental-features = nix-command",
    ],
    [
      "experimental-features",
      "nix-command ca-derivations",
      "ca-derivations",
      "experimental-features = nix-command",
    ],
    [
      "experimental-features",
      "flakes external-builders",
      "external-builders",
      "experimental-features = flakes",
    ],
    [
      "experimental-features",
      "configurable-impure-env",
      "configurable-impure-env",
      "experimental-features =",
    ],
    ["build-hook", "/evil", "/evil", "remove build-hook from nix.conf"],
    ["store", "/home/x/store", "/home/x/store", "remove store from nix.conf, unset NIX_REMOTE"],
    ["store", "ssh://host", "ssh://host", "remove store from nix.conf, unset NIX_REMOTE"],
  ])("%s = %j: what is beyond the harmless", (setting, value, beyond, line) => {
    const found = `${beyond} in both`;
    expect(withSetting(setting, value)).toMatchObject([{ setting, state: "open", found, line }]);
  });

  test.each([
    "ca-derivations",
    "configurable-impure-env",
    "daemon-trust-override",
    "dynamic-derivations",
    "external-builders",
    "impure-derivations",
  ])("the feature %s is open, and is not in the line that closes it", (feature) => {
    const [finding] = withSetting("experimental-features", `flakes ${feature} nix-command`);
    expect(finding).toMatchObject({ state: "open", line: "experimental-features = flakes nix-command" });
    expect(finding!.why).toContain(`${feature}: `);
  });

  test("a feature that is not known is unknown", () => {
    const [finding] = withSetting("experimental-features", "flakes of-tomorrow");
    expect(finding).toMatchObject({ state: "unknown", found: "of-tomorrow in both" });
    expect(finding!.line).toBe("experimental-features = flakes");
  });

  test("one that Nix did not print is unknown, unless only newer versions have it", () => {
    const values = new Map(
      [...CLOSED].filter(([name]) => name !== "sandbox" && name !== "external-builders"),
    );
    const old = notClosed({ configurations: [{ from: "x", of: "both", values }] });
    expect(old).toMatchObject([{ setting: "sandbox", state: "unknown" }]);
  });

  test("settings of flakes do nothing where flakes are off", () => {
    const off = { "experimental-features": "nix-command", "use-registries": "true" };
    expect(notClosed({ configurations: [configuration("both", off)] })).toEqual([]);
  });

  test("without a gate what names it is open, and no line is offered", () => {
    const open = notClosed({ gate: { endpoint: undefined, problem: "has not started" }, hook: undefined });
    expect(open.map(({ setting }) => setting)).toEqual([
      "pre-build-hook",
      "substituters",
      "trusted-public-keys",
      // A program that is not a gate's.
      "post-build-hook",
      "gate",
    ]);
    expect(open.slice(0, 3).every(({ line }) => line === undefined)).toBe(true);
  });
});

describe("whose configuration", () => {
  const daemon = { listens: true, environmentRead: true, stale: false, options: [] };
  const mine = { sandbox: "false", "accept-flake-config": "true", store: "/home/x" };
  const opened = (configurations: Configuration[]) =>
    notClosed({ daemon, configurations }).map(({ setting }) => setting);

  test("of a caller whom the daemon does not trust, only what is decided before a build", () => {
    expect(opened([configuration("builder"), configuration("caller", mine)])).toEqual([
      "accept-flake-config",
      "store",
    ]);
  });

  test("of a trusted caller, all", () => {
    expect(opened([configuration("builder"), configuration("both", mine)])).toEqual([
      "sandbox",
      "accept-flake-config",
      "store",
    ]);
  });

  test("the daemon's own is not made good by the caller's, and equal values are one finding", () => {
    const off = { sandbox: "false" };
    expect(opened([configuration("builder", off), configuration("caller")])).toEqual(["sandbox"]);
    const both = notClosed({
      daemon,
      configurations: [configuration("builder", off), configuration("both", off)],
    });
    expect(both).toMatchObject([{ setting: "sandbox", found: "false in builder and both" }]);
  });
});

const { says: SAYS } = SOUND.place! as { says: GateSays };
const [READER] = SOUND.place!.readers as [ReaderOfPlace];

function place(facts: Partial<PlaceFacts>): Partial<Facts> {
  return { place: { ...SOUND.place!, ...facts } };
}

describe("the machine", () => {
  const byKey: GateEndpoint = { ...GATE, trust: "key" };
  const keyed = configuration("both", { substituters: GATE.url, "trusted-public-keys": GATE.publicKey });
  const file = (mode: number, uid = 0) => held("/h", step("/h", "file", mode, uid));
  const daemon = { listens: true, environmentRead: true, stale: false, options: [] };
  const CASES: Record<string, [Partial<Facts>, setting: string, state: Finding["state"]]> = {
    "hook program writable by all": [{ hookPrograms: [file(0o757)] }, "hook program", "open"],
    "hook program of another user": [{ hookPrograms: [file(0o755, 1000)] }, "hook program", "open"],
    "hook missing": [{ hook: { ...file(0o755), missing: true } }, "hook file", "open"],
    "hook a directory": [{ hook: held("/h", step("/h", "directory", 0o755)) }, "hook file", "open"],
    "hook not executable": [{ hook: file(0o644) }, "hook file", "open"],
    "hook writable by the group": [{ hook: file(0o775) }, "hook file", "open"],
    "hook writable by all": [{ hook: file(0o757) }, "hook file", "open"],
    "hook of another user": [{ hook: file(0o755, 1000) }, "hook file", "open"],
    "hook of the calling user, with a daemon": [
      { hook: file(0o755, 1000), uid: 1000, daemon },
      "hook file",
      "open",
    ],
    "hook in a directory that others write": [
      { hook: held("/d/h", step("/d", "directory", 0o777), step("/d/h", "file", 0o755)) },
      "hook file",
      "open",
    ],
    "hook behind another's link": [
      { hook: held("/l", step("/l", "link", 0o777, 1000), step("/h", "file", 0o755)) },
      "hook file",
      "open",
    ],
    "nobody at the socket": [{ socket: { ok: false, problem: "x" } }, "gate socket", "open"],
    "nobody at the URL": [{ cacheInfo: { ok: false, problem: "x" } }, "gate substituter", "open"],
    "another store": [
      { cacheInfo: { ok: true, said: "StoreDir: /gnu/store\n" } },
      "gate substituter",
      "open",
    ],
    "no cache": [{ cacheInfo: { ok: true, said: "<html>" } }, "gate substituter", "open"],
    "no rules": [{ trust: { ok: false, problem: "expired" } }, "trust repository", "open"],
    "state others write": [
      { stateDir: held("/s", step("/s", "directory", 0o777)) },
      "state directory",
      "open",
    ],
    "state sticky but for all": [
      { stateDir: held("/s", step("/s", "directory", 0o1777)) },
      "state directory",
      "open",
    ],
    "state missing": [{ stateDir: { path: "/s", steps: [], missing: true } }, "state directory", "unknown"],
    "gate directory of another": [
      { gateDir: held("/g", step("/g", "directory", 0o755, 7)) },
      "gate directory",
      "open",
    ],
    "key for the group": [{ keys: [held("/k", step("/k", "file", 0o640))] }, "gate key", "open"],
    "key of another": [{ keys: [held("/k", step("/k", "file", 0o600, 7))] }, "gate key", "open"],
    "no namespaces": [{ namespaces: { ok: false, problem: "EPERM" } }, "namespaces", "open"],
    "git too old": [{ git: { ok: true, said: "git version 2.37.9" } }, "git", "open"],
    "a Git that notices no collisions": [
      { collisions: { ok: false, problem: "x" } },
      "SHA-1 collisions",
      "open",
    ],
    "no git": [{ git: { ok: false, problem: "x" } }, "git", "open"],
    "no xz": [{ xz: { ok: false, problem: "x" } }, "xz", "open"],
    "built unadmitted": [{ tried: { kind: "built" } }, "a build that nobody admitted", "open"],
    "build failed": [
      { tried: { kind: "failed", said: "disk full" } },
      "a build that nobody admitted",
      "unknown",
    ],
    "daemon older than nix.conf": [{ daemon: { ...daemon, stale: true } }, "nix-daemon", "open"],
    "daemon of another user": [{ daemon: { ...daemon, environmentRead: false } }, "nix-daemon", "unknown"],
    "daemon with an option": [{ daemon: { ...daemon, options: ["--force-trusted"] } }, "nix-daemon", "open"],
    "accepted flakes": [{ acceptedFlakeSettings: ["substituters x"] }, "accepted flakes", "open"],
    "gate trusted by its key": [{ gate: { endpoint: byKey }, configurations: [keyed] }, "gate trust", "open"],
    "users may bind its port": [place({ start: 501 }), "gate port", "open"],
    "who may bind its port is not known": [place({ start: undefined }), "gate port", "unknown"],
    "another user listens": [place({ listeners: [{ address: "0.0.0.0", uid: 7 }] }), "gate listener", "open"],
    "who listens is not known": [place({ listeners: undefined }), "gate listener", "unknown"],
    "the gate has another port": [
      place({ says: { ...SAYS, url: "http://127.0.0.1:502/" } }),
      "gate address",
      "open",
    ],
    "the gate is trusted otherwise": [place({ says: { ...SAYS, trust: "key" } }), "gate address", "open"],
    "the gate in another network": [place({ says: { ...SAYS, network: "net:[2]" } }), "gate address", "open"],
    "a proxy of the caller's": [
      place({ readers: [{ ...READER, proxy: "http_proxy" }] }),
      "way to the gate",
      "open",
    ],
    "a proxy of one daemon of two": [
      {
        daemon,
        ...place({
          readers: [
            { ...READER, of: "daemon" },
            { ...READER, of: "daemon", proxy: "all_proxy" },
          ],
        }),
      },
      "way to the gate",
      "open",
    ],
    "the daemon in another network": [
      { daemon, ...place({ readers: [{ ...READER, of: "daemon", network: "net:[2]" }] }) },
      "way to the gate",
      "open",
    ],
    "a daemon whose environment is not read": [
      { daemon, ...place({ readers: [{ ...READER, of: "daemon", seen: false }] }) },
      "way to the gate",
      "unknown",
    ],
    "a daemon that is not found": [{ daemon, ...place({ readers: [READER] }) }, "way to the gate", "unknown"],
    "a process that may bind low ports": [place({ processes: ["caddy"] }), "low ports", "open"],
    "a program that may": [place({ programs: ["/usr/bin/rootlesskit"] }), "low ports", "open"],
    "processes that are not seen": [place({ processes: undefined }), "low ports", "unknown"],
    "programs that are not seen": [place({ programs: undefined }), "low ports", "unknown"],
    "not stock Nix": [{ nixVersion: "nix (Lix, like Nix) 2.93.0" }, "nix", "unknown"],
  };

  test.each(Object.entries(CASES))("%s", (_, [facts, setting, state]) => {
    expect(notClosed(facts).map((finding) => [finding.setting, finding.state])).toEqual([[setting, state]]);
  });

  test("a socket that the service manager holds is never free for others", () => {
    const facts = place({ processes: ["caddy"], says: { ...SAYS, heldBy: "service manager" } });
    expect(notClosed(facts)).toEqual([]);
  });

  test("a caller's proxy counts where no daemon substitutes, and a daemon's where one does", () => {
    const readers = [READER, { ...READER, of: "daemon" as const, proxy: "http_proxy" }];
    expect(notClosed(place({ readers }))).toEqual([]);
  });

  test("of a caller whose daemon substitutes, the proxy does not matter", () => {
    const readers = [
      { ...READER, proxy: "http_proxy" },
      { ...READER, of: "daemon" as const },
    ];
    expect(notClosed({ daemon, ...place({ readers }) })).toEqual([]);
  });

  test("a sticky directory above is no weakness, nor is one's own hook without a daemon", () => {
    const inTmp = held("/tmp/h", step("/tmp", "directory", 0o1777), step("/tmp/h", "file", 0o755));
    expect(notClosed({ hook: inTmp })).toEqual([]);
    expect(notClosed({ uid: 1000, hook: file(0o755, 1000) })).toEqual([]);
  });
});
