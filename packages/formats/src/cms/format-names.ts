/** What errors of this folder call their formats. */
import type { FormatName } from "../bytes/error.ts";

export const CMS: FormatName = "cms";
export const X509: FormatName = "x509 certificate";
export const LOG_ENTRY: FormatName = "transparency log entry";
