// The one place where the page says that something was refused, with its code.

import { byId, show } from "./dom";
import { Refused } from "./request";

/** How long a notice stays when nobody closes it. */
const STAYS_MS = 8_000;

const box = byId("notice", HTMLElement);
const code = byId("notice-code", HTMLElement);
const text = byId("notice-text", HTMLElement);
let timer: number | undefined;

byId("notice-close", HTMLButtonElement).addEventListener("click", hideNotice);

/** Says something; a new notice replaces the last. */
export function notice(message: string, withCode = ""): void {
  clearTimeout(timer);
  code.textContent = withCode;
  text.textContent = message;
  show(box, true);
  timer = window.setTimeout(hideNotice, STAYS_MS);
}

export function hideNotice(): void {
  clearTimeout(timer);
  show(box, false);
}

/** Waits for a request; a refusal becomes a notice. Tells whether it was accepted. */
export async function attempt(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    notice(sentence(refused.message), refused.code);
    return false;
  }
}

/** A message of the server as a sentence of its own. */
export function sentence(message: string): string {
  const capital = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
