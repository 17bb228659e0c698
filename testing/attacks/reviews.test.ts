import { runTheme } from "./attack.ts";
import { reviews } from "./reviews.ts";

runTheme(reviews);
