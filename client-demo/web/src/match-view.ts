// A match around its board: who plays, whose move it is, the score sheet, draw and resignation,
// how it ended, and the way to the next one. The squares are `board-view`'s.

import { BoardView } from "./board-view";
import { Clocks, clockOf } from "./clock-view";
import { byId, make, pressTwice, setText, show } from "./dom";
import { result } from "./mirror";
import { attempt } from "./notice";
import { GAME, type Place } from "./place";
import { scoreSheet } from "./position";
import type { ChessAction, ChessView, Lobby, Side, State } from "./types";

export class MatchView {
  readonly #place: Place;
  readonly #board: BoardView;
  readonly #clocks = new Clocks();
  readonly #section = byId("match", HTMLElement);
  readonly #status = byId("status", HTMLElement);
  readonly #statusDetail = byId("status-detail", HTMLElement);
  readonly #card = byId("status-card", HTMLElement);
  readonly #result = byId("result", HTMLElement);
  readonly #claim = byId("claim", HTMLButtonElement);
  readonly #rematch = byId("rematch", HTMLButtonElement);
  readonly #moves = byId("move-list", HTMLOListElement);
  readonly #actions = byId("actions", HTMLElement);
  readonly #moveForm = byId("move-form", HTMLFormElement);
  readonly #moveInput = byId("move-input", HTMLInputElement);
  /** Our seat in the match that is shown. */
  #mine: number | undefined;
  #shownMoves = "";

  constructor(place: Place) {
    this.#place = place;
    this.#board = new BoardView((uci) => this.#act({ type: "move", move: uci }));
    const button = (id: string): HTMLButtonElement => byId(id, HTMLButtonElement);
    for (const type of ["offer_draw", "accept_draw", "decline_draw", "claim_draw"] as const) {
      const id = type.replace("_", "-");
      button(id).addEventListener("click", () => void this.#act({ type }));
    }
    const resign = (): void => void this.#act({ type: "resign" });
    pressTwice(button("resign"), "Really resign?", () => true, resign);
    this.#rematch.addEventListener("click", () => void attempt(place.ask("rematch")));
    this.#claim.addEventListener("click", () => void attempt(place.ask("claim")));
    this.#moveForm.addEventListener("submit", (event) => {
      event.preventDefault();
      const move = this.#moveInput.value.trim();
      if (move !== "") void this.#act({ type: "move", move });
    });
  }

  update(): void {
    const { lobby } = this.#place;
    const isOn = lobby?.game === GAME && lobby.phase !== "open" && lobby.phase !== "starting";
    show(this.#section, isOn);
    if (!isOn) {
      this.#board.update(undefined, "white");
      this.#clocks.update(undefined, true);
      return;
    }
    const state = lobby.state;
    const shown = state?.view ?? undefined;
    this.#mine = state && this.#place.seatIn(state);
    const mySide = shown && sideOf(shown, this.#mine);
    const bottom = mySide ?? "white";
    // Without a line nothing can be moved, whatever was legal before.
    const view = shown && { ...shown, legal: this.#place.live ? shown.legal : [] };
    this.#board.update(view, bottom);
    this.#updatePlayers(lobby, state, bottom);
    this.#clocks.update(shown, state?.outcome !== undefined);
    this.#updateStatus(lobby, state, mySide);
    this.#updateRematch(lobby, state);
    this.#updateClaim(lobby, state, mySide);
    this.#updateActions(state, mySide);
    this.#updateMoves(view);
  }

  async #act(action: ChessAction): Promise<boolean> {
    const accepted = await attempt(this.#place.ask("action", action));
    if (accepted && action.type === "move") this.#moveInput.value = "";
    return accepted;
  }

  #updatePlayers(lobby: Lobby, state: State | undefined, bottom: Side): void {
    const top: Side = bottom === "white" ? "black" : "white";
    this.#player(byId("player-top", HTMLElement), lobby, state, top);
    this.#player(byId("player-bottom", HTMLElement), lobby, state, bottom);
  }

  #player(bar: HTMLElement, lobby: Lobby, state: State | undefined, side: Side): void {
    const seat = state?.view?.[side];
    const sitting = lobby.seats.find((other) => other.seat === seat);
    const name = seat === undefined ? "" : this.#place.name(seat);
    const chip = make("span", { class: `chip ${side}`, role: "img", "aria-label": side });
    const who = make("span", { class: "who", title: name }, name);
    const you = make("small", {}, seat !== undefined && seat === this.#mine ? "you" : "");
    const marks = make("span", { class: "marks" });
    const mark = (text: string, kind: string): void =>
      marks.append(make("span", { class: `mark ${kind}` }, text));
    if (seat !== undefined && !sitting) mark("left", "away");
    else if (sitting?.bot) mark("bot", "bot");
    else if (sitting && !sitting.connected) mark("connection lost", "away");
    if (state?.view?.draw_offer === seat && seat !== undefined) mark("offers a draw", "offer");
    bar.classList.toggle("to-move", state?.view?.turn === side && !state.outcome);
    bar.dataset.side = side;
    bar.replaceChildren(chip, who, you, marks, clockOf(side));
  }

  #updateStatus(lobby: Lobby, state: State | undefined, mySide: Side | undefined): void {
    const outcome = state?.outcome;
    show(this.#result, outcome !== undefined);
    show(this.#status, outcome === undefined);
    this.#card.dataset.kind = "";
    if (outcome) {
      const name = (seat: number): string => this.#place.name(seat);
      const { title, how, kind } = result(outcome, this.#mine, name);
      setText(this.#result, `${title} ${how}`);
      this.#card.dataset.kind = kind;
      setText(this.#statusDetail, this.#rematchHint(lobby));
    } else if (state?.view) {
      const { view } = state;
      const mover = this.#place.name(view[view.turn]);
      const mine = view.turn === mySide;
      if (mine) this.#card.dataset.kind = "mine";
      setText(this.#status, mine ? "Your move" : `Waiting for ${mover}`);
      setText(this.#statusDetail, situation(view, mine));
    } else {
      setText(this.#status, "Setting up the board…");
      setText(this.#statusDetail, "");
    }
  }

  #rematchHint(lobby: Lobby): string {
    if (this.#place.seat === undefined) return "";
    if (lobby.seats.length < lobby.needed && !lobby.fill) {
      return "The other seat is free. Send somebody the code to play on.";
    }
    // Bots are always for another match.
    const others = lobby.seats.filter((seat) => seat.seat !== this.#place.seat && !seat.bot);
    const mine = lobby.seats.find((seat) => seat.seat === this.#place.seat);
    const names = others.map((seat) => seat.name).join(" and ");
    if (mine?.ready) return `Waiting for ${names} to agree to a rematch.`;
    return others.some((seat) => seat.ready) ? `${names} wants a rematch.` : "";
  }

  #updateRematch(lobby: Lobby, state: State | undefined): void {
    const mine = lobby.seats.find((seat) => seat.seat === this.#place.seat);
    const over = lobby.phase === "finished" && state?.outcome !== undefined;
    show(this.#rematch, over && mine !== undefined);
    const complete = lobby.seats.length >= lobby.needed || lobby.fill === true;
    this.#rematch.disabled = !this.#place.live || !complete || mine?.ready === true;
    setText(this.#rematch, mine?.ready ? "Rematch asked for" : "Rematch");
  }

  /** Who has been away for too long may lose by it, if the other side wants that. */
  #updateClaim(lobby: Lobby, state: State | undefined, mySide: Side | undefined): void {
    const on = lobby.phase === "playing" && state?.outcome === undefined;
    const gone = lobby.seats.find((seat) => seat.overdue && seat.seat !== this.#place.seat);
    const mayClaim = on && mySide !== undefined && gone !== undefined;
    show(this.#claim, mayClaim);
    this.#claim.disabled = !this.#place.live;
    if (!mayClaim) return;
    setText(this.#statusDetail, `${gone.name} is gone. Wait, or claim the victory.`);
  }

  #updateActions(state: State | undefined, mySide: Side | undefined): void {
    const view = state?.outcome ? undefined : state?.view;
    const playing = view && mySide !== undefined;
    show(this.#actions, playing === true);
    show(this.#moveForm, playing === true);
    if (!view || !playing) return;
    const offered = view.draw_offer !== undefined && view.draw_offer !== this.#mine;
    const asked = view.draw_offer !== undefined && !offered;
    const button = (id: string, shown: boolean): HTMLButtonElement => {
      const found = byId(id, HTMLButtonElement);
      show(found, shown);
      found.disabled = !this.#place.live;
      return found;
    };
    const offer = button("offer-draw", !offered);
    setText(offer, asked ? "Draw offered" : "Offer draw");
    offer.disabled ||= asked;
    button("accept-draw", offered);
    button("decline-draw", offered);
    button("claim-draw", view.can_claim_draw && view.turn === mySide);
    button("resign", true);
    button("move-send", true);
  }

  #updateMoves(view: ChessView | undefined): void {
    const key = view ? `${view.fen} ${view.moves.join(" ")}` : "";
    if (key === this.#shownMoves) return;
    this.#shownMoves = key;
    const rows = view ? scoreSheet(view) : [];
    const items = rows.map(({ number, white, black }) =>
      make(
        "li",
        { value: String(number) },
        make("span", { class: "number" }, `${number}.`),
        make("span", { class: "san" }, white),
        make("span", { class: "san" }, black),
      ),
    );
    this.#moves.replaceChildren(...items);
    const played = [...this.#moves.querySelectorAll(".san")].filter((san) => san.textContent);
    played.at(-1)?.classList.add("newest");
    this.#moves.scrollTop = this.#moves.scrollHeight;
    this.#moves.scrollLeft = this.#moves.scrollWidth;
  }
}

function sideOf(view: ChessView, seat: number | undefined): Side | undefined {
  if (seat === view.white) return "white";
  return seat === view.black ? "black" : undefined;
}

/** What happened last, as a sentence; a screen reader reads it after the status. */
function situation(view: ChessView, mine: boolean): string {
  const last = view.moves.at(-1);
  const colour = view.turn === "white" ? "White" : "Black";
  const told = last ? `${mine ? "Your opponent played" : "Last move:"} ${last}.` : "";
  if (!view.check) return told || `${colour} begins.`;
  return `${told} ${mine ? "You are" : `${colour} is`} in check.`;
}
