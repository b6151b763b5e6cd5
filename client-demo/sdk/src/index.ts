// What users of `parlor-client` see.

export type { Clock } from "./clock.js";
export { apply as applyDelta } from "./delta.js";
export type { Emitter, Off } from "./emitter.js";
export { ParlorError, type ClientCode } from "./error.js";
export type { Games, GameTypes, TypesOf } from "./games.js";
export type * as api from "./generated/api.js";
export type * as chess from "./generated/chess.js";
export type * as circles from "./generated/circles.js";
export type * as matchmaking from "./generated/matchmaking.js";
export type * as relay from "./generated/relay.js";
export type * as signal from "./generated/signal.js";
export type { Pending } from "./inputs.js";
export type { LobbySocket, SocketSettings } from "./line.js";
export type { CreateRequest, JoinRequest, Lobbies, QuickRequest } from "./lobbies.js";
export type { Lobby, LobbyEvents, LobbyInfo, OverReason } from "./lobby.js";
export type { EventContext, InputOptions, Match, MatchState, Shown } from "./match.js";
export type { Channel, Peer, Peers, PeersEvents, PeersOptions } from "./peers/index.js";
export { connect, type Options, type Parlor, type ParlorEvents } from "./parlor.js";
export type { Keep } from "./storage.js";
