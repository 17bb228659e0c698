/** Sources' objects for whoever asks for themselves: a checkout stays where it is, others are fetched below the state. */
import { join } from "node:path";
import type { Source } from "@firstmile/trust/policy/policy";
import { SourceRepositories } from "../admission/source-repositories.ts";

export class UserSources extends SourceRepositories {
  readonly #here: ReadonlyMap<string, string>;

  /** `here`: repositories that this user has, by the source's name. */
  constructor(stateDir: string, here: ReadonlyMap<string, string>) {
    super(join(stateDir, "sources"));
    this.#here = here;
  }

  override async directory(source: Source): Promise<string> {
    return this.#here.get(source.name) ?? super.directory(source);
  }
}
