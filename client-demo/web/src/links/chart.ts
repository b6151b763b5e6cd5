// Round trips over the last minute, as a line whose colour says which way they took.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 300;
const HEIGHT = 80;
/** Points drawn: one each half a second makes a minute. */
const MAX_POINTS = 120;

interface Point {
  ms: number;
  isDirect: boolean;
}

/** A chart inside of an `svg` element. */
export class Chart {
  readonly #svg: SVGSVGElement;
  readonly #points: Point[] = [];

  constructor(svg: SVGSVGElement) {
    this.#svg = svg;
  }

  /** The top of the scale, in milliseconds. */
  get top(): number {
    const highest = Math.max(1, ...this.#points.map(({ ms }) => ms));
    const power = 10 ** Math.floor(Math.log10(highest));
    return Math.ceil(highest / power) * power;
  }

  add(ms: number, isDirect: boolean): void {
    this.#points.push({ ms, isDirect });
    if (this.#points.length > MAX_POINTS) this.#points.shift();
    this.#draw();
  }

  /** One line for each stretch that went the same way. */
  #draw(): void {
    const { top } = this;
    const lines: SVGElement[] = [];
    let line: string[] = [];
    const finish = (isDirect: boolean): void => {
      const drawn = document.createElementNS(SVG, "polyline");
      drawn.setAttribute("points", line.join(" "));
      drawn.setAttribute("class", isDirect ? "direct" : "relay");
      drawn.setAttribute("vector-effect", "non-scaling-stroke");
      lines.push(drawn);
    };
    this.#points.forEach(({ ms, isDirect }, at) => {
      const x = WIDTH - (this.#points.length - 1 - at) * (WIDTH / (MAX_POINTS - 1));
      const point = `${x.toFixed(1)},${(HEIGHT - 2 - (ms / top) * (HEIGHT - 4)).toFixed(1)}`;
      const before = this.#points[at - 1];
      if (before !== undefined && before.isDirect !== isDirect) {
        // The stretch before ends where this one begins.
        line.push(point);
        finish(before.isDirect);
        line = [];
      }
      line.push(point);
      if (at === this.#points.length - 1) finish(isDirect);
    });
    this.#svg.replaceChildren(...lines);
  }
}
