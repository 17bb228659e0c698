/** Which of the three readers asks for a NAR. */
import { openFileSource } from "./filesource.ts";
import { openHttpSource } from "./httpsource.ts";
import type { Outgoing } from "./outgoing.ts";
import { openPlainSource } from "./plainsource.ts";
import type { ByteSource, SourceRequest } from "./source.ts";

/** From here on a connection of its own costs less than reading into large buffers saves. */
const PLAIN_FROM_BYTES = 2 ** 20;

/** Opens `url`; `size` is what the NAR is expected to have. Throws TransferError, or what the system throws. */
export async function openSource(
  outgoing: Outgoing,
  url: URL,
  request: SourceRequest,
  size: number | undefined,
): Promise<ByteSource> {
  if (url.protocol === "file:") return await openFileSource(url, request);
  const large = request.method === "GET" && (size ?? PLAIN_FROM_BYTES) >= PLAIN_FROM_BYTES;
  const plain = large && url.protocol === "http:" ? await openPlainSource(url, request) : undefined;
  return plain ?? (await openHttpSource(outgoing, url, request));
}
