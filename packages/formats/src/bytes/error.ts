/** The formats this package reads, as they are named in error messages. */
export type FormatName =
  | "git object"
  | "git commit"
  | "git tag"
  | "git tree"
  | "openpgp"
  | "ssh key"
  | "sshsig"
  | "nix32"
  | "nix hash"
  | "store path"
  | "nar"
  | "nar export"
  | "tar"
  | "narinfo"
  | "nix key"
  | "minisign"
  | "signify"
  | "checksum list"
  | "sigstore bundle"
  | "derivation"
  | "nix expression"
  | "flake.lock"
  | "npins sources"
  | "niv sources"
  | "nix expression"
  | "dsse"
  | "statement"
  | "cms"
  | "x509 certificate"
  | "transparency log entry"
  | "hex"
  | "base64";

/**
 * Bytes that are not what they claim to be. The only error that a reader in this package throws on bad input,
 * whoever wrote the input: it names the field and where it stands, and never carries the input itself.
 */
export class FormatError extends Error {
  readonly format: FormatName;
  /** What was being read, in the format's own words: `NarSize`, `hashed subpackets`, `parent`. */
  readonly field: string;
  /** Byte offset into the input (character offset for text given as a string), where reading stopped. */
  readonly offset: number;

  constructor(format: FormatName, field: string, offset: number, problem: string) {
    super(`${format}: ${field} at offset ${offset}: ${problem}`);
    this.name = "FormatError";
    this.format = format;
    this.field = field;
    this.offset = offset;
  }
}
