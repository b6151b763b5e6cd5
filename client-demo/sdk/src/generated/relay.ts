// Written by `make types` from shared/src/api: change it there.

import type { Json } from "./api.js";

/** What a player does. */
export type Action =
  /** Say something to others, who get it as `message`. */
  | {
      type: "send";
      /** To whom. */
      to: Recipients;
      /** What: any JSON. */
      data: Json;
      /**
       * True: it may be lost, and of what one sender says so, only the newest waits for a slow
       * client. Absent: it arrives, in order.
       */
      volatile?: boolean;
    }
  /** The host alone: this is the state of the match now, for all and for those who come later. */
  | {
      type: "publish";
      /** Any JSON, at most 65,536 bytes; in the `View` as it is. */
      state: Json;
    }
  /** The host alone: the match is over. */
  | {
      type: "finish";
      /** The seats that won; absent: nobody, or a draw. */
      winners?: number[];
      /**
       * Why it is over: 1 to 64 letters, digits, blanks and ASCII punctuation marks; absent:
       * `finished`. The words `crashed` and `abandoned` are Parlor's own.
       */
      reason?: string;
    };

/** Configuration of a match. */
export interface Config {
  /** Longest `data` of one message, in bytes of its JSON: 1 to 65,536. */
  max_bytes?: number;
  /** What one player may send and publish each second, in the long run: 1 to 100. */
  per_second?: number;
  /** The same at once: 1 to 200. */
  burst?: number;
}

/**
 * What happened, pushed once: in a `lobby.MatchEvent`, or if it was sent so in a
 * `lobby.VolatileEvent`.
 */
export type Event =
  /** A player said something. */
  | {
      type: "message";
      /** The sender's seat. */
      from: number;
      /** What was sent, as it was. */
      data: Json;
    };

/** Whom a message is for, by a word. */
export type Group =
  /** Everybody in the lobby: the sender too, and those who watch. */
  | "all"
  /** Everybody in the lobby but the sender. */
  | "others"
  /** Whoever is host when it arrives. */
  | "host";

/** Whom a message is for. */
export type Recipients =
  /** `"all"`, `"others"` or `"host"`. */
  | Group
  /** The player in this seat. */
  | number
  /** The players in these seats. */
  | number[];

/** What everybody sees. */
export interface View {
  /** The seat that hosts; absent if nobody is left. */
  host?: number;
  /** The seats that play: whom messages can be for. */
  seats: number[];
  /** What a host published last; null before. */
  state: Json;
}

/** Codes of refusals. */
export type Code =
  /** A message is for somebody who does not play in this match, or for nobody. */
  | "E_RECIPIENT"
  /** A message or state is larger than it may be. */
  | "E_TOO_LARGE"
  /** An outcome names winners who do not play, or a reason that is no short plain text. */
  | "E_OUTCOME";

/** Words in `Outcome.reason`, beside Parlor's own. */
export type Reason =
  /** The host finished without a reason. */
  | "finished"
  /** All players have left. */
  | "abandonment";
