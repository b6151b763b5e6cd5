// Which lobbies there are, and the ways into one.

import type { Off } from "./emitter.js";
import type { Feeds } from "./feeds.js";
import type { GameTypes, TypesOf } from "./games.js";
import type * as api from "./generated/api.js";
import type { Line } from "./line.js";
import { followListing } from "./listing.js";
import type { Lobby } from "./lobby.js";

/** What this package says itself. */
type Ours = "game" | "config" | "name" | "deltas" | "format" | "key";

/** What `create` takes; `name` is the player's, unless another one is given. */
export type CreateRequest<Name extends string = string> = Omit<api.Create, Ours> & {
  /** The registered name of the game. */
  game: Name;
  /** The game's own configuration; absent: its defaults. */
  config?: TypesOf<Name>["config"];
  /** The player's name here. */
  name?: string;
};

/** What `quick` takes. */
export type QuickRequest<Name extends string = string> = Omit<
  CreateRequest<Name>,
  "visibility" | "password" | "locked"
> &
  Pick<api.Quick, "filter">;

/** What `join` takes: a `code`, or the `id` of a lobby that is not private. */
export type JoinRequest = Omit<api.Join, "deltas" | "format" | "key">;

/** @internal Asks for a place. */
export type Enter = (way: "create" | "join" | "quick", request: object) => Promise<Lobby>;

/** The lobbies of the server: {@link Parlor.lobbies}. */
export class Lobbies {
  readonly #line: Line;
  readonly #feeds: Feeds;
  readonly #enter: Enter;

  /** @internal */
  constructor(line: Line, feeds: Feeds, enter: Enter) {
    this.#line = line;
    this.#feeds = feeds;
    this.#enter = enter;
  }

  /** The public lobbies that a filter lets through. */
  async list(filter: api.Filter = {}): Promise<api.Listed[]> {
    return (await this.#line.ask("list", filter)).lobbies;
  }

  /**
   * Calls `listener` with the same list, now and whenever it changes, in the order of `sort`, until
   * the function that this resolves with is called. There is one such list at a time.
   */
  watch(filter: api.Filter, listener: (lobbies: readonly api.Listed[]) => void): Promise<Off> {
    return this.#feeds.begin<"watch", readonly api.Listed[], api.ListingChange>("listing", {
      ask: ["watch", filter],
      stop: ["unwatch"],
      begun: ({ lobbies }) => lobbies,
      changed: (shown, change) => followListing(shown, change, filter.sort),
      listener,
    });
  }

  /** Opens a lobby, and takes its first seat as host. It is made once, however often it is asked. */
  create<Name extends string>(request: CreateRequest<Name>): Promise<Lobby<TypesOf<Name>>> {
    return this.#enter("create", request);
  }

  /** Takes a seat in a lobby, or watches it (`role`): by its code alone, or as the request says. */
  join<Types extends GameTypes = any>(how: string | JoinRequest): Promise<Lobby<Types>> {
    return this.#enter("join", typeof how === "string" ? { code: how } : how);
  }

  /** Takes a seat in the best open lobby that fits, or opens one. */
  quick<Name extends string>(request: QuickRequest<Name>): Promise<Lobby<TypesOf<Name>>> {
    return this.#enter("quick", request);
  }
}
