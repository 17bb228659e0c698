/** All cases of vectors/history, by file name. */
import type { HistoryCase } from "./history-vector-case.ts";
import { CARRIED_CASES } from "./history-vector-cases-carried.ts";
import { COSIGNED_CASES } from "./history-vector-cases-cosigned.ts";
import { ELSEWHERE_CASES } from "./history-vector-cases-elsewhere.ts";
import { FORM_CASES } from "./history-vector-cases-forms.ts";
import { HEAD_CASES } from "./history-vector-cases-heads.ts";
import { KEY_CASES } from "./history-vector-cases-keys.ts";
import { LIFE_CASES } from "./history-vector-cases-life.ts";
import { MERGE_CASES } from "./history-vector-cases-merges.ts";
import { MODE_CASES } from "./history-vector-cases-modes.ts";
import { PEOPLE_CASES } from "./history-vector-cases-people.ts";
import { RETURN_CASES } from "./history-vector-cases-returns.ts";
import { REVIEW_CASES } from "./history-vector-cases-reviews.ts";
import { SHAPE_CASES } from "./history-vector-cases-shape.ts";
import { SIGNATURE_CASES } from "./history-vector-cases-signatures.ts";
import { SIGSTORE_CASES } from "./history-vector-cases-sigstore.ts";
import { TRUST_CASES } from "./history-vector-cases-trust.ts";
import { UNREADABLE_CASES } from "./history-vector-cases-unreadable.ts";

export const HISTORY_CASES: readonly HistoryCase[] = [
  ...SIGNATURE_CASES,
  ...FORM_CASES,
  ...LIFE_CASES,
  ...PEOPLE_CASES,
  ...COSIGNED_CASES,
  ...MERGE_CASES,
  ...CARRIED_CASES,
  ...MODE_CASES,
  ...SHAPE_CASES,
  ...KEY_CASES,
  ...REVIEW_CASES,
  ...RETURN_CASES,
  ...SIGSTORE_CASES,
  ...TRUST_CASES,
  ...HEAD_CASES,
  ...UNREADABLE_CASES,
  ...ELSEWHERE_CASES,
];
