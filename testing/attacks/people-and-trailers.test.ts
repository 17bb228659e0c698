import { runTheme } from "./attack.ts";
import { peopleAndTrailers } from "./people-and-trailers.ts";

runTheme(peopleAndTrailers);
