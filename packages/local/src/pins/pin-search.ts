/**
 * Looks for pins in the trees of one evaluation: the one that is asked for, and those that were brought for it, which
 * may pin others. Each tree is read once, and only when an address is not explained yet.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Source } from "@firstmile/trust/policy/policy";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import type { SourceRepositories } from "../admission/source-repositories.ts";
import { treeOf } from "../admission/tree-of.ts";
import { GitTree } from "../git/git-tree.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { calledPins, type LockedPins, lockedPins, type NamedPin } from "./tree-pins.ts";

export interface FoundPins {
  readonly pins: readonly NamedPin[];
  /** A lock file that might have had it, and cannot be read. */
  readonly unreadable: Reason | undefined;
}

interface Place {
  readonly source: Source;
  readonly commit: CommitId;
  /** The file that is asked for, or where people look first. */
  readonly near: string;
  /** Behind a pin's own label. */
  readonly suffix: string;
  locked?: LockedPins;
  called?: readonly NamedPin[];
}

export class PinSearch {
  readonly #repositories: SourceRepositories;
  readonly #places: Place[] = [];

  constructor(repositories: SourceRepositories, source: Source, commit: CommitId, file: string) {
    this.#repositories = repositories;
    this.#places.push({ source, commit, near: file, suffix: "" });
  }

  /** A tree that was brought, whose own pins may be asked for next. */
  add(source: Source, commit: CommitId, label: string): void {
    const known = this.#places.some((place) => place.source.name === source.name && place.commit === commit);
    if (!known) this.#places.push({ source, commit, near: "default.nix", suffix: `, in ${label}` });
  }

  /** All pins of the first place that has any: lock files before expressions, own before brought. */
  async find(wanted: (pin: NamedPin) => boolean): Promise<FoundPins> {
    let unreadable: Reason | undefined;
    for (const place of this.#places) {
      place.locked ??= await this.#read(place, lockedPins);
      const locked = place.locked.pins.filter(wanted);
      if (locked.length > 0)
        return { pins: locked.map((pin) => labelled(pin, place)), unreadable: undefined };
      unreadable ??= place.locked.unreadable[0];
    }
    for (const place of this.#places) {
      place.called ??= await this.#read(place, (objects, tree) => calledPins(objects, tree, place.near));
      const called = place.called.filter(wanted);
      if (called.length > 0)
        return { pins: called.map((pin) => labelled(pin, place)), unreadable: undefined };
    }
    return { pins: [], unreadable };
  }

  async #read<T>(
    { source, commit }: Place,
    read: (objects: GitObjects, tree: GitTree) => Promise<T>,
  ): Promise<T> {
    const git = await neutralGit(await this.#repositories.directory(source));
    try {
      using objects = new GitObjects(git.env);
      return await read(objects, await GitTree.read(objects, await treeOf(objects, commit)));
    } finally {
      git.dispose();
    }
  }
}

function labelled(pin: NamedPin, { suffix }: Place): NamedPin {
  return suffix === "" ? pin : { ...pin, label: `${pin.label}${suffix}` };
}
