/**
 * Which pins an address stands for that Nix's fetcher was given: those that name it letter by letter, and those of the
 * commit that it names. The address proves nothing, as everywhere; it chooses what is held against the signed commit.
 */
import { gitRepository, type NamedCommit, namedCommit } from "@firstmile/formats/nix/forge-archive";
import type { CommitPin } from "@firstmile/formats/nix/pin";
import { isSameRepository } from "../admission/input-source.ts";
import type { NamedPin } from "./tree-pins.ts";

export interface AskedAddress {
  readonly address: string;
  readonly commit: NamedCommit | undefined;
  /** Where it is a Git repository's, and not an archive's. */
  readonly repository: string | undefined;
}

export function askedAddress(address: string): AskedAddress {
  const commit = namedCommit(address);
  const isGit = address.startsWith("git+") || commit === undefined;
  return { address, commit, repository: isGit ? gitRepository(address) : undefined };
}

export function matches(asked: AskedAddress, { pin }: NamedPin): boolean {
  if (pin.kind === "other") return pin.url === asked.address;
  if (pin.fetcher === "fetchTarball" && pin.url === asked.address) return true;
  const { commit, repository } = asked;
  if (commit) return pin.rev === commit.rev && isSameRepository(pin.repository, commit.repository);
  // 2.8 does not say which revision `fetchGit` was given.
  return (
    pin.fetcher === "fetchGit" && repository !== undefined && isSameRepository(pin.repository, repository)
  );
}

/** Whether `fetchGit` asks, or `fetchTree` for a repository. */
export function isGitAsked({ address, repository }: AskedAddress, pins: readonly CommitPin[]): boolean {
  if (repository === undefined) return false;
  return address.startsWith("git+") || pins.some(({ fetcher }) => fetcher === "fetchGit");
}
