/** Whether there is somebody who can be shown something and asked. */
export function isAtTerminal(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true;
}
