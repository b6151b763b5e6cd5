// What the types of a match are, by the name of its game.

import type * as chess from "./generated/chess.js";
import type * as circles from "./generated/circles.js";
import type * as relay from "./generated/relay.js";

/** The types of one game. */
export interface GameTypes {
  /** What `create` takes as `config`. */
  config: any;
  /** What a player does: `match.input(action)`. */
  action: any;
  /** What a viewer may know: `state.view`. */
  view: any;
  /** What happens once: `match.onEvent`. */
  event: any;
}

/**
 * The games whose types are known by name. Add your own:
 *
 * ```ts
 * declare module "parlor-client" {
 *   interface Games {
 *     tictactoe: { config: null; action: { square: number }; view: Board; event: never };
 *   }
 * }
 * ```
 */
export interface Games {
  /** Chess. */
  chess: { config: chess.Config; action: chess.Action; view: chess.View; event: chess.Event };
  /** Circles that are steered, 20 ticks a second. */
  circles: { config: circles.Config; action: circles.Action; view: circles.View; event: never };
  /** Your own game, without a line on the server. */
  relay: { config: relay.Config; action: relay.Action; view: relay.View; event: relay.Event };
}

/** The types of the game of this name; of one that is not in {@link Games}: any. */
export type TypesOf<Name> = Name extends keyof Games ? Games[Name] : GameTypes;
