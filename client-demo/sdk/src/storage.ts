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

/** @internal Forgotten with the process: what Node gets. */
export function inMemory(): Keep {
  const kept = new Map<string, string>();
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  };
}

/** @internal One kept value; where storage is full or forbidden it is forgotten, and that is all. */
export class Kept {
  readonly #keep: Keep;
  readonly #name: string;
  #value: string | undefined;

  constructor(keep: Keep, name: string) {
    this.#keep = keep;
    this.#name = name;
    try {
      this.#value = keep.getItem(name) ?? undefined;
    } catch {
      // Forbidden.
    }
  }

  get value(): string | undefined {
    return this.#value;
  }

  set value(value: string | undefined) {
    this.#value = value;
    try {
      if (value === undefined) this.#keep.removeItem(this.#name);
      else this.#keep.setItem(this.#name, value);
    } catch {
      // Full or forbidden.
    }
  }
}

/** @internal This tab's storage, if the page may use it. */
export function byDefault(): Keep {
  try {
    return globalThis.sessionStorage ?? inMemory();
  } catch {
    return inMemory();
  }
}
