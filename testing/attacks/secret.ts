/**
 * A file that root alone can read, and the search for what an attack may have made of it: its bytes, their base64, or
 * one of its digests, in anything that the machine's other users or an answer could show.
 */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { encodeNix32 } from "@firstmile/formats/nix/base32";

const run = promisify(execFile);

export class Secret {
  readonly dir: string;
  /** The file's absolute path. It is a Nix expression too: a string. */
  readonly file: string;
  readonly marker = `MARKER${randomBytes(12).toString("hex")}`;

  private readonly also: { readonly file: string; readonly text: string }[] = [];

  /** `uid`: whose secret it is. */
  constructor(dir: string, uid = 0) {
    this.dir = dir;
    this.file = join(dir, "token");
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const name of ["token", "default.nix", this.marker]) this.write(name, `"${this.marker}"\n`, uid);
    this.write("flake.nix", `{ outputs = _: { words = "${this.marker}"; }; }\n`, uid);
    chownSync(dir, uid, uid);
    chmodSync(dir, 0o700);
  }

  /** Another file whose text must be nowhere else. */
  add(file: string): void {
    this.also.push({ file, text: readFileSync(file, "utf8").trim() });
  }

  private write(name: string, text: string, uid: number): void {
    writeFileSync(join(this.dir, name), text, { mode: 0o600 });
    chownSync(join(this.dir, name), uid, uid);
  }

  /** Every form in which the secret could be met again. */
  get traces(): string[] {
    const bytes = Buffer.from(`"${this.marker}"\n`);
    const digest = createHash("sha256").update(bytes).digest();
    const base64 = [0, 1, 2].map((shift) =>
      Buffer.from(`${" ".repeat(shift)}${this.marker}`)
        .toString("base64")
        .slice(4, 28),
    );
    const also = this.also.map(({ text }) => text);
    return [
      this.marker,
      ...also,
      ...base64,
      digest.toString("hex"),
      digest.toString("base64"),
      encodeNix32(digest),
    ];
  }

  /** Which of these texts, and which files below `places`, hold a trace of it. Its own directory is left out. */
  async found(places: readonly string[], ...texts: readonly string[]): Promise<string[]> {
    const files = (await this.search(places)).filter((path) => !this.isOwn(path));
    const inText = texts.filter((text) => this.isIn(text));
    return [...files, ...inText.map((text) => `said: ${text.slice(0, 200)}`)];
  }

  private isOwn(path: string): boolean {
    return path.startsWith(`${this.dir}/`) || this.also.some(({ file }) => file === path);
  }

  isIn(text: string): boolean {
    return this.traces.some((trace) => text.includes(trace));
  }

  async metIn(place: string): Promise<boolean> {
    return (await this.search([place])).length > 0;
  }

  private async search(places: readonly string[]): Promise<string[]> {
    const patterns = this.traces.flatMap((trace) => ["-e", trace]);
    const args = ["--recursive", "--files-with-matches", "--text", "--fixed-strings", "--devices=skip"];
    const listed = await run("grep", [...args, ...patterns, "--", ...places], { maxBuffer: 1 << 26 }).catch(
      (error: { code?: number; stdout?: string }) => {
        // 1: nothing found. 2: a file went away while it was looked at.
        if (error.code === 1 || error.code === 2) return { stdout: error.stdout ?? "" };
        throw error;
      },
    );
    return listed.stdout.split("\n").filter((path) => path !== "");
  }
}
