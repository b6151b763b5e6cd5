// The words of namespaces `/lobby` and `/matchmaking` and of chess, as `parlor-client` has them from
// the server's source. Here they get short names, and what only a game knows is of chess; `arena-view` knows better of
// lobbies of the other game.

import type { api, chess, circles, matchmaking } from "parlor-client";

export type Change = api.Change;
export type Changed = api.Changed;
export type Colour = api.Colour;
export type Create = api.Create;
export type Join = api.Join;
export type LeaveReason = api.LeaveReason;
export type Listed = api.Listed;
export type ListingChange = api.ListingChange;
export type Outcome = api.Outcome;
export type Phase = api.Phase;
export type Poll = api.Poll;
export type Quick = api.Quick;
export type ReactionPush = api.ReactionPush;
export type Role = api.Role;
export type Seat = api.Seat;
export type Tally = api.Tally;
export type TypingPush = api.TypingPush;
export type Visibility = api.Visibility;
export type Reply<T> = api.Reply<T>;

export type Assignment = matchmaking.Assignment;
export type OwnParty = matchmaking.OwnParty;
export type PartyLeftReason = matchmaking.PartyLeftReason;
export type PartyMember = matchmaking.PartyMember;
export type Progress = matchmaking.Progress;
export type Queue = matchmaking.Queue;
export type Rated = matchmaking.Rated;
export type Reason = matchmaking.Reason;
export type Ticket = matchmaking.Ticket;

export type ChessAction = chess.Action;
export type ChessConfig = chess.Config;
export type ChessEvent = chess.Event;
export type ChessView = chess.View;
export type Side = chess.Side;

export type Circle = circles.Circle;
export type CirclesConfig = circles.Config;
export type CirclesView = circles.View;

export interface State extends Omit<api.State, "view"> {
  /** Null if the game has crashed. */
  view: ChessView | null;
}

export interface Lobby extends Omit<api.Lobby, "config" | "state"> {
  config: ChessConfig;
  state?: State;
  /** How the votes stand, as far as this page was told. */
  votes?: number[];
}

export interface Joined extends Omit<api.Joined, "lobby"> {
  lobby: Lobby;
}

export interface MatchEvent extends Omit<api.MatchEvent, "event"> {
  event: ChessEvent;
}

/** The event map of what we send, as `socket.io-client` wants it. */
export type ClientToServer = api.LobbyClientToServer;

export type Request = keyof ClientToServer;

/** What a request takes before its acknowledgement. */
export type Takes<R extends Request> = TakenBy<ClientToServer[R]>;

/** What its acknowledgement tells. */
export type Tells<R extends Request> =
  ToldBy<ClientToServer[R]> extends infer Told
    ? Told extends api.Joined
      ? Joined
      : Told
    : never;

type TakenBy<F extends (...args: never) => void> =
  Parameters<F> extends infer Args
    ? Args extends [...infer Taken, unknown]
      ? Taken
      : never
    : never;

type ToldBy<F extends (...args: never) => void> =
  Parameters<F> extends [...unknown[], api.Ack<infer Told>] ? Told : never;

/** The event map of what the server pushes. */
export interface ServerToClient extends Omit<api.LobbyServerToClient, "event" | "state"> {
  event: (event: MatchEvent) => void;
  state: (state: State) => void;
}

/** The same of `/matchmaking`. */
export type MatchmakingClientToServer = matchmaking.MatchmakingClientToServer;
export type MatchmakingServerToClient = matchmaking.MatchmakingServerToClient;

export type MatchmakingRequest = keyof MatchmakingClientToServer;
export type MatchmakingTakes<R extends MatchmakingRequest> = TakenBy<MatchmakingClientToServer[R]>;
export type MatchmakingTells<R extends MatchmakingRequest> = ToldBy<MatchmakingClientToServer[R]>;
