// Written by `make types` from shared/src/api: change it there.

import type { Links } from "./signal.js";

/** Answer to an action that the game accepted. In a game with ticks it comes with the tick. */
export interface Acted {
  /**
   * How many actions the match had accepted then, this one included; `State.turn` counts
   * alike.
   */
  turn: number;
}

/** The argument; absent: as if it were empty. */
export interface TimeAsk {
  /**
   * `Told.echo` of the answer that came just now: the time from that answer to this request
   * is a round trip. Ask at once, or it looks longer than it is.
   */
  echo?: string;
}

/** How many are in the audience; at most once a second. */
export interface AudiencePush {
  /** So many. */
  count: number;
}

/** How somebody is kept from coming again. */
export type Ban =
  /** Their account; of guests who have none, their address. */
  | "player"
  /** Everybody of their address. */
  | "address";

/**
 * Block somebody: nothing that they say, show or type reaches you any more, and they see you as
 * offline. Whoever is blocked already stays so.
 */
export type Block =
  /** The player in this seat of the lobby that one is in. */
  | { seat: number }
  /** The spectator of this name there. */
  | { spectator: string }
  /** The player of this id: that of an account, or of a guest with a token. */
  | { player: string };

/** Somebody who is blocked: the answer to `Block`. */
export interface Blocked {
  /** For `number`. */
  number: number;
  /** What they were called when they were blocked in a lobby. */
  name?: string;
  /** The id by which they were blocked otherwise: who did not know it is not told. */
  player?: string;
}

/** Answer to `blocks`. */
export interface Blocks {
  /**
   * Up to 200, the oldest first. The server forgets them when it ends, and may forget those who
   * have not been there for long before that.
   */
  blocks: Blocked[];
}

/** Answer to `bot`. */
export interface BotSeated {
  /** The bot's seat. */
  seat: number;
}

/** What changed in a lobby. */
export type Change =
  /** A player, or a bot, took a seat: this one. */
  | ({ type: "joined" } & Seat)
  /**
   * A player's connection was lost; the seat is kept for a while. In an open lobby, or one
   * that is starting, a `ready` comes before, if it was.
   */
  | {
      type: "dropped";
      /** Which. */
      seat: number;
      /** Until when it is kept, in milliseconds since the Unix epoch. */
      kept_until_ms: number;
      /**
       * From when on, if they are not back, others may claim, in milliseconds since the Unix
       * epoch. Not before `kept_until_ms`: then there is nothing to claim.
       */
      claim_from_ms: number;
    }
  /** A dropped player has not come back for so long that others may claim. */
  | {
      type: "overdue";
      /** Which. */
      seat: number;
    }
  /** A dropped player is back. */
  | {
      type: "returned";
      /** Which. */
      seat: number;
    }
  /** A seat became free. */
  | {
      type: "left";
      /** Which. */
      seat: number;
      /** Why. */
      reason: LeaveReason;
    }
  /** Another seat is host now: the last one left, lost its connection, or handed it over. */
  | {
      type: "host";
      /** Which. */
      seat: number;
    }
  /** The host changed how the lobby is run: to this. */
  | ({ type: "settings" } & Terms)
  /** A seat chose another colour. */
  | {
      type: "colour";
      /** Which seat. */
      seat: number;
      /** Which colour. */
      colour: Colour;
    }
  /** A seat said whether it is ready. */
  | {
      type: "ready";
      /** Which. */
      seat: number;
      /** Whether. */
      ready: boolean;
    }
  /** The number of spectators changed. */
  | {
      type: "spectators";
      /** How many there are now. */
      count: number;
    }
  /** A match begins in a moment, unless somebody is no longer ready, drops or leaves. */
  | {
      type: "starting";
      /** When, in milliseconds since the Unix epoch. */
      at_ms: number;
    }
  /** It does not: the lobby is open. */
  | { type: "stopped" }
  /**
   * Nobody wanted another match for a while: the lobby is open again, and the last match is no
   * longer to be seen.
   */
  | { type: "opened" }
  /** A match began, and nobody but bots is ready for the next one yet; a `state` follows. */
  | {
      type: "started";
      /** Number of the match in this lobby, from 1. */
      number: number;
    }
  /** The match ended. */
  | {
      type: "finished";
      /** How. */
      outcome: Outcome;
    }
  /** The host has asked something, and votes are taken. */
  | ({ type: "poll" } & Poll)
  /** No more votes are taken: how they stand. */
  | ({ type: "poll_ended" } & Tally)
  /** Somebody said something. Not told to the audience. */
  | {
      type: "chat";
      /** The speaker's name. */
      name: string;
      /** The speaker's seat; absent for a spectator. */
      seat?: number;
      /** What was said. */
      text: string;
      /** When, in milliseconds since the Unix epoch. */
      at_ms: number;
    };

/**
 * A change of the lobby: reliable, and `version` is always one more than the last that this viewer
 * was told.
 */
export interface Changed {
  /** How much this viewer was told, this change included. */
  version: number;
  /** What changed. */
  change: Change;
}

/** Say something to everybody in the lobby. */
export interface Chat {
  /** 1 to 500 code points. */
  text: string;
}

/** The lobby is no more: you are in none. */
export interface Closed {
  /** Why. */
  reason: ClosedReason;
}

/** Why a lobby is no more, though somebody is in it. */
export type ClosedReason =
  /** It was open for long, and nobody said or did anything. */
  | "idle"
  /** Its last member is gone; told to its audience. */
  | "deserted"
  /**
   * Its seats were for players whom the matchmaker had put together, and not all of them came in
   * time, or one left again before the match.
   */
  | "no_show";

/** The colour of a seat: no two of a lobby have the same. */
export type Colour =
  | "red"
  | "blue"
  | "green"
  | "yellow"
  | "purple"
  | "orange"
  | "cyan"
  | "pink"
  | "lime"
  | "brown"
  | "teal"
  | "navy"
  | "olive"
  | "grey"
  | "white"
  | "black";

/** What one name in metadata must say: a value, `{"min": 1, "max": 2}` or `{"in": [1, "a"]}`. */
export type Condition = Scalar | { min?: number; max?: number } | { in: Scalar[] };

/** Names of metadata and what each must say, in the order of the names. */
export type Conditions = Record<string, Condition>;

/** Open a lobby and take its first seat as host. */
export interface Create {
  /** The registered name of the game, such as `chess`. */
  game: string;
  /** The game's own configuration; absent: its defaults. */
  config?: Json;
  /** Absent: private. */
  visibility?: Visibility;
  /** What others must say to come in, 1 to 64 code points; absent or empty: nothing. */
  password?: string;
  /** Seats in all, no fewer than the game needs and no more than it has; absent: all it has. */
  capacity?: number;
  /** How many may watch, 0 to 64; absent: 64. */
  max_spectators?: number;
  /** True: nobody comes in until the host unlocks it; absent: false. */
  locked?: boolean;
  /**
   * True: as a match begins, bots take the seats that are free, and make way for people later.
   * Only if the game has bots; absent: false.
   */
  fill?: boolean;
  /** When a match begins; absent: when the host says so. */
  start?: StartRule;
  /** The player's name: 1 to 64 code points, no control characters. */
  name: string;
  /** The seat's colour; absent: the first. */
  colour?: Colour;
  /** What others may find it by; absent: nothing. */
  metadata?: Metadata;
  /** Whether `Delta`s may come in place of states; absent: no. */
  deltas?: boolean;
  /** How `State`s and `Delta`s are written; absent: as JSON. */
  format?: Format;
  /** How its peers are linked in `/signal`; absent: as is usual on this server. */
  links?: Links;
  /** By which the request may be sent again; absent: each makes another lobby. */
  key?: IdempotencyKey;
}

/** A `State` as what differs from an earlier one: for those who asked for `deltas`. */
export interface Delta {
  /** Which state it leads to; counts like `State.n`. */
  n: number;
  /**
   * The state with this `State.n` is what it builds on: always the last one with `key`. Who
   * does not have it ignores the delta and asks for `resync`.
   */
  base: number;
  /** What to apply to that state, but for its `n` and `key` (see `delta`). */
  delta: Json;
}

/** Answer to a request that has nothing to tell. */
export type Done = Record<never, never>;

/** What comes with `auth:expiring`. */
export interface Expiring {
  /** Milliseconds until the client is disconnected. */
  in_ms: number;
}

/**
 * Which public lobbies somebody wants to know of. Every field that is given must fit; absent ones
 * let everything through. At most 1,024 bytes of names and texts.
 */
export interface Filter {
  /** Only lobbies of this game. */
  game?: string;
  /** Only those in whose host's name or texts this is found, whatever the case of its letters. */
  text?: string;
  /** Only those that stand there. */
  phase?: Phase;
  /** Only those with at least so many free seats. */
  free?: number;
  /** Only those that ask (true) or do not ask (false) for a password. */
  has_password?: boolean;
  /** Only those that are (true) or are not (false) locked. */
  locked?: boolean;
  /** What their metadata must say; at most 8 names. */
  metadata?: Conditions;
  /** Which come first; absent: the newest. */
  sort?: Sort;
  /** How many at most, 1 to 100; absent: 100. */
  limit?: number;
}

/**
 * The third argument of `input`, in a game with ticks: with which tick the action is applied.
 * Absent: with the next one.
 */
export interface ForTick {
  /**
   * Counts like `State.tick`: at least the tick that comes next (else `E_LATE`), and
   * at most 8 after it (else `E_EARLY`).
   */
  tick: number;
}

/** How the payload of `state` and `delta` pushes is written. */
export type Format =
  /** A JSON object in the event's text. */
  | "json"
  /**
   * One binary attachment: the same object in MessagePack, its members by their names. Shorter,
   * and quicker to read, where views hold many numbers. A state that is nested so deeply (over
   * 127 levels) that it cannot be read back comes as JSON.
   */
  | "msgpack";

/** A guest's token, as it is told: `auth:guest`, and the answer to `POST /guest`. */
export interface GuestToken {
  /** To be sent as `token` with each CONNECT, to be the same player again. */
  token: string;
  /** Whom it names. */
  account: string;
  /** Seconds from the Unix epoch to its end. */
  expires: number;
}

/** Hand the lobby over to another seat; only its host may. */
export interface HandOver {
  /** The next host: its player must be connected. */
  seat: number;
}

/**
 * Chosen at random by the client, a UUID for one, for one `Create` or `Join`:
 * the request may be sent again with it, by the same or another connection of the same player,
 * until its answer has arrived. The first makes a lobby, or takes a place; each after it leads
 * back there as `Resume` does, whatever else it says. Whoever knows the key can do so:
 * keep it secret, as the token. When the place is gone, and once it was come back to and
 * something more was asked there, the key means nothing any more: the request is done as if for
 * the first time.
 *
 * 16 to 64 characters of printable ASCII without blanks.
 */
export type IdempotencyKey = string;

/** Join a lobby by its code, or one that is not private by its id. */
export interface Join {
  /** The join code; letter case and surrounding blanks do not matter. */
  code?: string;
  /** The lobby's id; used when there is no code. */
  id?: string;
  /**
   * The player's name: 1 to 64 code points that are seen, and no other's in the lobby. The
   * audience has none.
   */
  name?: string;
  /** Whether a number may be put behind a name that somebody in the lobby has; absent: no. */
  rename?: boolean;
  /** Absent: player. */
  role?: Role;
  /** The lobby's password, if it has one. */
  password?: string;
  /** The seat's colour; absent, or if another seat has it: the first that is free. */
  colour?: Colour;
  /** Whether `Delta`s may come in place of states; absent: no. */
  deltas?: boolean;
  /** How `State`s and `Delta`s are written; absent: as JSON. */
  format?: Format;
  /** By which the request may be sent again; absent: each takes another place. */
  key?: IdempotencyKey;
}

/** Answer to `Create`, `Join` and `Resume`. */
export interface Joined {
  /** Everything this viewer may know, at `lobby.version`; later `Changed` build on it. */
  lobby: Lobby;
  /** The seat taken; absent for a spectator. */
  seat?: number;
  /** What `Resume` takes; keep it secret. Empty for who is in the audience. */
  token: string;
  /** True if the request opened this lobby. */
  created: boolean;
  /**
   * The next so many `Changed` and `MatchEvent` are what was missed since
   * `Resume.version`, one by one up to `Lobby.version`: `lobby` contains them already.
   * Absent: nothing of that comes, because the client did not say what it has, or because it has
   * been away for too long (64 pushes, or what the server keeps of them); `lobby` is all.
   */
  missed?: number;
}

/** Send somebody away; only the host may. Exactly one of `seat` and `spectator` says whom. */
export interface Kick {
  /** The player, or the bot, in this seat. */
  seat?: number;
  /** The spectator of this name. */
  spectator?: string;
  /** Absent: they may come again. */
  ban?: Ban;
}

/** The host sent you away: you are in no lobby. */
export interface Kicked {
  /** `kicked` or `banned`. */
  reason: LeaveReason;
}

/** Why a seat became free. */
export type LeaveReason =
  /** The player left. */
  | "left"
  /** The connection was lost for longer than the seat is kept. */
  | "expired"
  /** The host sent the player away. */
  | "kicked"
  /** And for good. */
  | "banned"
  /** It was a bot's, and somebody has come. */
  | "made_way";

/** One public lobby in a `Listing`. */
export interface Listed {
  /** What `Join.id` takes. */
  id: string;
  /** The game's registered name. */
  game: string;
  /** The host's name. */
  host: string;
  /** Seats taken by people. */
  players: number;
  /** Seats taken by bots, who make way. */
  bots?: number;
  /** Seats in all. */
  capacity: number;
  /** Where the lobby stands. */
  phase: Phase;
  /** True if `Join.password` is asked for. */
  password?: boolean;
  /** True if nobody new comes in. */
  locked?: boolean;
  /** When it was made, in milliseconds since the Unix epoch. */
  made_ms: number;
  /** What its host says of it. */
  metadata?: Metadata;
}

/** Answer to a `Filter`: the public lobbies that it lets through. */
export interface Listing {
  /** In the order asked for, at most as many as asked for. */
  lobbies: Listed[];
}

/**
 * What has changed of a `Listing` since it was told, or changed, last: so that at any time a
 * watcher knows what `list` would tell.
 */
export interface ListingChange {
  /** Lobbies that were not in it. */
  added?: Listed[];
  /** Lobbies that were, and are not as they were. */
  changed?: Listed[];
  /** Ids of those that are not in it any more. */
  removed?: string[];
}

/** A whole lobby as one viewer may know it. */
export interface Lobby {
  /** Identifies the lobby; for `Join.id` if it is not private. */
  id: string;
  /** The code to tell friends. */
  code: string;
  /** The game's registered name. */
  game: string;
  /** The game's configuration, defaults filled in. */
  config: Json;
  /** Who may find it. */
  visibility: Visibility;
  /** True if others must say a password to come in. */
  password?: boolean;
  /** True if nobody new comes in. */
  locked?: boolean;
  /** True if bots take the seats that are free when a match begins. */
  fill?: boolean;
  /** When a match begins. */
  start: StartRule;
  /** Where it stands. */
  phase: Phase;
  /** When the match begins, in milliseconds since the Unix epoch; only while it is starting. */
  starts_at_ms?: number;
  /** Of the last change or event contained here: each viewer counts what it was told. */
  version: number;
  /** The seat that may start; absent while nobody has one: bots do not lead. */
  host?: number;
  /** The seats taken, by number. */
  seats: Seat[];
  /** Seats in all. */
  capacity: number;
  /** Seats that must be taken for a match to begin. */
  needed: number;
  /** How many watch. */
  spectators: number;
  /** How many are in the audience beside them. */
  audience?: number;
  /** The question that is being voted on. */
  poll?: Poll;
  /** How many may. */
  max_spectators: number;
  /** What others find it by. */
  metadata?: Metadata;
  /** The running or last match; absent before the first, and when the lobby is open again. */
  state?: State;
}

/**
 * Something happened in the match, in the game's own words: reliable, and `version` is always
 * one more than that of the last `Changed` or `MatchEvent`.
 */
export interface MatchEvent {
  /** How much this viewer was told, this event included. */
  version: number;
  /** Accepted actions so far; `State.turn` counts alike. */
  turn: number;
  /** The game's own event. */
  event: Json;
}

/**
 * What a host says of its lobby, for others to find it by: a JSON object of at most 16 names (1 to
 * 32 bytes) with texts (128 bytes at most), finite numbers, and truths, of 2,048 bytes in all.
 * Neither names nor texts have control characters; with marks that turn text around a lobby does
 * not take it. Cheap to clone.
 */
export type Metadata = Record<string, Scalar>;

/** Answer to `Presence`. */
export interface Online {
  /** Those of the players who are online, in the order of their ids. */
  online: string[];
}

/** The host asks the audience and the spectators something; one question at a time. */
export interface OpenPoll {
  /** 1 to 200 code points. */
  question: string;
  /** 2 to 8 answers to choose from, of 1 to 64 code points each. */
  options: string[];
  /** How long votes are taken: 1 to 3600 s. */
  seconds: number;
}

/** How a match ended. */
export interface Outcome {
  /** The seats that won; empty: a draw, or nobody. */
  winners: number[];
  /** The game's word for it, such as `checkmate`; `crashed` and `timeout` are Parlor's own. */
  reason: string;
}

/** Choose a colour for one's own seat. */
export interface Paint {
  /** Which: one that no other seat has. */
  colour: Colour;
}

/** Answer to `peer`. */
export interface PeerAdmitted {
  /**
   * What `join` of `/signal` takes, by any connection: keep it secret. It is good as long as the
   * seat is one's own, and the same each time.
   */
  token: string;
}

/** Where a lobby stands. */
export type Phase =
  /** Gathering players. */
  | "open"
  /** A match begins in a moment: the countdown is on. Nobody takes a seat meanwhile. */
  | "starting"
  /** A match is on. */
  | "playing"
  /**
   * The match has ended; a rematch leads back to playing, and if it is not wanted for a while,
   * the lobby is open again.
   */
  | "finished";

/** Who plays a match. */
export interface Player {
  /** Number of the seat. */
  seat: number;
  /** The name at the start of the match. */
  name: string;
}

/** A question that is being voted on. */
export interface Poll {
  /** Number of the question in this lobby, from 1. */
  number: number;
  /** The question. */
  question: string;
  /** What to choose from. */
  options: string[];
  /** Until when votes are taken, in milliseconds since the Unix epoch. */
  ends_ms: number;
}

/**
 * Be told which of these players are online, and from then on of each change, until the socket's
 * end or another request, which takes the place of this one. A player's id is its account's, or a
 * guest's who has a token; who has neither has no presence.
 */
export interface Presence {
  /** Up to 100 ids, of 1 to 256 bytes each; none ends it. */
  players: string[];
}

/**
 * Somebody has come online, or is not any more. Reliable; who comes back within 2 s has not been
 * away, and of each player there is one change a second at most.
 */
export interface PresencePush {
  /** Who. */
  player: string;
  /** Whether. */
  online: boolean;
}

/**
 * Take a seat in the best open lobby that fits, or open one: public, not locked, without a
 * password, with somebody connected in it; the fullest first, of these the oldest. Written as a
 * `Create` (without `visibility`, `password`, `locked`, `key`) and a `filter`.
 */
export type Quick = Omit<Create, "visibility" | "password" | "locked" | "key"> & {
  filter?: Pick<Filter, "text" | "free" | "metadata">;
};

/** What comes with `rate_limited`. */
export interface RateLimited {
  /** `E_RATE` */
  code: string;
  /** One sentence for people. */
  message: string;
  /** Events dropped since the client was told last. */
  dropped: number;
}

/** Show everybody in the lobby a reaction. Five may come at once, then one each 400 ms. */
export interface React {
  /** One emoji or one short word: 1 to 32 bytes without blanks. */
  reaction: string;
}

/** Somebody reacts. */
export interface ReactionPush {
  /** The player's name. */
  name: string;
  /** The seat; absent for a spectator. */
  seat?: number;
  /** With what. */
  reaction: string;
}

/** Say whether this seat is ready. */
export interface Ready {
  /** True: ready. */
  ready: boolean;
}

/** Why a request was refused: a stable code for programs, one sentence for people. */
export interface Refusal {
  /** One of the `E_…` codes of `code`, or one that a game defines. */
  code: string;
  /** One sentence in English that says what was wrong. */
  message: string;
}

/** What the answer to `auth:renew` holds. */
export interface Renewed {
  /** Seconds from the Unix epoch to the new token's end. */
  expires: number;
}

/** Return to a seat (or spectator's place) after a lost connection. */
export interface Resume {
  /**
   * The token of the last `Joined`. Each works once; one whose answer was lost works again
   * until the seat's next request.
   */
  token: string;
  /**
   * The last version that the client has seen in this place: it is sent what it missed since, if
   * that is still there (`Joined.missed`). Absent: it wants the lobby as it stands.
   */
  version?: number;
  /** Whether `Delta`s may come in place of states; absent: no. */
  deltas?: boolean;
  /** How `State`s and `Delta`s are written; absent: as JSON. */
  format?: Format;
}

/** As what somebody joins. */
export type Role =
  /** Takes a seat. */
  | "player"
  /** Watches, and sees what spectators may see. */
  | "spectator"
  /**
   * One of thousands who watch: needs no name, is counted but not told to others, hears no chat
   * and nobody type, and votes. Its place is not kept: it gets no token, and joins again.
   */
  | "audience";

/** One value in `Metadata`. */
export type Scalar = string | number | boolean;

/** One taken seat. */
export interface Seat {
  /** Number of the seat, from 0. */
  seat: number;
  /** The player's name. */
  name: string;
  /** False while the connection is lost and the seat is kept. */
  connected: boolean;
  /** Ready for the next match (in `finished`: wants a rematch). */
  ready: boolean;
  /** True while others may claim, as it has been without a connection for so long. */
  overdue?: boolean;
  /** Its colour; absent for those for whom none was left. */
  colour?: Colour;
  /**
   * True if nobody plays it: a bot does, who is always ready, and makes way for somebody who
   * comes when every seat is taken.
   */
  bot?: boolean;
}

/** Change how a lobby is run; only its host may. What is absent stays as it is. */
export interface Settings {
  /** Who may find it. */
  visibility?: Visibility;
  /** What others must say to come in, 1 to 64 code points; empty: nothing. */
  password?: string;
  /**
   * Seats in all: at least as many as are taken and as the game needs, at most as many as it
   * has. Not while a match is on or starting.
   */
  capacity?: number;
  /** How many may watch, 0 to 64. Those who do already may stay. */
  max_spectators?: number;
  /** When a match begins. Not while one is on or starting. */
  start?: StartRule;
  /**
   * True: as a match begins, bots take the seats that are free. Only if the game has bots, and
   * not while a match is on or starting.
   */
  fill?: boolean;
  /** True: nobody new comes in. */
  locked?: boolean;
  /** What others may find it by, in place of what was there. */
  metadata?: Metadata;
}

/** In which order lobbies are told. Those that are equal in it come newest first. */
export type Sort = "newest" | "players" | `+${string}` | `-${string}`;

/** When a match begins. */
export type StartRule =
  /** When the host says so and all others are ready. */
  | "host"
  /** When enough seats are taken and all are ready. */
  | "ready"
  /**
   * When all seats are taken: who takes one is ready. After a match, those who played it have
   * to say again that they are.
   */
  | "full";

/** What a viewer may know of a match after `turn` accepted actions. */
export interface State {
  /** Number of the match in this lobby, from 1. */
  number: number;
  /** Accepted actions so far. */
  turn: number;
  /**
   * The tick that comes next, from 0: what arrives now is applied with it. Only while a match
   * with ticks is on.
   */
  tick?: number;
  /** Who plays, or played, this match, by seat; the seat may have been taken by others since. */
  players: Player[];
  /** The game's own view; null if the game has crashed. */
  view: Json;
  /** How it ended; absent while it is on. */
  outcome?: Outcome;
  /** The highest number of an `input` that the game accepted, for each seat that sent one. */
  applied?: Record<number, number>;
  /**
   * Which of this viewer's states it is: each is numbered, though not each is sent. May begin
   * anew after `Create`, `Join` and `Resume`, and with a match. Only in a push.
   */
  n?: number;
  /** True if later `Delta`s may build on this state: keep it. Only in a push. */
  key?: boolean;
}

/** Votes so far; at most twice a second. */
export interface Tally {
  /** Of which question: `Poll.number`. */
  number: number;
  /** Votes for each option. */
  votes: number[];
}

/**
 * How a lobby is run, as everybody in it may know: part of `Lobby`, and told whole when it
 * changes.
 */
export interface Terms {
  /** Who may find it. */
  visibility: Visibility;
  /** True if others must say a password to come in. */
  password: boolean;
  /** Seats in all. */
  capacity: number;
  /** How many may watch. */
  max_spectators: number;
  /** True if nobody new comes in. */
  locked: boolean;
  /** True if bots take the seats that are free when a match begins. */
  fill: boolean;
  /** What others find it by. */
  metadata: Metadata;
  /** When a match begins. */
  start: StartRule;
}

/** What time it is. */
export interface TimeTold {
  /**
   * The server's clock, in milliseconds since the Unix epoch: the one that states and pushes of
   * `/lobby` tell times of. It does not jump while the server runs.
   */
  server_ms: number;
  /**
   * Milliseconds between the answer with the `Ask.echo` and this request, in thousandths:
   * there is no way for a client to make it shorter. Absent without an echo, or if that is
   * another socket's, or older than 30 seconds.
   */
  rtt_ms?: number;
  /** What to send back at once; nobody can guess it. */
  echo: string;
}

/** Say that one begins or stops typing. */
export interface Typing {
  /** True: typing. */
  typing: boolean;
}

/** Somebody began or stopped typing. */
export interface TypingPush {
  /** The player's name. */
  name: string;
  /** The seat; absent for a spectator. */
  seat?: number;
  /** True: typing. */
  typing: boolean;
}

/** Block somebody no more. Whoever is not blocked stays so. */
export type Unblock =
  /** `Blocked.number`. */
  | { number: number }
  /** The player of this id, who was blocked by it. */
  | { player: string };

/** Who may find a lobby. */
export type Visibility =
  /** Listed, and joined by id or code. */
  | "public"
  /** Not listed, and joined by id or code. */
  | "unlisted"
  /** Not listed, and joined by its code alone. */
  | "private";

/**
 * Something of the moment in the match, in the game's own words: it may be lost, and of one kind
 * only the newest waits for a slow client.
 */
export interface VolatileEvent {
  /** Accepted actions so far; `State.turn` counts alike. */
  turn: number;
  /** The game's own event. */
  event: Json;
}

/** Choose an answer, or another one than before; each socket once, and each player once. */
export interface Vote {
  /** Position in `Poll.options`, from 0. */
  option: number;
}

/** Any JSON: what only the game knows. */
export type Json = unknown;

/** A request was refused, and nothing changed. */
export interface Refused extends Refusal {
  ok: false;
}

/** The answer in an acknowledgement. */
export type Reply<T> = ({ ok: true } & T) | Refused;

/** The acknowledgement of a request: its last argument. */
export type Ack<T> = (reply: Reply<T>) => void;

/** One binary attachment: in browsers an `ArrayBuffer` comes, in Node a `Buffer`. */
export type Bytes = ArrayBuffer | Uint8Array;

/** What clients send to `/lobby`. */
export interface LobbyClientToServer {
  /** `Create` → `Joined`. */
  create: (create: Create, ack: Ack<Joined>) => void;
  /** `Join` → `Joined`. */
  join: (join: Join, ack: Ack<Joined>) => void;
  /**
   * `Resume` → `Joined`: back to one's seat after a lost connection. A socket
   * that still holds the seat is disconnected.
   */
  resume: (resume: Resume, ack: Ack<Joined>) => void;
  /**
   * `Quick` → `Joined`: a seat in the best open lobby that fits, or in one of
   * one's own.
   */
  quick: (quick: Quick, ack: Ack<Joined>) => void;
  /**
   * `Filter` → `Listing`: the public lobbies that it lets through. Without an
   * argument: all.
   */
  list: (
    ...args:
      | [ack: Ack<Listing>]
      | [filter: Filter, ack: Ack<Listing>]
  ) => void;
  /**
   * `Filter` → `Listing`, and from then on `listing` whenever
   * it changes, until `unwatch`, another `watch` or the socket's end. Without an argument: all.
   */
  watch: (
    ...args:
      | [ack: Ack<Listing>]
      | [filter: Filter, ack: Ack<Listing>]
  ) => void;
  /** No argument → `Done`: ends what `watch` began. */
  unwatch: (ack: Ack<Done>) => void;
  /** `Presence` → `Online`, and from then on `presence`. */
  presence: (presence: Presence, ack: Ack<Online>) => void;
  /** `Block` → `Blocked`. */
  block: (block: Block, ack: Ack<Blocked>) => void;
  /** `Unblock` → `Done`. */
  unblock: (unblock: Unblock, ack: Ack<Done>) => void;
  /** No argument → `Blocks`: whom one has blocked. */
  blocks: (ack: Ack<Blocks>) => void;
  /** `Settings` → `Done`: the host changes how the lobby is run. */
  settings: (settings: Settings, ack: Ack<Done>) => void;
  /** `HandOver` → `Done`: the host makes another seat host. */
  host: (to: HandOver, ack: Ack<Done>) => void;
  /** `Kick` → `Done`: the host sends somebody away. */
  kick: (kick: Kick, ack: Ack<Done>) => void;
  /**
   * No argument → `BotSeated`: the host seats a bot, if the game has such, and not in a
   * match that nobody can join. `kick` sends it away.
   */
  bot: (ack: Ack<BotSeated>) => void;
  /**
   * No argument → `Done`: this seat claims what the game gives for it that others are
   * overdue: dropped for longer than its grace.
   */
  claim: (ack: Ack<Done>) => void;
  /** `Paint` → `Done`: another colour for one's own seat. */
  colour: (paint: Paint, ack: Ack<Done>) => void;
  /** `Ready` → `Done`. */
  ready: (ready: Ready, ack: Ack<Done>) => void;
  /**
   * No argument → `Done`: the host starts the match, which counts as being ready. Only
   * if the lobby leaves that to its host (`host`).
   */
  start: (ack: Ack<Done>) => void;
  /**
   * No argument → `Done`: the host ends the countdown to a match. If the match would
   * begin by itself, the host is no longer ready.
   */
  stop: (ack: Ack<Done>) => void;
  /** `Chat` → `Done`. */
  chat: (chat: Chat, ack: Ack<Done>) => void;
  /** `OpenPoll` → `Done`: the host asks audience and spectators something. */
  poll: (poll: OpenPoll, ack: Ack<Done>) => void;
  /** `Vote` → `Done`: one of them answers. */
  vote: (vote: Vote, ack: Ack<Done>) => void;
  /** `React` → `Done`. */
  react: (react: React, ack: Ack<Done>) => void;
  /** `Typing` → `Done`. */
  typing: (typing: Typing, ack: Ack<Done>) => void;
  /** The game's own action → `Acted`. */
  action: (action: Json, ack: Ack<Acted>) => void;
  /**
   * A number, the game's own action and perhaps `ForTick` → `Acted`: an
   * action that is applied once, however often it is sent. The numbers (1 to 2^53 − 1) of a
   * seat grow by 1,024 at most, and begin anew with each match. One of the last 64 that comes
   * again is answered as it was first, whatever it brings; one before them, or one that was
   * left out, is refused with `E_SEQ_OLD`. What the game refuses has used its number; what is
   * refused with `E_RATE`, `E_SEQ`, `E_LATE`, `E_EARLY`, `E_NOT_IN_MATCH` or `E_MATCH_OVER`
   * has not, unless it had been waiting for its tick.
   */
  input: (
    ...args:
      | [seq: number, action: Json, ack: Ack<Acted>]
      | [seq: number, action: Json, when: ForTick, ack: Ack<Acted>]
  ) => void;
  /**
   * No argument → `Done`: a whole `State` comes next. For those who got a
   * `Delta` whose base they do not know.
   */
  resync: (ack: Ack<Done>) => void;
  /** No argument → `Done`: this seat wants another match; it begins when all do. */
  rematch: (ack: Ack<Done>) => void;
  /** No argument → `PeerAdmitted`: who has a seat may become a peer of the others. */
  peer: (ack: Ack<PeerAdmitted>) => void;
  /** No argument → `Done`. */
  leave: (ack: Ack<Done>) => void;
  /**
   * The event by which a client brings a new token: its argument, or `token` of its argument. Eight
   * in vain, one after the other, and the socket is disconnected.
   */
  "auth:renew": (token: string, ack: Ack<Renewed>) => void;
  /** Name of the event; answered by a `Reply` of `Told`. */
  time: (
    ...args:
      | [ack: Ack<TimeTold>]
      | [ask: TimeAsk, ack: Ack<TimeTold>]
  ) => void;
}

/** What clients of `/lobby` get. */
export interface LobbyServerToClient {
  /** `Changed`: reliable, in order, versions without a gap. */
  changed: (changed: Changed) => void;
  /** `MatchEvent`: reliable, in order, counted in the same versions as `changed`. */
  event: (event: MatchEvent) => void;
  /** `VolatileEvent`: what soon is old; may be lost, and counts in no version. */
  volatile: (volatile: VolatileEvent) => void;
  /** `State`: what this viewer may know of the match; only the newest counts. */
  state: (state: State) => void;
  /** `Delta`: the same in short, for those who asked for `deltas`. */
  delta: (delta: Delta) => void;
  /** `Kicked`: the host sent you away; the last one from the lobby. */
  kicked: (kicked: Kicked) => void;
  /** `Closed`: the lobby is no more; the last one from it. */
  closed: (closed: Closed) => void;
  /** `ListingChange`: what is watched has changed; reliable, at most four a second. */
  listing: (listing: ListingChange) => void;
  /** `PresencePush`: a player has come online, or is not any more. */
  presence: (presence: PresencePush) => void;
  /** `TypingPush`: somebody began or stopped typing; may be lost. */
  typing: (typing: TypingPush) => void;
  /** `AudiencePush`: another number of people in the audience; may be lost. */
  audience: (audience: AudiencePush) => void;
  /** `Tally`: how the votes stand; may be lost. */
  tally: (tally: Tally) => void;
  /** `ReactionPush`: somebody reacts; may be lost, and of one seat's the newest counts. */
  reaction: (reaction: ReactionPush) => void;
  /** The event by which a client hears that it sends more than it may: some of it was dropped. */
  rate_limited: (rate_limited: RateLimited) => void;
  /** The event by which a client hears that its token expires soon. */
  "auth:expiring": (expiring: Expiring) => void;
  /** The event by which a guest who asked for it is told its token. */
  "auth:guest": (guest: GuestToken) => void;
}

/** Codes of refusals. */
export type Code =
  /** The arguments are not what this event takes. */
  | "E_BAD_REQUEST"
  /** No such event in this namespace. */
  | "E_UNKNOWN_EVENT"
  /** No game of that name is registered. */
  | "E_UNKNOWN_GAME"
  /** The game refused its configuration. */
  | "E_BAD_CONFIG"
  /**
   * The name is empty, longer than 64 code points, or holds characters that are not seen, or
   * too many marks on a letter.
   */
  | "E_NAME"
  /** Somebody in the lobby has this name, or one that looks the same. */
  | "E_NAME_TAKEN"
  /** No lobby with this id or code (also: a private one asked for by id without its code). */
  | "E_NOT_FOUND"
  /** The lobby has a password, and this is not it. */
  | "E_PASSWORD"
  /** The host keeps this player, or this address, out of the lobby. */
  | "E_BANNED"
  /** Another connection holds this place, and the server lets none take over. */
  | "E_CONNECTED"
  /** Nobody is overdue: there is nothing to claim. */
  | "E_NOT_OVERDUE"
  /** The lobby is locked: nobody new comes in. */
  | "E_LOCKED"
  /** Nobody sits in this seat, or not somebody who can do what is asked. */
  | "E_SEAT"
  /** Another seat has this colour. */
  | "E_COLOUR"
  /** Every seat (or every spectator's place) is taken. */
  | "E_FULL"
  /** This socket is already in a lobby; leave it first. */
  | "E_IN_LOBBY"
  /** This socket is in no lobby. */
  | "E_NOT_IN_LOBBY"
  /** Only the host (or only a seated player, or who has an account) may do this. */
  | "E_FORBIDDEN"
  /** Not possible in the lobby's present phase. */
  | "E_PHASE"
  /** Not everyone is ready. */
  | "E_NOT_READY"
  /** The token of an account is not accepted, or there is none where one is asked for. */
  | "E_AUTH"
  /** The resume token is unknown, used or expired. */
  | "E_TOKEN"
  /** Too many requests of this kind; try again in a few seconds. */
  | "E_RATE"
  /** The number of an input is more than 1,024 above the last. */
  | "E_SEQ"
  /** The number of an input is below the last 64, or was left out by one above it. */
  | "E_SEQ_OLD"
  /** The tick that an input is for has been. */
  | "E_LATE"
  /** The tick that an input is for is too far ahead. */
  | "E_EARLY"
  /** Another part of the server does not answer; the request may have been carried out. */
  | "E_UNAVAILABLE"
  /**
   * There are as many of these as there may be: lobbies of the server, what is watched from one
   * address, whom one player has blocked.
   */
  | "E_LIMIT"
  /** There is no match, or this socket does not play in it. */
  | "E_NOT_IN_MATCH"
  /** The match has ended. */
  | "E_MATCH_OVER"
  /** The game failed; the match has been ended. */
  | "E_MATCH_CRASH";
