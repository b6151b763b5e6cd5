// The lobby that one is in: a copy of it that follows the server's, what happens in it, and what
// may be asked there. How one comes in and back is decided in `parlor`.

import { type Peers, type PeersOptions, type PeersOwner, peersOf } from "./peers/index.js";
import { Emitter } from "./emitter.js";
import { over, ParlorError } from "./error.js";
import type { GameTypes } from "./games.js";
import type * as api from "./generated/api.js";
import type { Line, Request, Takes, Tells } from "./line.js";
import { Match } from "./match.js";
import { follow } from "./mirror.js";

/** Why one is not in a lobby any more. */
export type OverReason =
  /** One has left. */
  | "left"
  /** The server has ended the lobby, or sent one away. */
  | api.ClosedReason
  | api.LeaveReason
  /** The place could not be come back to: it was kept no longer, or the server was restarted. */
  | "lost";

/** What happens in a lobby: its changes by their names, and what else there is to hear. */
export type LobbyEvents = {
  [Type in api.Change["type"]]: Extract<api.Change, { type: Type }>;
} & {
  /** Each of the changes. */
  change: api.Change;
  /** `info`, or the way to the server, is not as it was: draw it anew. */
  update: LobbyInfo;
  /** Somebody began or stopped typing. */
  typing: api.TypingPush;
  /** Somebody reacts. */
  reaction: api.ReactionPush;
  /** So many are in the audience. */
  audience: api.AudiencePush;
  /** How the votes stand. */
  tally: api.Tally;
  /** The connection is lost, and one's place is kept; `isFinal`: nobody is trying to mend it. */
  away: { reason: string; isFinal: boolean };
  /** One is back; not `isComplete`: more was missed than the server tells again. */
  back: { isComplete: boolean };
  /** One is not in this lobby any more: the last event. `error` says why, if it was not wanted. */
  over: { reason: OverReason; error?: ParlorError };
};

/** A lobby as one may know it; its match has a place of its own ({@link Lobby.match}). */
export type LobbyInfo = Omit<api.Lobby, "state">;

/** @internal What a lobby needs of who made it. */
export interface Owner {
  line: Line;
  /** Something was missed: the server is asked for it. */
  refetch(): void;
  /** One is not in this lobby any more. */
  left(lobby: Lobby): void;
}

/** A lobby that one is in. Requests are named as in the table of events in Parlor's README. */
export class Lobby<Types extends GameTypes = any> extends Emitter<LobbyEvents> {
  readonly #owner: Owner;

  /** All that is known of the lobby; another object after each change. */
  info!: LobbyInfo;
  /** One's own seat; undefined for who watches. */
  seat: number | undefined;
  /** True while one's place is kept, but the connection to it is lost. */
  isAway = false;
  /** True once one is not in it any more. */
  isOver = false;
  /** @internal The version up to which everything was told. */
  told!: number;
  /** @internal One's peers, once somebody wants them. */
  opening: Promise<Peers> | undefined;
  /** The match that is on, was on, or will be. */
  readonly match: Match<Types>;

  /** @internal */
  constructor(owner: Owner, joined: api.Joined) {
    super();
    this.#owner = owner;
    this.match = new Match(owner.line, () => this.seat);
    this.entered(joined, false);
  }

  /** Identifies the lobby. */
  get id(): string {
    return this.info.id;
  }

  /** The code to tell friends. */
  get code(): string {
    return this.info.code;
  }

  /** Where the lobby stands. */
  get phase(): api.Phase {
    return this.info.phase;
  }

  /** The seats that are taken. */
  get seats(): readonly api.Seat[] {
    return this.info.seats;
  }

  /** The game's configuration. */
  get config(): Types["config"] {
    return this.info.config;
  }

  /** One's own seat as everybody sees it; undefined for who watches. */
  get me(): api.Seat | undefined {
    return this.info.seats.find((one) => one.seat === this.seat);
  }

  /** True while the lobby is one's own to run. */
  get isHost(): boolean {
    return this.seat !== undefined && this.info.host === this.seat;
  }

  /** Says something to everybody. */
  chat(text: string): Promise<api.Done> {
    return this.#ask("chat", { text });
  }

  /** Shows everybody an emoji or a short word, for a moment. */
  react(reaction: string): Promise<api.Done> {
    return this.#ask("react", { reaction });
  }

  /** Says that one begins or stops typing. */
  typing(typing: boolean): Promise<api.Done> {
    return this.#ask("typing", { typing });
  }

  /** Says that one is ready for a match, or is not. */
  ready(ready = true): Promise<api.Done> {
    return this.#ask("ready", { ready });
  }

  /** The host starts the match. */
  start(): Promise<api.Done> {
    return this.#ask("start");
  }

  /** The host ends the countdown to a match. */
  stop(): Promise<api.Done> {
    return this.#ask("stop");
  }

  /** Takes another colour. */
  colour(colour: api.Colour): Promise<api.Done> {
    return this.#ask("colour", { colour });
  }

  /** The host changes how the lobby is run; what is absent stays. */
  settings(settings: api.Settings): Promise<api.Done> {
    return this.#ask("settings", settings);
  }

  /** The host makes another seat host. */
  host(seat: number): Promise<api.Done> {
    return this.#ask("host", { seat });
  }

  /** The host sends somebody away. */
  kick(who: api.Kick): Promise<api.Done> {
    return this.#ask("kick", who);
  }

  /** The host seats a bot. */
  bot(): Promise<api.BotSeated> {
    return this.#ask("bot");
  }

  /** Claims what the game gives for it that others are overdue. */
  claim(): Promise<api.Done> {
    return this.#ask("claim");
  }

  /** This seat wants another match; it begins when all do. */
  rematch(): Promise<api.Done> {
    return this.#ask("rematch");
  }

  /** The host asks audience and spectators something. */
  poll(poll: api.OpenPoll): Promise<api.Done> {
    return this.#ask("poll", poll);
  }

  /** One of them answers: with the position of an option. */
  vote(option: number): Promise<api.Done> {
    return this.#ask("vote", { option });
  }

  /** Leaves, for good: without a connection the server gives the seat up when its time is over. */
  async leave(): Promise<void> {
    if (this.#owner.line.socket.connected)
      await this.#ask("leave").catch((error: ParlorError) => {
        if (!/^E_NO(T_IN_LOBBY|_ANSWER)$/.test(error.code)) throw error;
      });
    this.ended("left");
  }

  /**
   * The other players as peers: linked directly where that works, and through the server where it
   * does not. Resolves when one is a peer oneself; there is one `Peers` at a time.
   */
  peers(options?: PeersOptions): Promise<Peers> {
    return peersOf(this, options);
  }

  /** @internal What peers need: see `peers/index.ts`. */
  get forPeers(): PeersOwner {
    const socket = this.#owner.line.socket.io.socket("/signal");
    return { socket, token: () => this.#ask("peer") };
  }

  async #ask<R extends Request>(...request: [R, ...Takes<R>]): Promise<Tells<R>> {
    const { line } = this.#owner;
    if (!line.isOpen && !this.isOver) await line.opened();
    if (this.isOver) throw over();
    try {
      return await line.send(request);
    } catch (error) {
      // The server sees one outside, one sees oneself inside: the token decides.
      if ((error as ParlorError).code === "E_NOT_IN_LOBBY") this.#owner.refetch();
      throw error;
    }
  }

  /** @internal One has come in, or back. */
  entered({ lobby, seat, missed }: api.Joined, isReturn: boolean): void {
    const { state, ...info } = lobby;
    this.info = info;
    this.seat = seat;
    this.told = info.version - (missed ?? 0);
    this.isAway = false;
    if (isReturn) this.tell("back", { isComplete: missed !== undefined });
    this.match.entered(state, info.phase === "playing", isReturn);
    if (isReturn) this.tell("update", this.info);
  }

  /** @internal Something that the server tells. */
  heard(name: string, told: any): void {
    switch (name) {
      case "changed":
        return this.#changed(told);
      case "event":
      case "volatile": {
        const isVolatile = name === "volatile";
        if (isVolatile || this.#isNext(told))
          this.match.happened(told.event, { turn: told.turn, volatile: isVolatile });
        return;
      }
      // One of a lobby that was left just before this one can still arrive.
      case "state":
      case "delta":
        if (this.phase === "playing" || this.phase === "finished") this.match.told(told);
        return;
      case "audience":
        this.info = { ...this.info, audience: told.count };
        this.tell("audience", told);
        return this.tell("update", this.info);
      case "typing":
      case "reaction":
      case "tally":
        return this.tell(name, told);
      case "kicked":
      case "closed":
        return this.ended(told.reason, over());
    }
  }

  #changed(told: api.Changed): void {
    if (!this.#isNext(told)) return;
    const { change } = told;
    this.tell("change", change);
    this.tell(change.type, change as never);
    this.tell("update", this.info);
    if (change.type === "left" && change.seat === this.seat) this.ended(change.reason, over());
  }

  /** Versions have no gap: where there is one, the server is asked for what is missing. */
  #isNext({ version, change }: { version: number; change?: api.Change }): boolean {
    const ahead = version - this.told;
    if (ahead > 1) this.#owner.refetch();
    if (ahead !== 1) return false;
    this.told = version;
    // What was missed is told, but known already.
    if (version > this.info.version) {
      this.info = follow(this.info, version, change);
      if (change?.type === "started") this.match.began(change.number);
      if (change?.type === "opened") this.match.state = undefined;
    }
    return true;
  }

  /** @internal */
  lost(reason: string, isFinal: boolean): void {
    this.isAway = true;
    this.tell("away", { reason, isFinal });
    this.tell("update", this.info);
  }

  /** @internal */
  ended(reason: OverReason, error?: ParlorError): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#owner.left(this);
    this.match.ended(error ?? over());
    this.tell("over", { reason, ...(error && { error }) });
  }
}
