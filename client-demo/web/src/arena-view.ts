// A match of circles: an arena on a canvas, in which each steers a circle with the arrow keys or by
// pressing where it is to go.

import { colourOf } from "./colours";
import { byId, make, setText, show } from "./dom";
import { attempt } from "./notice";
import { Refused } from "./request";
import { ARENA, type Place } from "./place";
import type { Circle, CirclesConfig, CirclesView, Lobby } from "./types";

/** Ticks of a second, as the server plays it. */
const TICKS = 20;
/** Hundredths in one unit of length. */
const UNIT = 100;
/** Two directions are told this far apart at least. */
const TELL_EVERY_MS = 50;
/** Of the letters of names, as they are seen. */
const NAME_PX = 14;
/** Of the side of an arena whose lobby does not say it. */
const SIDE = 1_000;

const KEYS: Record<string, [number, number]> = {
  ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0],
  w: [0, -1], s: [0, 1], a: [-1, 0], d: [1, 0],
};

export class ArenaView {
  readonly #place: Place;
  readonly #section = byId("arena", HTMLElement);
  readonly #canvas = byId("arena-canvas", HTMLCanvasElement);
  readonly #state = byId("arena-state", HTMLElement);
  readonly #left = byId("arena-left", HTMLElement);
  readonly #players = byId("arena-players", HTMLUListElement);
  readonly #again = byId("arena-again", HTMLButtonElement);
  readonly #held = new Set<string>();
  #told = { x: 0, y: 0, at: 0 };
  #timer: number | undefined;
  #shown = "";

  constructor(place: Place) {
    this.#place = place;
    this.#again.addEventListener("click", () => void attempt(place.ask("rematch")));
    const canvas = this.#canvas;
    const key = (event: KeyboardEvent, isDown: boolean): void => {
      if (!KEYS[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      if (isDown) this.#held.add(event.key);
      else this.#held.delete(event.key);
      this.#steerByKeys();
    };
    canvas.addEventListener("keydown", (event) => key(event, true));
    canvas.addEventListener("keyup", (event) => key(event, false));
    canvas.addEventListener("blur", () => {
      this.#held.clear();
      this.#steer(0, 0);
    });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#steerTo(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) this.#steerTo(event);
    });
    canvas.addEventListener("lostpointercapture", () => this.#steer(0, 0));
  }

  update(): void {
    const { lobby, live, seat } = this.#place;
    const hasMatch = lobby?.game === ARENA && ["playing", "finished"].includes(lobby.phase);
    const isNew = hasMatch && this.#section.hidden;
    show(this.#section, hasMatch);
    if (!hasMatch) return;
    if (isNew) this.#canvas.focus({ preventScroll: true });
    const view = lobby.state?.view as CirclesView | undefined;
    const isOver = lobby.phase === "finished";
    setText(this.#state, isOver ? "The time is up" : "Steer your circle");
    setText(this.#left, isOver ? "" : left(lobby, view));
    const mine = lobby.seats.find((other) => other.seat === seat);
    show(this.#again, isOver && mine !== undefined);
    this.#again.disabled = !live || mine?.ready === true;
    setText(this.#again, mine?.ready ? "Waiting for the others" : "Once more");
    this.#drawPlayers(lobby);
    if (view) this.#draw(lobby, view);
  }

  /** Whose each circle is; the names stand in the arena as well. */
  #drawPlayers({ seats }: Lobby): void {
    const shown = JSON.stringify([seats, this.#place.seat]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const rows = seats.map((seat) => {
      const chip = make("span", { class: "chip", "aria-hidden": "true" });
      chip.style.background = colourOf(seat.colour);
      const name = make("span", { class: "who" }, seat.name);
      if (seat.seat === this.#place.seat) name.append(make("small", {}, " you"));
      const marks = make("span", { class: "marks" });
      if (seat.bot) marks.append(make("span", { class: "mark bot" }, "bot"));
      else if (!seat.connected) marks.append(make("span", { class: "mark away" }, "away"));
      return make("li", { class: "row" }, chip, name, marks);
    });
    this.#players.replaceChildren(...rows);
  }

  #draw(lobby: Lobby, { circles }: CirclesView): void {
    const { width, height } = sizeOf(lobby);
    const canvas = this.#canvas;
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const pen = canvas.getContext("2d");
    if (!pen) return;
    const style = getComputedStyle(canvas);
    pen.clearRect(0, 0, width, height);
    pen.textAlign = "center";
    // As large on a phone as elsewhere.
    const scale = width / (canvas.clientWidth || width);
    pen.font = `600 ${NAME_PX * scale}px system-ui, sans-serif`;
    // Players' circles are over those that drift.
    for (const { seat, x, y, r } of circles.toReversed()) {
      const owner = lobby.seats.find((other) => other.seat === seat);
      pen.beginPath();
      pen.arc(x / UNIT, y / UNIT, r / UNIT, 0, 2 * Math.PI);
      pen.fillStyle = seat === undefined ? style.borderTopColor : colourOf(owner?.colour);
      pen.fill();
      if (seat === undefined) continue;
      pen.fillStyle = pen.strokeStyle = style.color;
      pen.lineWidth = 3 * scale;
      if (seat === this.#place.seat) pen.stroke();
      // At the upper edge there is no room but below.
      const above = (y - r) / UNIT - NAME_PX * scale * 0.6;
      const below = (y + r) / UNIT + NAME_PX * scale * 1.4;
      const nameAt = above > NAME_PX * scale ? above : below;
      pen.fillText(this.#place.name(seat), x / UNIT, nameAt);
    }
  }

  /** Our circle, while it is ours to steer. */
  #own(): Circle | undefined {
    const { lobby, live, seat } = this.#place;
    if (!live || lobby?.game !== ARENA || lobby.phase !== "playing" || seat === undefined) return;
    const view = lobby.state?.view as CirclesView | undefined;
    return view?.circles.find((circle) => circle.seat === seat);
  }

  #steerByKeys(): void {
    let [x, y] = [0, 0];
    for (const key of this.#held) {
      const [right = 0, down = 0] = KEYS[key] ?? [];
      [x, y] = [x + right, y + down];
    }
    this.#steer(Math.sign(x), Math.sign(y));
  }

  #steerTo({ offsetX, offsetY }: PointerEvent): void {
    const own = this.#own();
    if (!own) return;
    const scale = this.#canvas.width / this.#canvas.clientWidth;
    const [x, y] = [offsetX * scale - own.x / UNIT, offsetY * scale - own.y / UNIT];
    const length = Math.hypot(x, y);
    // Who presses on the circle itself wants it to stay.
    if (length < own.r / UNIT) this.#steer(0, 0);
    else this.#steer(x / length, y / length);
  }

  /** Tells the newest direction, but not more often than is good. */
  #steer(x: number, y: number): void {
    clearTimeout(this.#timer);
    const { x: toldX, y: toldY, at } = this.#told;
    if (!this.#own() || Math.hypot(x - toldX, y - toldY) < 0.05) return;
    const wait = at + TELL_EVERY_MS - performance.now();
    if (wait > 0) {
      this.#timer = window.setTimeout(() => this.#steer(x, y), wait);
      return;
    }
    this.#told = { x, y, at: performance.now() };
    this.#place.ask("action", { type: "steer", x, y }).catch((refused: unknown) => {
      // The match may just be over.
      if (!(refused instanceof Refused)) throw refused;
    });
  }
}

function sizeOf({ config }: Lobby): { width: number; height: number } {
  const { width = SIDE, height = SIDE } = config as CirclesConfig;
  return { width, height };
}

/** The time that is left of a match that has an end. */
function left({ config }: Lobby, view: CirclesView | undefined): string {
  const { ticks } = config as CirclesConfig;
  if (!ticks || !view) return "";
  const seconds = Math.max(0, Math.ceil((ticks - view.tick) / TICKS));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
