/** Real HTTP on loopback for what machines fetch from each other: caches, a mirror of tarballs, a forge. */
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import type { Workplace } from "./workplace.ts";

/** Serves the files of a directory on a free port until the demo ends; gives the URL. */
export function serve(workplace: Workplace, dir: string): Promise<string> {
  const server = createServer((request, response) => {
    const file = join(dir, normalize(decodeURIComponent(request.url ?? "/")));
    const size = sizeOf(file);
    if (size === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { "Content-Length": size });
    if (request.method === "HEAD") response.end();
    else createReadStream(file).pipe(response);
  });
  workplace.onClose(async () => {
    server.close();
    server.closeAllConnections();
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(`http://127.0.0.1:${typeof address === "object" && address ? address.port : ""}`);
    });
  });
}

function sizeOf(file: string): number | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  return found?.isFile() ? found.size : undefined;
}
