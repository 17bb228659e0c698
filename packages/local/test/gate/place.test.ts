/** Which ports are root's alone, who listens where, and what the service manager hands over: deciding, without a gate. */
import { describe, expect, test } from "vitest";
import { handedSocket } from "../../src/gate/handed-socket.ts";
import { parseListeners } from "../../src/gate/listeners.ts";
import { PlaceError, portsToTry, requirePrivileged, unprivilegedPortStart } from "../../src/gate/place.ts";
import { proxyForLoopback } from "../../src/nix-conf/proxy.ts";

describe("the first port that every user may bind", () => {
  test.each([
    ["1024\n", 1024],
    ["0\n", 0],
    ["65536\n", 65536],
    ["", undefined],
    ["-1\n", undefined],
    ["1024 \n1", undefined],
  ])("%j is read as %s", (text, start) => expect(unprivilegedPortStart(() => text)).toBe(start));

  test("where the kernel does not say, it is not known", () => {
    const absent = () => {
      throw new Error("ENOENT");
    };
    expect(unprivilegedPortStart(absent)).toBeUndefined();
    expect(() => requirePrivileged(339, undefined)).toThrow(/cannot be read/);
  });
});

describe("a port", () => {
  test.each([
    [339, 1024],
    [1023, 1024],
    [1023, 2000],
    [79, 80],
    [0, 1024],
  ])("%i is root's alone where users begin at %i", (port, start) => {
    expect(() => requirePrivileged(port, start)).not.toThrow();
  });

  test.each([
    [1024, 1024, "choose one below 1024"],
    [17339, 1024, "choose one below 1024"],
    // The kernel lets an administrator reserve more, and endpoint.json and doctor hold to 1024.
    [1500, 2000, "choose one below 1024"],
    [339, 0, "sysctl -w net.ipv4.ip_unprivileged_port_start=1024"],
    [0, 0, "sysctl -w net.ipv4.ip_unprivileged_port_start=1024"],
    [80, 80, "sysctl -w net.ipv4.ip_unprivileged_port_start=1024"],
  ])("%i is not, where users begin at %i: %s", (port, start, help) => {
    let caught: unknown;
    try {
      requirePrivileged(port, start);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(PlaceError);
    expect((caught as PlaceError).help).toContain(help);
  });

  test("any free one is looked for below the limit alone", () => {
    const ports = portsToTry(0, "place", 1024);
    expect([Math.min(...ports), Math.max(...ports), new Set(ports).size]).toEqual([256, 511, 253]);
    expect([...portsToTry(0, "place", 4)].sort()).toEqual([2, 3]);
    expect(portsToTry(0, "place", 0)).toEqual([]);
    expect(portsToTry(0, "place", undefined)).toEqual([]);
    expect(portsToTry(0, "key", 1024)).toEqual([0]);
    expect(portsToTry(339, "place", 1024)).toEqual([339]);
  });

  test.each([1024, 257])("those are left out that fetch refuses, below %s", async (start) => {
    const refused: number[] = [];
    for (const port of portsToTry(0, "place", start)) {
      const signal = AbortSignal.timeout(1000);
      const cause = await fetch(`http://127.0.0.1:${port}/`, { signal }).catch(({ cause }) => cause);
      if (cause instanceof Error && cause.message === "bad port") refused.push(port);
    }
    expect(refused).toEqual([]);
  });
});

describe("a socket that is handed over", () => {
  const of = (env: NodeJS.ProcessEnv) => handedSocket(env, 7);
  test("is descriptor 3, and this process's alone", () => {
    expect(of({ LISTEN_PID: "7", LISTEN_FDS: "1" })).toBe(3);
    expect(of({ LISTEN_PID: "8", LISTEN_FDS: "1" })).toBeUndefined();
    expect(of({ LISTEN_FDS: "1" })).toBeUndefined();
    expect(of({})).toBeUndefined();
  });
  test.each(["0", "2", "", undefined])("is one: LISTEN_FDS = %j is refused", (LISTEN_FDS) => {
    expect(() => of({ LISTEN_PID: "7", LISTEN_FDS })).toThrow(PlaceError);
  });
});

describe("who listens", () => {
  const HEAD =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
  const line = (address: string, state: string, uid: number) =>
    `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 551 1 0 100 0 0 10 0\n`;
  const at = (...lines: string[]) => parseListeners(HEAD + lines.join(""), 339);

  test.each([
    ["0100007F:0153", "127.0.0.1"],
    ["00000000:0153", "0.0.0.0"],
    ["00000000000000000000000000000000:0153", "[::]"],
    ["0000000000000000FFFF00000100007F:0153", "[::ffff:127.0.0.1]"],
  ])("%s answers at 127.0.0.1", (address, name) => {
    expect(at(line(address, "0A", 1000))).toEqual([{ address: name, uid: 1000 }]);
  });

  test.each([
    ["another port", line("0100007F:0154", "0A", 0)],
    ["another address", line("0200007F:0153", "0A", 0)],
    ["::1", line("00000000000000000000000001000000:0153", "0A", 0)],
    ["a connection", line("0100007F:0153", "01", 0)],
  ])("not by %s", (_, text) => expect(at(text)).toEqual([]));

  test("a line of another form is an error, not nobody", () => {
    expect(() => at("   0: 0100007F:0153 ???\n")).toThrow(/unknown line/);
  });
});

describe("a proxy for 127.0.0.1", () => {
  const of = (env: Record<string, string>) => proxyForLoopback(new Map(Object.entries(env)));
  const http_proxy = "http://proxy:3128";
  test.each([
    [{}, undefined],
    [{ http_proxy }, "http_proxy"],
    [{ all_proxy: http_proxy }, "all_proxy"],
    [{ ALL_PROXY: http_proxy }, "ALL_PROXY"],
    [{ HTTP_PROXY: http_proxy }, undefined],
    [{ https_proxy: http_proxy }, undefined],
    [{ http_proxy: "" }, undefined],
    [{ http_proxy, no_proxy: "127.0.0.1" }, undefined],
    [{ http_proxy, no_proxy: "example.org, 127.0.0.1" }, undefined],
    [{ http_proxy, NO_PROXY: "127.0.0.1" }, undefined],
    [{ http_proxy, no_proxy: "*" }, undefined],
    [{ http_proxy, no_proxy: "localhost" }, "http_proxy"],
    // Older versions of libcurl do not know networks.
    [{ http_proxy, no_proxy: "127.0.0.0/8" }, "http_proxy"],
    [{ http_proxy, no_proxy: "", NO_PROXY: "127.0.0.1" }, "http_proxy"],
    [{ http_proxy, no_proxy: "127.0.0.11" }, "http_proxy"],
  ] as [Record<string, string>, string | undefined][])("%j: %s", (env, variable) =>
    expect(of(env)).toBe(variable),
  );
});
