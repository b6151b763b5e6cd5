// The numbers of what one does in a match, and what of it the server has not shown yet. Pure: what
// is sent when is decided in `match`.
// Source: shared/src/api/lobby.rs, `input`.

/**
 * How far numbers jump where it is not known which were used last: beyond those of a page that was
 * here before, within the 1,024 that they may grow by.
 */
const JUMP = 512;

/** Something that one has done, and that no state contains yet. */
export interface Pending<Action> {
  /** Its number. */
  readonly seq: number;
  /** What it was. */
  readonly action: Action;
}

/** @internal One more that is known here alone. */
export interface Input<Action> extends Pending<Action> {
  /** Of which match. */
  readonly number: number;
  readonly tick: number | undefined;
}

/** @internal */
export class Inputs<Action> {
  #number = 0;
  /** The highest number that the server has used, as far as is known. */
  #used = 0;
  /** In the order of their numbers. */
  all: Input<Action>[] = [];

  /** The match that is on, whose numbers begin anew; what was for another is forgotten. */
  begin(number: number): void {
    if (number === this.#number) return;
    this.#number = number;
    this.#used = 0;
    this.all = [];
  }

  /** The same where somebody has played in this seat before, up to this number at least. */
  goOn(number: number, applied: number): void {
    this.begin(number);
    this.#used = applied + JUMP;
  }

  /** Numbers something. What was refused without using its number leaves that to the next. */
  take(action: Action, tick: number | undefined): Input<Action> {
    const seq = Math.max(this.#used, this.all.at(-1)?.seq ?? 0) + 1;
    const input = { seq, action, tick, number: this.#number };
    this.all.push(input);
    return input;
  }

  /** The server has taken it. */
  used({ seq, number }: Input<Action>): void {
    if (number === this.#number) this.#used = Math.max(this.#used, seq);
  }

  /** It will not be applied. */
  drop(input: Input<Action>): void {
    this.all = this.all.filter((one) => one !== input);
  }

  /** A state contains all up to this number. */
  applied(seq: number): void {
    this.#used = Math.max(this.#used, seq);
    this.all = this.all.filter((input) => input.seq > seq);
  }
}
