// Written by `make types` from shared/src/api: change it there.

import type { Ack, Done, Expiring, GuestToken, IdempotencyKey, Json, RateLimited, Renewed, TimeAsk, TimeTold } from "./api.js";

/** Whose ratings. */
export interface AskRatings {
  /** An account; absent: one's own. */
  player?: string;
}

/** An attribute that a queue's rules ask for. */
export interface Asked {
  /** Its name in `Create.attributes`. */
  name: string;
  /** What it is. */
  kind: AskedKind;
  /** True if a ticket without it is refused with `E_QUERY`. */
  required: boolean;
  /** What may be said, if that is not free: what players share of it configures the game. */
  choices?: string[];
}

/** What an attribute is. */
export type AskedKind =
  /** A number, which is nearly the same for all who play together. */
  | "number"
  /** A text or number, which is the same for all. */
  | "same"
  /** Texts, or one: all share some. */
  | "texts";

/** A seat in a lobby, kept for a while. */
export interface Assignment {
  /** The game. */
  game: string;
  /** The lobby. */
  lobby: string;
  /** Its code, for friends who would watch. */
  code: string;
  /** One's own seat there. */
  seat: number;
  /** Takes one to it: for `resume` in `/lobby`. A secret. */
  token: string;
  /** Milliseconds left to come. */
  left_ms: number;
  /** The team, counted from 0. */
  team: number;
  /** The region that was found, if the queue has a rule about them. */
  region?: string;
}

/** What a ticket says of its player, for the queue's rules. */
export type Attribute =
  /** A number. */
  | number
  /** One text. */
  | string
  /** Several, such as all modes that one would play. */
  | string[];

/**
 * Wait for a match in a queue. Who waits already, and may have no more tickets, waits with this
 * one instead: the other ends with `replaced`. While a match is proposed to it, or a
 * seat is kept for it, that is `E_STATE`.
 */
export interface Create {
  /** Its name: one of `Queues`. */
  queue: string;
  /** How one wants to be called in the lobby. Absent: `Player`. */
  name?: string;
  /**
   * What the queue's rules ask for beside the rating, by name: `Queue.asks`. All else is
   * forgotten.
   */
  attributes?: Record<string, Attribute>;
  /** How far each region is, in milliseconds of a round trip. */
  latencies?: Record<string, number>;
  /** Accounts with whom one does not want to play. */
  avoid?: string[];
  /**
   * The side that one would rather have, counted from 0: in chess 0 is white. Who wants what
   * nobody else wants gets it. In a rated queue sides are by lot, whatever one would rather.
   */
  side?: number;
  /**
   * True: with all of one's party, whose leader one is. What stands here counts for all of it,
   * latencies too; ratings are each one's own.
   */
  party?: boolean;
  /** Makes it safe to ask again: who asks with the same key gets the same ticket. */
  key?: IdempotencyKey;
}

/** Found a party and lead it. */
export interface CreateParty {
  /** How one wants to be called in it and in the lobby. Absent: `Player`. */
  name?: string;
}

/**
 * How long tickets of a queue have waited that were matched in the last half hour, 256 of them at
 * most: in milliseconds from the beginning.
 */
export interface Estimate {
  /** Half of them no longer than this. */
  p50_ms: number;
  /** Of twenty nineteen no longer than this. */
  p95_ms: number;
}

/** Come into a party. */
export interface JoinParty {
  /** Its code; letter case and surrounding blanks do not matter. */
  code: string;
  /**
   * How one wants to be called in it and in the lobby. Absent: `Player`. Who is called as
   * somebody in the party is gets a number behind the name.
   */
  name?: string;
}

/** Answer of who is in a party: how it stands, and who one is. */
export interface OwnParty {
  /** The party. */
  party: Party;
  /** One's own number in it. */
  member: number;
  /**
   * What brings one back to it by another connection, before the place has fallen
   * (`PartyMember.away`). Absent: one has an account, by which one is known. A secret.
   */
  token?: string;
}

/** A party, whole: each change is told as the party that it makes. */
export interface Party {
  /** Grows with each change: of two, the higher one is the newer. */
  version: number;
  /** What others come in by. */
  code: string;
  /** The number of the member who hands in tickets, and may send others away. */
  leader: number;
  /** How many it may have. */
  max_members: number;
  /** Who is in it, the first to have come first. */
  members: PartyMember[];
}

/** One is in no party any more. */
export interface PartyLeft {
  /** Why. */
  reason: PartyLeftReason;
}

/** Why somebody is in a party no more. */
export type PartyLeftReason =
  /** By one's own wish, perhaps by another of one's connections. */
  | "left"
  /** The leader's wish. */
  | "kicked"
  /** One's connection was lost for too long. */
  | "expired";

/** One who is in a party. */
export interface PartyMember {
  /** Which one; nobody else in this party ever has the same number. */
  member: number;
  /** What the member is called; no two in a party look the same. */
  name: string;
  /**
   * True if the leader may hand in a ticket as far as this one is concerned. Leaders need not
   * say it.
   */
  ready?: boolean;
  /**
   * True while the connection is lost: the place is kept for half a minute, unless the server
   * was told otherwise.
   */
  away?: boolean;
}

/** Say whether one is ready to play. */
export interface PartyReady {
  /** One is. */
  ready: boolean;
}

/** How the wait goes on: the same words as in `Ticket`. */
export interface Progress {
  /** Whose; it is not queued any more if `ticket` has said so before. */
  ticket: string;
  /** How long it has waited, in milliseconds. */
  waited_ms: number;
  /** How many tickets have waited longer, and this one. */
  position: number;
  /** How long tickets of the queue have waited lately. */
  estimate?: Estimate;
  /** Why it is not matched yet. */
  why?: Why;
}

/** A match that is proposed. */
export interface Proposal {
  /** Milliseconds left to answer. */
  left_ms: number;
  /** How many are asked. */
  players: number;
  /** How many have said yes. */
  accepted: number;
}

/** A queue. */
export interface Queue {
  /** Its name. */
  name: string;
  /** What is played. */
  game: string;
  /** Its configuration, as it is declared; what players choose takes the place of some of it. */
  config: Json;
  /** Teams of a match; as many as players in a game of each against all. */
  teams: number;
  /** Players of a team. */
  team_size: number;
  /** The most members of a party that may wait in it: 1, it takes none. */
  max_party: number;
  /** True if results count, for `Queue.ladder`. */
  rated: boolean;
  /** Under which name ratings are kept. */
  ladder: string;
  /** What its rules ask tickets to say. */
  asks: Asked[];
  /** True if a rule asks for `Create.latencies`. */
  asks_latencies: boolean;
  /** Milliseconds in which everybody has to accept a match; 0: nobody is asked. */
  accept_ms: number;
  /** Milliseconds after which bots take free seats; 0: never. */
  bots_after_ms: number;
  /** Milliseconds after which a ticket is given up. */
  give_up_ms: number;
  /** Players who wait. */
  waiting: number;
  /** How long tickets have waited lately; absent while too few have. */
  estimate?: Estimate;
}

/** Answer to `queues`. */
export interface Queues {
  /** In the order in which they are declared. */
  queues: Queue[];
}

/** What a rated match has made of a rating. */
export interface Rated {
  /** What it is now. */
  rating: Rating;
  /** What it was. */
  before: number;
  /**
   * True if it stays what it was, though the match was rated: these have played each other too
   * often of late.
   */
  unchanged?: boolean;
}

/** How good a player is thought to be. */
export interface Rating {
  /** Where. */
  ladder: string;
  /** The number: 1500 to begin with. */
  rating: number;
  /** How sure that is: with 95 % it is within twice this. Grows with time. */
  deviation: number;
  /** True while it is hardly more than a guess. */
  provisional: boolean;
  /** Rated matches so far. */
  games: number;
}

/** Answer to `ratings`. */
export interface Ratings {
  /** One for each ladder of this server's queues on which the player has played. */
  ratings: Rating[];
}

/** Why a ticket has ended, or waits again. */
export type Reason =
  /** Ended: everybody has come, and the match is on. */
  | "matched"
  /** Ended: one did not want to wait any more. */
  | "cancelled"
  /** Ended: one has handed in another, or has got a seat by another. */
  | "replaced"
  /** Ended: the queue gives up after so long. */
  | "expired"
  /** Ended: one's connection was lost for too long. */
  | "gone"
  /** Ended: one, or somebody of the party, has said no. */
  | "declined"
  /** Ended: one, or somebody of the party, has not answered. */
  | "unanswered"
  /** Ended: one, or somebody of the party, has not come to the lobby. */
  | "no_show"
  /**
   * Ended: the party is not what it was, or one waited alone for a rated match and is in a
   * party with others now.
   */
  | "party_changed"
  /** Ended: there could be no lobby, through no fault of one's own. */
  | "refused"
  /** Queued again, at the head: somebody else has said no, or has left. */
  | "other_declined"
  /** Queued again, at the head: somebody else has not answered. */
  | "other_unanswered"
  /** Queued again, at the head: somebody else has not come. */
  | "other_no_show"
  /** Queued again, at the head: a part of the server does not answer. */
  | "unavailable";

/** Where a ticket stands. */
export type State =
  /** It waits. While the connection of anybody who shares it is lost, it is matched with nobody. */
  | "queued"
  /** There is a match: one is asked. */
  | "proposed"
  /**
   * One has said yes, and others have not yet; or all have, or nobody is asked, and a lobby is
   * being made.
   */
  | "accepted"
  /** There is a lobby, and a seat for a while. */
  | "assigned"
  /** It is no more. */
  | "ended";

/** How it stands with a ticket. */
export interface Ticket {
  /** Which one. Without an account whoever knows it speaks for it: a secret. */
  ticket: string;
  /** In which queue. */
  queue: string;
  /** Where it stands. */
  state: State;
  /** Why it has ended, or is queued again. */
  reason?: Reason;
  /**
   * How long it has waited, in milliseconds; what it had waited before a match that failed
   * through somebody else counts.
   */
  waited_ms: number;
  /** How many tickets of the queue have waited longer, and this one; only while it is queued. */
  position?: number;
  /** How long tickets of the queue have waited lately; absent while too few have. */
  estimate?: Estimate;
  /** Why it is not matched yet; only while it is queued. */
  why?: Why;
  /** The match that is proposed; until all have said yes. */
  proposal?: Proposal;
  /** One's own seat. */
  assignment?: Assignment;
}

/** One of one's own tickets. */
export interface Which {
  /**
   * Absent: the last one that one has handed in. Who has no account must name it, by another
   * connection than that which handed it in: it is known to nobody else.
   */
  ticket?: string;
}

/** A member of one's own party, whom its leader sends away or makes leader. */
export interface WhichMember {
  /** As in `PartyMember.member`. */
  member: number;
}

/** One's own party. */
export interface WhichParty {
  /**
   * As in `OwnParty.token`. Who has no account must name it, by another connection than that
   * which was in the party: it is known to nobody else.
   */
  token?: string;
}

/** Why a ticket is not matched yet. */
export interface Why {
  /** For programs. */
  code: WhyCode;
  /** One sentence for people. */
  message: string;
}

/** The same for programs. */
export type WhyCode =
  /** Nobody else waits. */
  | "alone"
  /** Fewer wait than a match needs. */
  | "too_few"
  /** It has not been looked at yet: the next wave comes soon. */
  | "wave"
  /** Who would do was better matched with others. */
  | "taken"
  /** Most others are too far away in rating, or another number. */
  | "difference"
  /** Most others share nothing in an attribute. */
  | "overlap"
  /** Most others are otherwise in an attribute. */
  | "equal"
  /** Most others are near to no region that this one is near to. */
  | "region"
  /** Teams of those who wait would not be balanced. */
  | "balance"
  /** Those who wait have larger or smaller parties. */
  | "party_size"
  /** One has met those who wait of late. */
  | "avoid_repeats"
  /** One of both wants to avoid the other. */
  | "avoided"
  /** They come from the same address, or party: no opponents in a rated queue. */
  | "same_address"
  /**
   * Somebody of one's party has lost the connection: until they are back, or their place has
   * fallen, no match is looked for.
   */
  | "away";

/** What clients send to `/matchmaking`. */
export interface MatchmakingClientToServer {
  /** No argument → `Queues` */
  queues: (ack: Ack<Queues>) => void;
  /** `Create` → `Ticket`: wait for a match. */
  create: (create: Create, ack: Ack<Ticket>) => void;
  /**
   * `Which` → `Ticket`: how it stands. From then on this socket is told of
   * it, as after `create`: what a client asks that lost its connection.
   */
  ticket: (
    ...args:
      | [ack: Ack<Ticket>]
      | [which: Which, ack: Ack<Ticket>]
  ) => void;
  /** `Which` → `Ticket`: wait no more. Too late once a lobby is made. */
  cancel: (
    ...args:
      | [ack: Ack<Ticket>]
      | [which: Which, ack: Ack<Ticket>]
  ) => void;
  /** `Which` → `Ticket`: yes to the match that is proposed. */
  accept: (
    ...args:
      | [ack: Ack<Ticket>]
      | [which: Which, ack: Ack<Ticket>]
  ) => void;
  /** `Which` → `Ticket`: no. One then has to wait before the next ticket. */
  decline: (
    ...args:
      | [ack: Ack<Ticket>]
      | [which: Which, ack: Ack<Ticket>]
  ) => void;
  /**
   * `WhichParty` → `OwnParty`: that which one is in. From then on this socket
   * is told of it: what a client asks that lost its connection.
   */
  party: (
    ...args:
      | [ack: Ack<OwnParty>]
      | [which: WhichParty, ack: Ack<OwnParty>]
  ) => void;
  /** `CreateParty` → `OwnParty` */
  "party:create": (
    ...args:
      | [ack: Ack<OwnParty>]
      | [create: CreateParty, ack: Ack<OwnParty>]
  ) => void;
  /** `JoinParty` → `OwnParty` */
  "party:join": (join: JoinParty, ack: Ack<OwnParty>) => void;
  /** `PartyReady` → `lobby.Done` */
  "party:ready": (ready: PartyReady, ack: Ack<Done>) => void;
  /** No argument → `lobby.Done` */
  "party:leave": (ack: Ack<Done>) => void;
  /**
   * `WhichMember` → `lobby.Done`: the leader sends a member away, and
   * the party has another code.
   */
  "party:kick": (which: WhichMember, ack: Ack<Done>) => void;
  /** `WhichMember` → `lobby.Done`: the leader makes a member leader. */
  "party:promote": (which: WhichMember, ack: Ack<Done>) => void;
  /** `AskRatings` → `Ratings` */
  ratings: (
    ...args:
      | [ack: Ack<Ratings>]
      | [ask: AskRatings, ack: Ack<Ratings>]
  ) => void;
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

/** What clients of `/matchmaking` get. */
export interface MatchmakingServerToClient {
  /** `Ticket`: it stands otherwise with it. Reliable, in order. */
  ticket: (ticket: Ticket) => void;
  /** `Progress`: it still waits. Now and then; may be lost, and only the newest counts. */
  progress: (progress: Progress) => void;
  /** `Party`: one's party is another. Reliable. */
  party: (party: Party) => void;
  /** `PartyLeft`: one is in no party any more. */
  "party:left": (left: PartyLeft) => void;
  /** `Rated`: a rated match has ended. */
  rated: (rated: Rated) => void;
  /** The event by which a client hears that it sends more than it may: some of it was dropped. */
  rate_limited: (rate_limited: RateLimited) => void;
  /** The event by which a client hears that its token expires soon. */
  "auth:expiring": (expiring: Expiring) => void;
  /** The event by which a guest who asked for it is told its token. */
  "auth:guest": (guest: GuestToken) => void;
}

/** Codes of refusals. */
export type Code =
  /** One has declined, not come, or left a match: the sentence says how long to wait. */
  | "E_COOLDOWN"
  /** Not possible in the ticket's present state. */
  | "E_STATE"
  /**
   * More attributes, regions or names than a ticket may have, or longer ones; or an attribute
   * that a rule asks for is not there, of another kind, or says what cannot be chosen.
   */
  | "E_QUERY"
  /**
   * Only the party's leader may do this, or only who is in a party; or one may not do it who is
   * in a party with others, such as wait alone in a rated queue.
   */
  | "E_PARTY";
