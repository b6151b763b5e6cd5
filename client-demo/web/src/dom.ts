// Small helpers for the document: finding what index.html promises, and making the rest.

/** The element with this id; index.html has it. */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html lacks #${id}`);
  return found;
}

/** A new element with attributes and children; `text` is always text, never markup. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Sets the text only if it differs, so that a live region is not read out again. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function show(element: HTMLElement, shown: boolean): void {
  element.hidden = !shown;
}

/** Where the keyboard was there may be nothing now: it goes on at what can be done first. */
export function keepFocus(section: HTMLElement, title: HTMLElement): void {
  const controls = [...section.querySelectorAll<HTMLButtonElement>("button, input")];
  const usable = controls.filter((control) => control.offsetParent && !control.disabled);
  if (usable.some((control) => control === document.activeElement)) return;
  (usable[0] ?? title).focus({ preventScroll: true });
}

/**
 * Makes a button that needs a second press within four seconds, as the first cannot be undone.
 * `needed` says at the first press whether that applies now.
 */
export function pressTwice(
  button: HTMLButtonElement,
  question: string,
  needed: () => boolean,
  act: () => void,
): void {
  const label = button.textContent ?? "";
  let timer: number | undefined;
  const calm = (): void => {
    clearTimeout(timer);
    timer = undefined;
    button.textContent = label;
    button.classList.remove("asking");
  };
  button.addEventListener("click", () => {
    if (timer === undefined && needed()) {
      button.textContent = question;
      button.classList.add("asking");
      timer = window.setTimeout(calm, 4_000);
      return;
    }
    calm();
    act();
  });
}
