/**
 * People with keys of their own, made by ssh-keygen and gpg, and a Git that signs with them. Each has a home that
 * the others do not read.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { baseEnvironment } from "./machines.ts";
import { type Ended, run, runOk } from "./processes.ts";
import { commandLine, type Screen } from "./screen.ts";
import type { Workplace } from "./workplace.ts";

export type PersonName = "alice" | "bob" | "carol" | "dave" | "mallory";

export class Person {
  readonly name: PersonName;
  readonly home: string;
  /** File with the public key, as a trust repository takes it. */
  readonly publicKey: string;
  private readonly screen: Screen;
  private readonly env: Readonly<Record<string, string>>;

  constructor(workplace: Workplace, screen: Screen, name: PersonName) {
    this.name = name;
    this.screen = screen;
    this.home = workplace.make(name);
    this.publicKey = join(this.home, name === "bob" ? "bob.asc" : `${name}.pub`);
    workplace.make(name, ".gnupg");
    this.env = { ...baseEnvironment(this.home), GNUPGHOME: join(this.home, ".gnupg") };
  }

  /** Makes the key and the Git set-up that signs with it. */
  async makeKey(workplace: Workplace): Promise<void> {
    const signing = this.name === "bob" ? await this.makeOpenPgpKey(workplace) : await this.makeSshKey();
    const lines = ["[user]", `name = ${this.name}`, `email = ${this.name}@acme.example`, ...signing];
    lines.push(
      "[commit]",
      "gpgSign = true",
      "[init]",
      "defaultBranch = main",
      "[advice]",
      "detachedHead = false",
    );
    lines.push("[merge]", "ff = false", "[push]", "autoSetupRemote = true");
    writeFileSync(join(this.home, ".gitconfig"), `${lines.join("\n")}\n`);
  }

  private async makeSshKey(): Promise<string[]> {
    await this.types("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", this.name, "-f", this.name);
    return [`signingKey = ${this.publicKey}`, "[gpg]", "format = ssh"];
  }

  private async makeOpenPgpKey(workplace: Workplace): Promise<string[]> {
    workplace.onClose(() => this.does("gpgconf", "--kill", "all"));
    await runOk(["chmod", "700", this.env.GNUPGHOME!], this.options("."));
    const id = `${this.name}@acme.example`;
    await this.types(
      "gpg",
      "--batch",
      "-q",
      "--passphrase",
      "",
      "--quick-generate-key",
      id,
      "ed25519",
      "sign",
    );
    writeFileSync(this.publicKey, await this.does("gpg", "--armor", "--export", id));
    return [`signingKey = ${id}`, "[gpg]", "format = openpgp"];
  }

  /** Runs a command that the screen shows; it has to succeed. */
  types(...words: string[]): Promise<string> {
    return this.typesIn(".", ...words);
  }

  /** The same in another directory. */
  typesIn(dir: string, ...words: string[]): Promise<string> {
    return this.screen.command(this.name, commandLine(words), () => runOk(words, this.options(dir)));
  }

  /** Runs a command that is not worth showing. */
  does(...words: string[]): Promise<string> {
    return runOk(words, this.options("."));
  }

  doesIn(dir: string, ...words: string[]): Promise<string> {
    return runOk(words, this.options(dir));
  }

  /** Runs a command that may well fail. */
  tries(dir: string, ...words: string[]): Promise<Ended> {
    return run(words, this.options(dir));
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.home, file), text);
  }

  read(file: string): string {
    return readFileSync(join(this.home, file), "utf8");
  }

  private options(dir: string) {
    return { cwd: resolve(this.home, dir), env: this.env };
  }
}
