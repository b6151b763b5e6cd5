// What of a stream of numbers has arrived: counted so that a loss, a double or a wrong order shows.

/** Numbers that are missing are remembered up to this; beyond it, they count as lost for good. */
const MAX_MISSING = 100_000;

/** Counts numbers that are sent as 0, 1, 2 … */
export class Count {
  received = 0;
  doubled = 0;
  /** Arrived after a higher one. */
  late = 0;
  #next = 0;
  #lost = 0;
  readonly #missing = new Set<number>();

  /** Not arrived, though a higher one has. */
  get lost(): number {
    return this.#lost + this.#missing.size;
  }

  /** The next number to come, if all is well. */
  get next(): number {
    return this.#next;
  }

  take(number: number): void {
    if (number >= this.#next) {
      for (let missing = this.#next; missing < number; missing += 1) {
        if (this.#missing.size < MAX_MISSING) this.#missing.add(missing);
        else this.#lost += 1;
      }
      this.#next = number + 1;
      this.received += 1;
    } else if (this.#missing.delete(number)) {
      this.late += 1;
      this.received += 1;
    } else {
      this.doubled += 1;
    }
  }
}
