/** Servers of tests on a port that only root can bind: any free one, since many worlds run at once. */
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { portsToTry, unprivilegedPortStart } from "@firstmile/local/gate/place";

/** Listens on 127.0.0.1; resolves to the port. */
export async function listenLow(server: Server): Promise<number> {
  for (const port of portsToTry(0, "place", unprivilegedPortStart())) {
    try {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
      return (server.address() as AddressInfo).port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
  throw new Error("no port below 512 is free");
}
