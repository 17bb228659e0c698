/**
 * Targets of symbolic links, as Git keeps them: any bytes at all.
 *
 * Claims: a target without a defect is followed by Linux as it is written. Against: one whose text says where it leads,
 * and that a system cuts at its limit or at a NUL, so that it leads elsewhere.
 */
import { NAR_MAX_TARGET } from "../nix/nar.ts";

/** What no system follows as it is written: `its target has 4,110 bytes, and may have 4,095`. */
export function linkDefect(target: Uint8Array): string | undefined {
  if (target.length === 0) return "its target is empty";
  if (target.length > NAR_MAX_TARGET) return tooLong(target.length);
  return target.includes(0) ? "its target has a NUL byte" : undefined;
}

/** The same where only the size is known yet. */
export function linkSizeDefect(size: number): string | undefined {
  return size > NAR_MAX_TARGET ? tooLong(size) : undefined;
}

function tooLong(size: number): string {
  return `its target has ${size.toLocaleString("en-US")} bytes, and may have ${NAR_MAX_TARGET.toLocaleString("en-US")}`;
}
