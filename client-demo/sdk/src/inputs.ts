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
  seq: number;
  /** Of which match. */
  readonly number: number;
  tick?: number;
  /** True once its answer has come. */
  isAnswered: boolean;
}

/** @internal */
export class Inputs<Action> {
  #number = 0;
  #used = 0;
  #next = 1;
  /** In the order of their numbers. */
  all: Input<Action>[] = [];

  /** The match that is on, whose numbers begin anew; what was for another is forgotten. */
  begin(number: number): void {
    if (number === this.#number) return;
    this.#number = number;
    this.#used = 0;
    this.#next = 1;
    this.all = [];
  }

  /** The same where somebody has played in this seat before, up to this number at least. */
  goOn(number: number, applied: number): void {
    this.begin(number);
    this.#used = applied + JUMP - 1;
    this.#next = applied + JUMP;
    this.all = [];
  }

  /** Numbers something. */
  take(action: Action, tick: number | undefined): Input<Action> {
    // Refusals that use no number would let them grow too far.
    if (this.all.every((input) => input.isAnswered)) this.#next = this.#used + 1;
    for (const { seq } of this.all) this.#next = Math.max(this.#next, seq + 1);
    const input: Input<Action> = {
      seq: this.#next,
      action,
      number: this.#number,
      isAnswered: false,
      ...(tick !== undefined && { tick }),
    };
    this.#next += 1;
    this.all.push(input);
    return input;
  }

  /** The server has taken it. */
  accepted(input: Input<Action>): void {
    input.isAnswered = true;
    if (input.number === this.#number) this.#used = Math.max(this.#used, input.seq);
  }

  /** It will not be applied. */
  drop(input: Input<Action>, hasUsedNumber: boolean): void {
    if (hasUsedNumber) this.accepted(input);
    this.all = this.all.filter((one) => one !== input);
  }

  /** Its number was not to be had: another one. */
  renumber(input: Input<Action>): void {
    this.#used = Math.max(this.#used, input.seq) + JUMP / 2;
    this.#next = this.#used + 1;
    input.seq = this.#next++;
    this.all = [...this.all.filter((one) => one !== input), input];
  }

  /** A state contains all up to this number. */
  applied(seq: number): void {
    this.#used = Math.max(this.#used, seq);
    this.all = this.all.filter((input) => input.seq > seq);
  }
}
