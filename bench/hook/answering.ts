/** A gate that allows everything at once, on the socket given: what is left is the hook's own time. */
import { createServer } from "node:http";

const answer = JSON.stringify({ allowed: true });
createServer((_request, response) => response.end(answer)).listen(process.argv[2], () =>
  console.log("ready"),
);
