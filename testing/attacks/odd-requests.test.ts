import { runTheme } from "./attack.ts";
import { oddRequests } from "./odd-requests.ts";

runTheme(oddRequests);
