// The colours of seats as the page paints them, by their words, with an ink that can be read there.

import type { Colour } from "./types";

const PAINTS: Record<Colour, string> = {
  red: "#d64541",
  blue: "#3f6fd8",
  green: "#3a9d54",
  yellow: "#e8c33a",
  purple: "#8a55c7",
  orange: "#e88b34",
  cyan: "#35b4c8",
  pink: "#e27fb0",
  lime: "#a5cf3f",
  brown: "#8b5a3c",
  teal: "#2b8c80",
  navy: "#2d3f76",
  olive: "#7d8034",
  grey: "#8b9290",
  white: "#f4f2ea",
  black: "#2a2e2d",
};
const BRIGHT: ReadonlySet<Colour> = new Set(["yellow", "cyan", "pink", "lime", "white", "orange"]);

export const COLOURS = Object.keys(PAINTS) as Colour[];

/** How a colour is painted; that of who has none is grey. */
export const colourOf = (colour: Colour | undefined): string => PAINTS[colour ?? "grey"];

/** Paints an element in this colour, if it is one we know. */
export function paint(element: HTMLElement, colour: Colour | undefined): void {
  if (colour === undefined || PAINTS[colour] === undefined) return;
  element.classList.add("painted");
  element.style.setProperty("--paint", PAINTS[colour]);
  element.style.setProperty("--paint-ink", BRIGHT.has(colour) ? "#24292a" : "#ffffff");
}
