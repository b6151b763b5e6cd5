// What outlives a reload of the page.

/** Where tokens are kept: `sessionStorage`, or anything else that has these three. */
export interface Keep {
  /** What is kept under a name; null: nothing. */
  getItem(name: string): string | null;
  /** Keeps it. */
  setItem(name: string, value: string): void;
  /** Forgets it. */
  removeItem(name: string): void;
}

/** @internal One kept value; where storage is full or forbidden it is forgotten, and that is all. */
export class Kept {
  readonly #given: Keep | undefined;
  readonly #name: string;
  /** Empty or absent: nothing is kept. */
  value: string | null | undefined;

  /** Without anything to keep it in, this tab's storage; in Node it is forgotten with the process. */
  constructor(given: Keep | undefined, name: string) {
    this.#given = given;
    this.#name = name;
    this.#try((storage) => (this.value = storage.getItem(name)));
  }

  /** Keeps this instead; absent: nothing. */
  keep(value?: string): void {
    this.value = value;
    this.#try((storage) =>
      value ? storage.setItem(this.#name, value) : storage.removeItem(this.#name),
    );
  }

  #try(act: (storage: Keep) => void): void {
    try {
      act(this.#given ?? sessionStorage);
    } catch {
      // Full, forbidden, or not there.
    }
  }
}
