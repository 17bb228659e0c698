/** Why bytes are no statement. A closed list: each code has a test that provokes it. */
export type StatementCode =
  | "malformed-envelope"
  | "not-a-statement"
  | "malformed-statement"
  | "unknown-statement-type";
