// What goes wrong, in one class.

import type { Code, Refusal } from "./generated/api.js";

/** Codes of this package's own. */
export type ClientCode =
  /** There is no connection; nothing was sent. */
  | "E_OFFLINE"
  /** No answer came; the request may have been carried out. */
  | "E_NO_ANSWER"
  /** You are not in this lobby any more. */
  | "E_OVER";

/** Why something did not work: a refusal of the server, or a lost connection. */
export class ParlorError extends Error {
  /** For programs: a code of the server, of the game, or of this package ({@link ClientCode}). */
  declare readonly code: Code | ClientCode | (string & {});
  /** After so many milliseconds it is worth another try; absent if waiting will not help. */
  declare readonly retryMs?: number;

  constructor(code: ParlorError["code"], message: string, retryMs?: number) {
    super(message);
    Object.assign(this, { name: "ParlorError", code, retryMs });
  }
}

/** @internal The error that a refusal is. */
export function refused({ code, message, retry_ms }: Refusal & { retry_ms?: number }): ParlorError {
  // What passes when one has waited a little.
  const passing = /^E_(RATE|UNAVAILABLE)$/.test(code) ? 1000 : undefined;
  return new ParlorError(code, message, retry_ms ?? passing);
}

/** @internal */
export const offline = (why = "no connection"): ParlorError =>
  new ParlorError("E_OFFLINE", why, 1000);

/** @internal */
export const unanswered = (): ParlorError =>
  new ParlorError("E_NO_ANSWER", "no answer");

/** @internal */
export const over = (): ParlorError =>
  new ParlorError("E_OVER", "not in this lobby");
