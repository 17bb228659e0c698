/** Defects as text for a terminal or a log: plain, no colour, nothing from the file that could move a cursor. */
import { visibleText } from "@firstmile/formats/bytes/visible";
import type { Defect } from "./defect.ts";

const MAX_LINE = 160;

/**
 * Each defect with its line and a caret under the place, in the order given.
 *
 * @param files the tree that the defects were found in
 */
export function renderDefects(defects: readonly Defect[], files: ReadonlyMap<string, Uint8Array>): string {
  const lines = new Map<string, string[]>();
  for (const [path, bytes] of files) {
    if (defects.some(({ file }) => file === path))
      lines.set(path, new TextDecoder().decode(bytes).split("\n"));
  }
  return defects.map((defect) => render(defect, lines.get(defect.file)?.[defect.line - 1])).join("\n");
}

function render({ file, line, column, code, message, help }: Defect, text: string | undefined): string {
  const head = `${visibleText(file)}:${line}:${column}: ${printable(message)} [${code}]\n`;
  return `${head}${excerpt(line, column, text)}  help: ${printable(help)}\n`;
}

function excerpt(line: number, column: number, text: string | undefined): string {
  if (text === undefined || text.trim() === "") return "";
  const from = Math.max(0, column - 1 - MAX_LINE / 2);
  const shown = text.slice(from, from + MAX_LINE);
  const caret = shown.slice(0, column - 1 - from).replace(/[^\t]/g, " ");
  const gutter = `${line} | `.padStart(8);
  return `${gutter}${printable(shown)}\n${" ".repeat(gutter.length - 2)}| ${caret}^\n`;
}

/** One character for one, so that the caret stays in its place: control and direction marks become U+FFFD. */
function printable(text: string): string {
  return text.replace(/(?!\t)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (mark) => "\ufffd".repeat(mark.length));
}
