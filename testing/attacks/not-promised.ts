/** What works and is not promised to fail: each with the words by which THREAT-MODEL.md names it. */
export const NOT_PROMISED: readonly { readonly what: string; readonly named: string }[] = [
  {
    what: "Root copies a path into the store unsigned, turns the hook off, or answers on the gate's port.",
    named: "Root, and whoever controls the kernel",
  },
  {
    what: "A user builds into a store of their own, without hook and keys.",
    named: "A user's own store.",
  },
  {
    what: "A user adds a file to the store, which gets a path made of its content.",
    named: "Content-addressed paths",
  },
  {
    what: "With ca-derivations on, Nix's daemon hands out the path that a user registered for a derivation.",
    named: "Content-addressed derivations on a machine with several users.",
  },
  {
    what: "What was valid before Nix was held stays valid.",
    named: "What was in the store before.",
  },
  {
    what: "What was substituted or built before a distrust stays valid; `firstmile audit` names it.",
    named: "What Nix has already.",
  },
  {
    what: "A signed expression pins another repository's commit, or a store path, by its content.",
    named: "What signed expressions pin by content",
  },
  {
    what: "Every authentic commit can be admitted, an old one with known holes too.",
    named: "That a source is new.",
  },
  {
    what: "An author signs a release with a back door.",
    named: "What an author signs.",
  },
  {
    what: "A user fills the disk, or keeps the gate busy.",
    named: "Availability.",
  },
];
