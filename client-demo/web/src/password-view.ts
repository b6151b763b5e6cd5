// The question for a lobby's password, asked once it turned out that there is one.

import { byId } from "./dom";
import { attempt } from "./notice";
import type { Join } from "./types";

const dialog = byId("password-dialog", HTMLDialogElement);
const input = byId("password-input", HTMLInputElement);
let tryAgain: ((password: string) => void) | undefined;

dialog.addEventListener("close", () => {
  const password = input.value;
  input.value = "";
  if (dialog.returnValue !== "" && password !== "") tryAgain?.(password);
  tryAgain = undefined;
});

/** Asks, and joins again with what was answered; what is wrong then becomes a notice. */
export function askPassword(join: Join, joinAgain: (join: Join) => Promise<void>): void {
  tryAgain = (password) => void attempt(joinAgain({ ...join, password }));
  dialog.returnValue = "";
  dialog.showModal();
}
