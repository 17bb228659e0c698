/**
 * What an e-mail address is here: something that Git writes between `<` and `>` as it stands. Narrower than RFC 5322,
 * which has comments, quotes and lists: a person whose address reads in two ways could pass for two.
 */

/** RFC 5321 section 4.5.3.1.3, without the angle brackets. */
const MAX_ADDRESS = 254;

/** One `@` between two parts without space, control, mark of punctuation that ends an address, or a character without a glyph. */
const ADDRESS =
  /^[^\s\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800<>@,;:"\\]+@[^\s\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800<>@,;:"\\]+$/u;

/** Whether `text` is one address and nothing else: no name, no brackets, no `mailto:`. */
export function isAddress(text: string): boolean {
  return text.length <= MAX_ADDRESS && ADDRESS.test(text);
}
