import { runTheme } from "./attack.ts";
import { unadmittedBuilds } from "./unadmitted-builds.ts";

runTheme(unadmittedBuilds);
