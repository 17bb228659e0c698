/** Archives byte by byte, as nobody's program would write them. */
const BLOCK = 512;

export interface Header {
  readonly name: string;
  readonly type?: string;
  readonly content?: string | Uint8Array;
  readonly link?: string;
  readonly mode?: string;
  readonly size?: string | Buffer;
  readonly magic?: string;
  readonly prefix?: string;
  /** Undefined: the right one. */
  readonly sum?: string;
}

export function tarHeader(header: Header): Buffer {
  const { name, type = "0", content = "", link = "", magic = "ustar\x0000" } = header;
  const mode = header.mode ?? (type === "5" || name.endsWith("/") ? "0000755\0" : "0000644\0");
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100, "latin1");
  block.write(mode, 100, 8, "latin1");
  const size = header.size ?? `${Buffer.from(content).length.toString(8).padStart(11, "0")}\0`;
  Buffer.from(size).copy(block, 124, 0, 12);
  block.write("00000000000\0", 136, 12, "latin1");
  block.write(type, 156, 1, "latin1");
  block.write(link, 157, 100, "latin1");
  block.write(magic, 257, 8, "latin1");
  block.write(header.prefix ?? "", 345, 155, "latin1");
  block.fill(" ", 148, 156);
  const sum = block.reduce((a, b) => a + b, 0);
  block.write(header.sum ?? `${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
  return block;
}

export function tarOf(headers: readonly Header[], end: Uint8Array = Buffer.alloc(2 * BLOCK)): Buffer {
  const parts = headers.flatMap((header) => {
    const content = Buffer.from(header.content ?? "");
    return [tarHeader(header), content, Buffer.alloc(-content.length & (BLOCK - 1))];
  });
  return Buffer.concat([...parts, end]);
}

/** A pax header of these records. */
export function pax(records: Readonly<Record<string, string>>, type = "x"): Header {
  const content = Object.entries(records).map(([key, value]) => record(key, value));
  return { name: "pax", type, content: content.join("") };
}

function record(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return `${length} ${key}=${value}\n`;
}
