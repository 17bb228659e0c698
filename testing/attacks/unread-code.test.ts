import { runTheme } from "./attack.ts";
import { unreadCode } from "./unread-code.ts";

runTheme(unreadCode);
