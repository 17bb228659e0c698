/** What an answer is worth beside what a vector expects. */
export type Mark = "right" | "lets through" | "refuses what is good" | "refuses for another reason" | "-";

/** A vector and one mark a tool. */
export interface Line {
  readonly name: string;
  readonly group: string;
  readonly expect: "allowed" | "denied";
  readonly marks: readonly Mark[];
}

export function compared(good: boolean, allowed: boolean): Mark {
  if (good === allowed) return "right";
  return good ? "refuses what is good" : "lets through";
}
