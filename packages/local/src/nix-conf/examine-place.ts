/**
 * Whether only the gate can answer where Nix asks. That program is believed without a signature, so each way in which
 * another could is open, and what cannot be seen is unknown. Deciding only.
 */
import { type GateEndpoint, portOf } from "./endpoint.ts";
import type { Facts, Finding, PlaceFacts, ReaderOfPlace } from "./facts.ts";

export function examinePlace({ gate, place, daemon, uid }: Facts): Finding[] {
  const { endpoint } = gate;
  if (endpoint === undefined || place === undefined) return [];
  if (endpoint.trust === "key") return [byKey(uid)];
  return [
    port(endpoint, place),
    listener(endpoint, place),
    ...said(endpoint, place),
    ...waysToTheGate(place, daemon === undefined ? "caller" : "daemon"),
    binders(place),
  ];
}

const WHO = "the program that answers at the gate's port is believed without a signature";

/** A signature has no end. Root can do better, for every user of the machine. */
function byKey(uid: number): Finding {
  return {
    setting: "gate trust",
    state: "open",
    found: "by its key",
    why: "a signature has no end: users can keep what the gate signed, and bring it in after a distrust",
    line:
      uid === 0 ? "start the gate without --trust key, then firstmile nix-conf" : "have root run the gate",
  };
}

function port({ url }: GateEndpoint, { start }: PlaceFacts): Finding {
  const about = { setting: "gate port", why: WHO };
  const at = portOf(url);
  if (start === undefined)
    return { ...about, state: "unknown", found: "net.ipv4.ip_unprivileged_port_start cannot be read" };
  if (at < start) return { ...about, state: "closed", found: `${at}: only root can listen there` };
  const found = `${at}: every user can listen there when the gate is down (ports from ${start} on)`;
  const line = "sysctl -w net.ipv4.ip_unprivileged_port_start=1024, and the same in /etc/sysctl.d";
  return { ...about, state: "open", found, line };
}

function listener({ url }: GateEndpoint, { listeners }: PlaceFacts): Finding {
  const about = { setting: "gate listener", why: WHO };
  const at = portOf(url);
  if (listeners === undefined)
    return { ...about, state: "unknown", found: "/proc/net/tcp cannot be read, or is not understood" };
  const other = listeners.find(({ uid }) => uid !== 0);
  if (other === undefined) {
    const found =
      listeners.length === 0 ? `no program listens on port ${at}` : `a process of root listens on ${at}`;
    return { ...about, state: "closed", found };
  }
  const found = `a process of user ${other.uid} listens on ${other.address}:${at}`;
  return { ...about, state: "open", found, line: `ss -ltnp 'sport = :${at}' shows it; end it` };
}

/** The gate that answers on the Unix socket is the one whose address Nix was given. */
function said({ url, trust }: GateEndpoint, { says, network }: PlaceFacts): Finding[] {
  if (says === undefined) return [];
  const about = { setting: "gate address", why: WHO };
  if (says.url !== url || says.trust !== trust) {
    const found = `the gate listens at ${says.url}, trusted by its ${says.trust}; endpoint.json says ${url}`;
    return [{ ...about, state: "open", found, line: "start the gate again, then firstmile nix-conf" }];
  }
  if (network !== undefined && says.network !== "" && says.network !== network) {
    const found = "the gate runs in another network namespace: 127.0.0.1 is not the same address there";
    return [{ ...about, state: "open", found, line: "run the gate in the machine's own network" }];
  }
  return [{ ...about, state: "closed", found: `${url}, held by the ${says.heldBy}` }];
}

/** One row, or one a process that does not reach it: a daemon's children have what it has. */
function waysToTheGate(place: PlaceFacts, of: ReaderOfPlace["of"]): Finding[] {
  const found = place.readers.filter((reader) => reader.of === of).map(reaches(place));
  if (found.length === 0) return [unseen("nix-daemon was not found among the processes")];
  const different = new Map(found.map((finding) => [finding.found, finding]));
  const bad = [...different.values()].filter(({ state }) => state !== "closed");
  return bad.length > 0 ? bad : found.slice(0, 1);
}

function unseen(found: string): Finding {
  const line = "run firstmile doctor as root while nix-daemon runs";
  return { setting: "way to the gate", state: "unknown", found, why: WHO, line };
}

function reaches({ network }: PlaceFacts): (reader: ReaderOfPlace) => Finding {
  return ({ of, proxy, seen, network: theirs }) => {
    const about = { setting: "way to the gate", why: WHO };
    const who = of === "daemon" ? "nix-daemon" : "this user's Nix";
    if (theirs !== undefined && network !== undefined && theirs !== network) {
      const found = `${who} runs in another network namespace, where others can answer`;
      return { ...about, state: "open", found, line: "run nix-daemon in the machine's own network" };
    }
    if (!seen) return unseen(`the environment of ${who} cannot be read by this user`);
    if (proxy === undefined) return { ...about, state: "closed", found: `${who} asks it without a proxy` };
    const found = `${who} asks a proxy for it: ${proxy} is set, and no_proxy does not name 127.0.0.1`;
    const line =
      of === "daemon"
        ? "systemctl edit nix-daemon: [Service] Environment=no_proxy=127.0.0.1, then stop and start it"
        : "export no_proxy=127.0.0.1";
    return { ...about, state: "open", found, line };
  };
}

/** While the service manager holds the socket, the port is never free. */
function binders({ processes, programs, says }: PlaceFacts): Finding {
  const about = {
    setting: "low ports",
    why: "others who may listen below 1024 could answer while the gate is down",
  };
  const found = [...(processes ?? []), ...(programs ?? [])];
  if (says?.heldBy === "service manager")
    return { ...about, state: "closed", found: "the service manager holds the gate's port" };
  if (found.length > 0) {
    const line =
      "let systemd hold the port (examples/firstmile.socket), or take cap_net_bind_service from them";
    return { ...about, state: "open", found: `not root's alone: ${found.join(", ")}`, line };
  }
  if (processes !== undefined && programs !== undefined)
    return { ...about, state: "closed", found: "no program of another user may bind them" };
  const line = processes === undefined ? "run firstmile doctor as root" : "install getcap (libcap2-bin)";
  return { ...about, state: "unknown", found: "who may bind them cannot be seen", line };
}
