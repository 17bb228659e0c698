/** Flags that several commands share. */
export const jsonFlag = {
  kind: "boolean",
  default: false,
  withNegated: false,
  brief: "Print the answer as JSON",
} as const;

/** For commands that show an evaluation to a person, and admit nothing. */
export const unsealedFlag = {
  kind: "boolean",
  default: false,
  withNegated: false,
  brief: "Evaluate your own code on a machine that cannot seal it: the code can read your files",
} as const;

/** A text flag that may be left out. */
export function optionalText(placeholder: string, brief: string) {
  return { kind: "parsed", parse: String, optional: true, placeholder, brief } as const;
}

/** A text flag that may be given several times. */
export function repeatedText(placeholder: string, brief: string) {
  return { kind: "parsed", parse: String, variadic: true, optional: true, placeholder, brief } as const;
}

/** A positional argument. */
export function word(placeholder: string, brief: string) {
  return { parse: String, placeholder, brief } as const;
}
