/**
 * Reads tar archives: v7, ustar, pax and GNU's long names. POSIX.1-2017, pax, "ustar Interchange Format".
 *
 * Claims: one reading of each archive, the one that GNU tar, libarchive and Nix share. Against: archives made so that
 * two readers see two trees, and archives that hold anything but files. Whatever only some readers understand is
 * refused: tar-header.ts and tar-pax.ts have the grammar of fields and records, this module that of their order.
 * Leaves out where the paths lead and whether one is there twice: tree.ts. Owners and times are not looked at.
 */
import { shownName } from "./refused.ts";
import { BLOCK, type Dialect, isZero, readHeader, refuse, type TarHeader } from "./tar-header.ts";
import { type Ahead, checkGlobal, longAhead, MAX_NAME, paxAhead } from "./tar-pax.ts";

export type TarEntry = { readonly path: string } & (
  | { readonly kind: "directory" }
  | { readonly kind: "symlink"; readonly target: Uint8Array }
  /** To an earlier file of the archive, by its path there. */
  | { readonly kind: "hardlink"; readonly target: string; readonly executable: boolean }
  | { readonly kind: "file"; readonly executable: boolean; readonly content: Uint8Array }
);

/** Entries in order; paths as byte strings, as they stand there. Throws `ArchiveRefused`. */
export function* tarEntries(archive: Buffer): Generator<TarEntry> {
  const order = new Order();
  for (let at = 0; ; ) {
    const block = archive.subarray(at, at + BLOCK);
    if (block.length < BLOCK) refuse(at, "it ends without its end mark");
    if (isZero(block)) return order.end(archive, at);
    const header = readHeader(block, at);
    const content = contentOf(archive, header, at);
    const entry = order.next(header, content, at);
    at += BLOCK + Math.ceil(header.size / BLOCK) * BLOCK;
    if (entry) yield entry;
  }
}

function contentOf(archive: Buffer, { size }: TarHeader, at: number): Buffer {
  const start = at + BLOCK;
  const padded = archive.subarray(start, start + Math.ceil(size / BLOCK) * BLOCK);
  if (padded.length < size) refuse(at, "it ends inside a file");
  if (!isZero(padded.subarray(size)))
    refuse(at, "it has bytes between the end of a file and the next header");
  return padded.subarray(0, size);
}

/** Which header may follow which. */
class Order {
  #first: TarHeader | undefined;
  /** Of all headers but those of long names. */
  #dialect: Dialect | undefined;
  /** Extended headers that speak of the next entry, by their types. */
  #types = "";
  #ahead: Ahead = {};

  next(header: TarHeader, content: Buffer, at: number): TarEntry | undefined {
    const isFirst = this.#first === undefined;
    this.#first ??= checkedFirst(header, at);
    if (header.type === "L" || header.type === "K") return this.#long(header, header.type, content, at);
    this.#dialect ??= header.dialect;
    if (header.dialect !== this.#dialect) refuse(at, "it mixes formats");
    switch (header.type) {
      case "g":
        if (!isFirst || header.dialect !== "posix")
          refuse(at, "it has a global pax header that is not the first header");
        return void checkGlobal(content, at);
      case "x":
        if (header.dialect !== "posix") refuse(at, "it has a pax header in another format");
        if (this.#types !== "")
          refuse(at, "it has two extended headers about the same property of one entry");
        return this.#remember("x", paxAhead(content, at), at);
      default:
        return this.#entry(header, content, at);
    }
  }

  /** Some writers put GNU's long names in front of headers of POSIX. */
  #long({ dialect, path }: TarHeader, type: "L" | "K", content: Buffer, at: number): undefined {
    if (dialect !== "gnu" || path !== "././@LongLink") refuse(at, "it has a long name in another format");
    if (this.#types.includes("x"))
      refuse(at, "it has two extended headers about the same property of one entry");
    return this.#remember(type, longAhead(type, content, at), at);
  }

  #remember(type: string, said: Ahead, at: number): undefined {
    if (this.#types.includes(type))
      refuse(at, "it has two extended headers about the same property of one entry");
    this.#types += type;
    this.#ahead = { ...this.#ahead, ...said };
  }

  #entry(header: TarHeader, content: Buffer, at: number): TarEntry {
    const entry = entryOf(header, content, this.#ahead, at);
    this.#types = "";
    this.#ahead = {};
    return entry;
  }

  /** Two empty blocks at least: one alone ends an archive for some readers only. Some look on behind the first. */
  end(archive: Buffer, at: number): void {
    if (this.#types !== "") refuse(at, "it ends after an extended header");
    const rest = archive.subarray(at);
    if (!isZero(rest)) refuse(at, "it has bytes after its end");
    if (rest.length < 2 * BLOCK || rest.length % BLOCK !== 0) refuse(at, "it ends without its end mark");
  }
}

/**
 * libarchive asks all its formats and filters what the first bytes look like, and takes the surest. A header of today
 * is surer than any; one of v7 is not: a file called MSCF makes it a cabinet, and one called MZ… is searched for one.
 */
function checkedFirst(header: TarHeader, at: number): TarHeader {
  const bytes = Buffer.from(header.path, "latin1");
  if (bytes.some((byte) => byte < 0x20 || byte === 0x7f))
    refuse(at, "its first name holds a control character");
  if (header.dialect === "v7" && /^(?:MZ|MSCF)/.test(header.path))
    refuse(at, `it begins as another format: ${shownName(header.path)}`);
  return header;
}

function entryOf(header: TarHeader, content: Buffer, ahead: Ahead, at: number): TarEntry {
  const path = ahead.path ?? header.path;
  const target = ahead.target ?? header.target;
  if (path === "" || path.length > MAX_NAME || target.length > MAX_NAME)
    refuse(at, "it has a name that is empty or too long");
  if (ahead.size !== undefined && ahead.size !== header.size) refuse(at, "it gives one file two sizes");
  const { type } = header;
  if (!isFile(type) && content.length > 0)
    refuse(at, `it has an entry of type ${JSON.stringify(type)} with content`);
  if (type !== "1" && type !== "2" && target !== "")
    refuse(at, `it has a link's target for an entry of type ${JSON.stringify(type)}`);
  // v7 knows no other mark of a directory. Readers differ about what a slash makes where there is one.
  if (header.dialect === "v7" && type === "\0" && path.endsWith("/") && content.length === 0)
    return entryByType({ ...header, type: "5" }, path, target, content, at);
  if (type !== "5" && path.endsWith("/")) refuse(at, "it has a file whose name ends in a slash");
  return entryByType(header, path, target, content, at);
}

function isFile(type: string): boolean {
  return type === "0" || type === "\0";
}

function entryByType(
  { type, mode }: TarHeader,
  path: string,
  target: string,
  content: Buffer,
  at: number,
): TarEntry {
  // Without these its owner could not read it, once it is unpacked.
  const needed = type === "5" ? 0o500 : isFile(type) ? 0o400 : 0;
  if ((mode & needed) !== needed) refuse(at, `its owner could not read ${shownName(path)}`);
  const executable = (mode & 0o100) !== 0;
  switch (type) {
    case "5":
      return { kind: "directory", path };
    case "2":
      return { kind: "symlink", path, target: Buffer.from(target, "latin1") };
    case "1":
      return { kind: "hardlink", path, target, executable };
    case "0":
    case "\0":
      return { kind: "file", path, executable, content };
    case "3":
    case "4":
    case "6":
      return refuse(at, `it has a device or pipe, ${shownName(path)}`);
    default:
      return refuse(at, `it has an entry of type ${JSON.stringify(type)}`);
  }
}
