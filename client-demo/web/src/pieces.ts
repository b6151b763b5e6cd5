// The chess pieces: six outlines drawn for Parlor on a grid of 40 by 40, in two colours by CSS.

import { sideOf, type Piece } from "./position";

const SVG = "http://www.w3.org/2000/svg";

const FOOT = "M9.5 36.2v-2.1a2.2 2.2 0 0 1 2.2-2.2h16.6a2.2 2.2 0 0 1 2.2 2.2v2.1z";

/** What each piece is made of: filled outlines, and inner lines drawn over them. */
const SHAPES: Record<string, { fill: string[]; line: string }> = {
  p: {
    fill: [
      "M17.2 19.5c-.4 5.6-2.4 9-5.2 12.4h16c-2.8-3.4-4.8-6.8-5.2-12.4z",
      "M14.9 17.6h10.2a1.2 1.2 0 0 1 0 2.6H14.9a1.2 1.2 0 0 1 0-2.6z",
      "M20 7.4a5.3 5.3 0 1 1 0 10.6a5.3 5.3 0 1 1 0-10.6z",
    ],
    line: "",
  },
  r: {
    fill: [
      "M13.6 17.6h12.8l1.1 11.2H12.5z",
      "M10.4 7.6h4.3v2.9h3.1V7.6h4.4v2.9h3.1V7.6h4.3v6.6l-3.2 3.4H13.6l-3.2-3.4z",
      "M12.5 28.4h15l1.7 3.5H10.8z",
    ],
    line: "M14.4 14.2h11.2",
  },
  n: {
    fill: [
      "M28.9 31.9C31.2 20.6 28.6 11 19.9 8.6L18.6 5.4C16.9 6.3 16 7.7 15.8 9.6C12.9 11.4 11.6 14.1 10.1 17.2C8.9 19.6 7.2 20.9 7.3 23.2C7.4 25.3 9.2 26.7 11.2 26.1C12.5 25.7 13 24.8 14.1 24.3C16.2 23.4 18.2 23.6 19.9 21.8C19.9 26.1 14 26.6 12.4 31.9z",
    ],
    line: "M23.4 13.4c2.6 3 3.6 7.4 3 13.2M14.9 14.8l1.6-.9M10.1 22.9l.6-.7",
  },
  b: {
    fill: [
      "M20 4.2a2.2 2.2 0 1 1 0 4.4a2.2 2.2 0 1 1 0-4.4z",
      "M20 8.6c5 3.5 7.3 7.3 7.3 10.9c0 3.1-1.7 5.3-3.6 6.6h-7.4c-1.9-1.3-3.6-3.5-3.6-6.6c0-3.6 2.3-7.4 7.3-10.9z",
      "M14.3 26.1h11.4a1.3 1.3 0 0 1 0 2.8H14.3a1.3 1.3 0 0 1 0-2.8z",
      "M15.6 28.9h8.8l3.4 3H12.2z",
    ],
    line: "M23.4 12.4l-3.6 6.4",
  },
  q: {
    fill: [
      "M8.2 14.2L12 26.6h16l3.8-12.4l-6.1 6.6l.4-10.6l-4.1 9.4L20 9l-2 10.6l-4.1-9.4l.4 10.6z",
      "M8 10.6a1.9 1.9 0 1 1 0 3.8a1.9 1.9 0 1 1 0-3.8z",
      "M13.7 7a1.9 1.9 0 1 1 0 3.8a1.9 1.9 0 1 1 0-3.8z",
      "M20 5.5a1.9 1.9 0 1 1 0 3.8a1.9 1.9 0 1 1 0-3.8z",
      "M26.3 7a1.9 1.9 0 1 1 0 3.8a1.9 1.9 0 1 1 0-3.8z",
      "M32 10.6a1.9 1.9 0 1 1 0 3.8a1.9 1.9 0 1 1 0-3.8z",
      "M12 26.6h16l1 5.3H11z",
    ],
    line: "M13.4 29.2h13.2",
  },
  k: {
    fill: [
      "M18.7 3.4h2.6v2.4h2.4v2.5h-2.4v3h-2.6v-3h-2.4V5.8h2.4z",
      "M20 15.2c2.4-4.5 11.3-4.4 12 1.6c.5 4.2-3.3 6.6-4 10.2H12c-.7-3.6-4.5-6-4-10.2c.7-6 9.6-6.1 12-1.6z",
      "M20 10.6c2.3 1.6 3 3.6 1.9 6.2L20 20.2l-1.9-3.4c-1.1-2.6-.4-4.6 1.9-6.2z",
      "M12 26.6h16l1 5.3H11z",
    ],
    line: "M13.4 29.2h13.2M20 20.2v6.2",
  },
};

const NAMES: Record<string, string> = {
  p: "pawn",
  n: "knight",
  b: "bishop",
  r: "rook",
  q: "queen",
  k: "king",
};

/** How a screen reader calls it: `white pawn`. */
export function pieceName(piece: Piece): string {
  return `${sideOf(piece)} ${NAMES[piece.toLowerCase()] ?? "piece"}`;
}

/** A drawing of the piece; its colours come from the class `white` or `black`. */
export function drawPiece(piece: Piece): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 40 40");
  svg.setAttribute("class", `piece ${sideOf(piece)}`);
  svg.setAttribute("aria-hidden", "true");
  const shape = SHAPES[piece.toLowerCase()];
  if (!shape) return svg;
  for (const outline of [...shape.fill, FOOT]) svg.append(path(outline, "body"));
  if (shape.line) svg.append(path(shape.line, "line"));
  return svg;
}

function path(d: string, className: string): SVGPathElement {
  const element = document.createElementNS(SVG, "path");
  element.setAttribute("d", d);
  element.setAttribute("class", className);
  return element;
}
