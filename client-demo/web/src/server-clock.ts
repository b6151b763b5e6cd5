// What time it is on the server, whose moments come with pushes: this machine's clock may be wrong.
// Of all that just happened when we heard of it, what came quickest says how far off it is.

let offset: number | undefined;

/** Something that we hear of now happened at this moment, in the server's milliseconds. */
export function justHappened(at_ms: number): void {
  const late = Date.now() - at_ms;
  offset = Math.min(offset ?? late, late);
}

/** Milliseconds since the Unix epoch, on the server. */
export function serverNow(): number {
  return Date.now() - (offset ?? 0);
}
