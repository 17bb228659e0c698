/** All cases of vectors/history, by file name. */
import type { HistoryCase } from "./history-vector-case.ts";
import { KEY_CASES } from "./history-vector-cases-keys.ts";
import { MERGE_CASES } from "./history-vector-cases-merges.ts";
import { PEOPLE_CASES } from "./history-vector-cases-people.ts";
import { REVIEW_CASES } from "./history-vector-cases-reviews.ts";
import { SHAPE_CASES } from "./history-vector-cases-shape.ts";
import { SIGNATURE_CASES } from "./history-vector-cases-signatures.ts";
import { TRUST_CASES } from "./history-vector-cases-trust.ts";

export const HISTORY_CASES: readonly HistoryCase[] = [
  ...SIGNATURE_CASES,
  ...PEOPLE_CASES,
  ...MERGE_CASES,
  ...SHAPE_CASES,
  ...TRUST_CASES,
  ...KEY_CASES,
  ...REVIEW_CASES,
];
