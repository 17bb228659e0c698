/**
 * A listening socket that the service manager opened and hands over (sd_listen_fds(3)): it stays open while the gate
 * restarts, so no other program can take the address in between. One socket, on 127.0.0.1.
 *
 * Against programs of other users that root gave CAP_NET_BIND_SERVICE. Those without it cannot bind such a port anyway.
 */
import { PlaceError } from "./place.ts";

/** The descriptor of the one socket that was handed over, or undefined. Throws `PlaceError` where there are more. */
export function handedSocket(env: NodeJS.ProcessEnv, pid: number): number | undefined {
  const { LISTEN_PID, LISTEN_FDS } = env;
  // Left over from a program that started this one: not for us.
  if (LISTEN_PID === undefined || Number(LISTEN_PID) !== pid) return undefined;
  if (LISTEN_FDS === "1") return SD_LISTEN_FDS_START;
  throw new PlaceError(
    `the service manager handed over ${LISTEN_FDS ?? "no"} sockets, and the gate takes one`,
    "keep one ListenStream=127.0.0.1:PORT in the socket unit, as in examples/firstmile.socket",
  );
}

const SD_LISTEN_FDS_START = 3;
