// Written by `make types` from shared/src/api: change it there.

/** What a player does. */
export type Action =
  /** Head this way, at full speed for a length of 1, until told otherwise. */
  | {
      type: "steer";
      /** To the right: -1 to 1. */
      x: number;
      /** Down: -1 to 1. */
      y: number;
    };

/** One circle. */
export interface Circle {
  /** Whose; absent if nobody's. */
  seat?: number;
  /** Of its centre, in hundredths, from the left. */
  x: number;
  /** Of its centre, in hundredths, from the top. */
  y: number;
  /** Its radius, in hundredths. */
  r: number;
}

/** Configuration of a match. */
export interface Config {
  /** Circles that belong to nobody: they drift and bounce. At most 256. */
  drifting?: number;
  /** Width of the arena: 64 to 4096. */
  width?: number;
  /** Height of the arena: 64 to 4096. */
  height?: number;
  /** After so many ticks the match ends; absent: when all players have left. */
  ticks?: number;
}

/** What everybody sees. */
export interface View {
  /** Ticks since the match began. */
  tick: number;
  /** The players' circles, and then those that drift. */
  circles: Circle[];
}

/** Codes of refusals. */
export type Code =
  /** A direction is a finite number from -1 to 1. */
  | "E_STEER";
