/**
 * Which certificates belong to one person. People count, keys do not: somebody with an old and a new key, both
 * certified, must not be two. Certificates that share a mark (an address that was certified, a key that proved to be
 * theirs) are one person's, and so on through several of them.
 */

/** The indices of `marks` in groups that share a mark, directly or through others; all in the order they came in. */
export function sameOwner(marks: readonly (readonly string[])[]): number[][] {
  const parents = marks.map((_, index) => index);
  const find = (index: number): number => {
    while (parents[index] !== index) {
      // Halving the path on the way keeps a chain of fifty thousand short.
      parents[index] = parents[parents[index]!]!;
      index = parents[index]!;
    }
    return index;
  };
  const firstWith = new Map<string, number>();
  marks.forEach((list, index) => {
    for (const mark of list) {
      const other = firstWith.get(mark);
      if (other === undefined) firstWith.set(mark, index);
      else parents[find(index)] = find(other);
    }
  });
  return [...Map.groupBy(marks.keys(), find).values()];
}
