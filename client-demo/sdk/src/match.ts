// One's part in the matches of a lobby: the states and events that come, and what one does.

import { States } from "./delta.js";
import { Emitter, type Off } from "./emitter.js";
import { offline, over, ParlorError, unanswered } from "./error.js";
import type { GameTypes } from "./games.js";
import type { Acted, Delta, State } from "./generated/api.js";
import { Inputs, type Input, type Pending } from "./inputs.js";
import { MAX_WAITING_INPUTS } from "./limits.js";
import type { Line, Takes } from "./line.js";

/** What one may know of a match. */
export type MatchState<Types extends GameTypes = GameTypes> = Omit<State, "n" | "key" | "view"> & {
  /** The game's own view; null if the game has crashed. */
  view: Types["view"];
};

/** What comes with an event of the match. */
export interface EventContext {
  /** Accepted actions so far. */
  turn: number;
  /** True: it was sent so that it might be lost, and only the newest of its kind counts. */
  volatile: boolean;
}

/** How something is done. */
export interface InputOptions {
  /** In a game with ticks: with which tick, at most 8 after `state.tick`. Absent: with the next. */
  tick?: number;
}

interface Promised {
  resolve: (acted: Acted) => void;
  reject: (error: ParlorError) => void;
  timer: ReturnType<typeof setTimeout>;
}

/** The matches of a lobby, one after the other; {@link Lobby.match}. */
export class Match<Types extends GameTypes = GameTypes> {
  readonly #line: Line;
  readonly #seat: () => number | undefined;
  readonly #states = new States();
  readonly #inputs = new Inputs<Types["action"]>();
  readonly #promised = new Map<Input<Types["action"]>, Promised>();
  /** Of `state`, `event` and `pending`: that this is not what it was. */
  readonly #heard = new Emitter<any>();
  #isAsking = false;
  #isOver = false;

  /** The newest state of the running or last match; undefined before the first. */
  state: MatchState<Types> | undefined;

  /** @internal */
  constructor(line: Line, seat: () => number | undefined) {
    this.#line = line;
    this.#seat = seat;
  }

  /** What one has done, and `state` does not contain yet. */
  get pending(): readonly Pending<Types["action"]>[] {
    return this.#inputs.all;
  }

  /**
   * Calls `listener` with each new state, and with the one that is there already. `pending` is what
   * one has done since: a game that predicts applies it to the view (see {@link predict}).
   */
  onState(listener: Shown<Types>): Off {
    let isOn = true;
    const off = this.#heard.on("state", listener as () => void);
    queueMicrotask(() => {
      if (isOn && this.state) listener(this.state, this.pending);
    });
    return () => {
      isOn = false;
      off();
    };
  }

  /** Calls `listener` with each of the game's events: once each, in order, also after a cut. */
  onEvent(listener: (event: Types["event"], context: EventContext) => void): Off {
    return this.#heard.on("event", listener as () => void);
  }

  /**
   * Shows what one does at once: `show` gets the view as it will be when the server has applied what
   * is pending, after each state and each input. `step` gives the view after an action, and leaves
   * the one it was given as it is.
   */
  predict(
    step: (view: Types["view"], action: Types["action"]) => Types["view"],
    show: (view: Types["view"], state: MatchState<Types>) => void,
  ): Off {
    const look = (): void => {
      const { state } = this;
      if (!state) return;
      const pending = state.outcome ? [] : this.pending;
      show(pending.reduce((view, { action }) => step(view, action), state.view), state);
    };
    const offs = [this.onState(look), this.#heard.on("pending", look)];
    return () => offs.forEach((off) => off());
  }

  /**
   * Does something: applied once, though the connection may be lost and found meanwhile. Resolves
   * when the server has accepted it, and rejects with a {@link ParlorError} if the game refuses, or
   * if there was no answer in time.
   */
  async input(action: Types["action"], { tick }: InputOptions = {}): Promise<Acted> {
    if (this.#isOver) throw over();
    if (!this.#line.isOpen && this.#promised.size >= MAX_WAITING_INPUTS) throw offline();
    const input = this.#inputs.take(action, tick);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(input, unanswered()), this.#line.timeoutMs);
      this.#promised.set(input, { resolve, reject, timer });
      if (this.#line.isOpen) this.#send(input);
      this.#heard.tell("pending");
    });
  }

  #send(input: Input<Types["action"]>): void {
    const { seq, action, tick } = input;
    const takes: Takes<"input"> = tick === undefined ? [seq, action] : [seq, action, { tick }];
    this.#line.send(["input", ...takes]).then(
      (acted) => {
        this.#inputs.used(input);
        this.#settle(input)?.resolve(acted);
      },
      (error: ParlorError) => {
        // Sent again when the line is back; or it is too late already.
        if (!/^E_(OFFLINE|NO_ANSWER)$/.test(error.code)) this.#fail(input, error);
      },
    );
  }

  #fail(input: Input<Types["action"]>, error: ParlorError): void {
    // These have not used their number. Who does not know, does not use one twice.
    if (!/^E_(RATE|SEQ|LATE|EARLY|NOT_IN_MATCH|MATCH_OVER)$/.test(error.code))
      this.#inputs.used(input);
    this.#inputs.drop(input);
    this.#settle(input)?.reject(error);
    this.#heard.tell("pending");
  }

  #settle(input: Input<Types["action"]>): Promised | undefined {
    const promised = this.#promised.get(input);
    clearTimeout(promised?.timer);
    this.#promised.delete(input);
    return promised;
  }

  /** @internal One is in the lobby, or back: with the state that it has. */
  entered(state: State | undefined, isPlaying: boolean, isReturn: boolean): void {
    this.#states.clear();
    const number = state?.number ?? 0;
    if (!isReturn && isPlaying) {
      this.#inputs.goOn(number, this.#applied(state));
    } else {
      this.began(number);
    }
    if (state) this.told(state);
    // What was applied meanwhile is answered as it would have been.
    if (isPlaying) this.#promised.forEach((_, input) => this.#send(input));
  }

  /** Up to which number one's inputs are applied; 0 for who has no seat. */
  #applied(state: State | undefined): number {
    return state?.applied?.[this.#seat()!] ?? 0;
  }

  /** @internal The match of this number is on: what was for another is over. */
  began(number: number): void {
    if (this.state?.number !== number) this.state = undefined;
    this.#inputs.begin(number);
    this.#promised.forEach((_, input) => {
      if (input.number !== number)
        this.#settle(input)?.reject(new ParlorError("E_MATCH_OVER", "match over"));
    });
  }

  /** @internal A whole state, or what differs from an earlier one, which has to be known. */
  told(told: State | Delta): void {
    const state = "delta" in told ? this.#states.delta(told) : this.#states.whole(told);
    if (!state) {
      // Without an answer the next delta asks again.
      if (!this.#isAsking) this.#line.send(["resync"]).catch(() => (this.#isAsking = false));
      this.#isAsking = true;
      return;
    }
    this.#isAsking = false;
    this.state = state;
    this.#inputs.begin(state.number);
    this.#inputs.applied(this.#applied(state));
    this.#heard.tell("state", state, this.pending);
  }

  /** @internal */
  happened(event: Types["event"], context: EventContext): void {
    this.#heard.tell("event", event, context);
  }

  /** @internal One is not in the lobby any more. */
  ended(why: ParlorError): void {
    this.#isOver = true;
    this.#promised.forEach((_, input) => this.#fail(input, why));
  }
}

/** What listens to states: see {@link Match.onState}. */
export type Shown<Types extends GameTypes> = (
  state: MatchState<Types>,
  pending: readonly Pending<Types["action"]>[],
) => void;
