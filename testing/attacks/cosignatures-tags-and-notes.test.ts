import { runTheme } from "./attack.ts";
import { cosignaturesTagsAndNotes } from "./cosignatures-tags-and-notes.ts";

runTheme(cosignaturesTagsAndNotes);
