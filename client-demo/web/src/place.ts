// Our place in a lobby, in a seat, among the spectators or in the audience: entering, leaving,
// coming back, and keeping our copy of the lobby in step with the versions the server counts.
//
//   outside ── create, join, resume ──► inside ── leave, seat lost ──► outside
//                                        │  ▲
//                     line lost, or a version missing: resume gives a new snapshot
//                     (in the audience, where no place is kept, joining again does)

import { Connection, type Line } from "./connection";
import { memory } from "./memory";
import { apply, chatLine, eventLine, type ChatLine } from "./mirror";
import { newKey, Refused, surely } from "./request";
import type {
  Changed, Create, Join, Joined, ListingChange, Lobby, MatchEvent, Quick, ReactionPush, Request,
  Seat, State, Takes, Tally, Tells, TypingPush,
} from "./types";

/** The game that this page is about. */
export const GAME = "chess";
/** The other one that it can show: for friends, as it takes more than two. */
export const ARENA = "circles";

/** Pause before `resume` is asked again after the server had no time for it. */
const RESUME_AGAIN_MS = 3_000;

/** What a place tells the page. */
export interface Page {
  /** Something that is shown may have changed. */
  changed: () => void;
  /**
   * We are in a lobby that was not shown before this moment; `chat` is what this tab remembers of
   * it, `returned` says that it is the one we were in before a reload.
   */
  entered: (chat: ChatLine[], returned: boolean) => void;
  /** A line for the chat. */
  said: (line: ChatLine) => void;
  typing: (typing: TypingPush) => void;
  reaction: (reaction: ReactionPush) => void;
  /** The list of public lobbies has changed. */
  listing: (change: ListingChange) => void;
  /** We are in no lobby any more, and why, if it was not our wish. */
  outside: (why: string | undefined) => void;
  /** Whether the server hears us and knows who we are, from now on. */
  known: (isKnown: boolean) => void;
}

export class Place {
  readonly #connection: Connection;
  readonly #page: Page;
  #resuming = false;
  /** Number of the first match that we can have played in. */
  #firstMatch = 1;

  /** The lobby we are in, as far as we know it. */
  lobby: Lobby | undefined;
  /** Our seat; none for who watches. */
  seat: number | undefined;
  /** Whom we do not hear, by name. */
  muted: ReadonlyMap<string, number> = new Map();
  /** How we came into the audience, if we are there. */
  #attending: Join | undefined;
  /** What is known about the line beyond its state. */
  lineDetail = "";

  constructor(origin: string, page: Page) {
    this.#page = page;
    this.#connection = new Connection(origin, {
      line: (line, detail) => this.#line(line, detail),
      known: () => page.known(true),
      changed: (changed) => this.#changed(changed),
      event: (event) => this.#event(event),
      state: (state) => this.#state(state),
      kicked: () => this.#exit("The host of the lobby sent you away."),
      closed: ({ reason }) => this.#exit(CLOSED[reason] ?? "The lobby was closed."),
      typing: (typing) => page.typing(typing),
      reaction: (reaction) => page.reaction(reaction),
      listing: (change) => page.listing(change),
      audience: ({ count }) => this.#patch({ audience: count }),
      tally: (tally) => this.#tally(tally),
    });
  }

  get line(): Line {
    return this.#connection.line;
  }

  /** True while a lobby is shown and our requests about it can be heard. */
  get live(): boolean {
    return this.lobby !== undefined && this.line === "up" && !this.#resuming;
  }

  /** True in the audience, where one has no name and no say but by votes. */
  get attends(): boolean {
    return this.#attending !== undefined;
  }

  /** True while we hold a token and wait to hear whether it still opens our seat. */
  get returning(): boolean {
    return this.lobby === undefined && memory.token() !== undefined;
  }

  /** Our seat as everybody sees it. */
  get mySeat(): Seat | undefined {
    return this.lobby?.seats.find((seat) => seat.seat === this.seat);
  }

  /** True while the lobby is ours to run. */
  get hosts(): boolean {
    return this.seat !== undefined && this.lobby?.host === this.seat;
  }

  /** The seat we play (or played) in this match: a seat taken after it had another player in it. */
  seatIn(state: State): number | undefined {
    return state.number < this.#firstMatch ? undefined : this.seat;
  }

  /** Who plays (or played) in this seat in the match that is shown, even if they left since. */
  name(seat: number): string {
    const who = this.lobby?.state?.players ?? this.lobby?.seats ?? [];
    return who.find((player) => player.seat === seat)?.name ?? `Seat ${seat + 1}`;
  }

  async create(create: Create): Promise<void> {
    this.#enter(await this.#surely("create", create), false);
  }

  async quick(quick: Quick): Promise<void> {
    this.#enter(await this.#connection.request("quick", quick), false);
  }

  async join(join: Join): Promise<void> {
    const keyed = { ...join, key: newKey() };
    const joined = await this.#surely("join", keyed);
    const { game, phase, state } = joined.lobby;
    if (game !== GAME && game !== ARENA) {
      await this.#connection.request("leave");
      throw new Refused("E_UNKNOWN_GAME", `That lobby plays ${game}; this page plays ${GAME}.`);
    }
    this.#firstMatch = phase === "finished" && state ? state.number + 1 : 1;
    this.#attending = join.role === "audience" ? keyed : undefined;
    this.#enter(joined, false);
  }

  #surely(name: "create" | "join", request: Create | Join): Promise<Joined> {
    const keyed = [{ key: newKey(), ...request }] as Takes<typeof name>;
    return surely(
      () => this.#connection.request(name, ...keyed),
      () => this.#connection.up(),
    );
  }

  /** Takes a seat that is kept for us, as soon as there is a line. */
  sit(token: string): void {
    memory.keepToken(token);
    this.#page.changed();
    if (this.line === "up") void this.#resume();
  }

  async leave(): Promise<void> {
    await this.ask("leave");
    this.#exit(undefined);
  }

  /** Gives up waiting for our seat; the server frees it when its time is over. */
  forget(): void {
    this.#exit(undefined);
  }

  /** Does not hear the player in a seat any more, or does again. */
  async mute({ seat, name }: Seat): Promise<void> {
    const number = this.muted.get(name);
    if (number === undefined) await this.ask("block", { seat });
    else await this.ask("unblock", { number });
    await this.#learnMuted();
  }

  async #learnMuted(): Promise<void> {
    const { blocks } = await this.ask("blocks");
    this.muted = new Map(blocks.map(({ name = "", number }) => [name, number]));
    this.#page.changed();
  }

  /** Any other request; throws `Refused`. */
  async ask<R extends Request>(name: R, ...args: Takes<R>): Promise<Tells<R>> {
    try {
      return await this.#connection.request(name, ...args);
    } catch (refused) {
      // The server sees us outside, we see us inside: the token decides.
      if (refused instanceof Refused && refused.code === "E_NOT_IN_LOBBY") void this.#resume();
      throw refused;
    }
  }

  retry(): void {
    this.#connection.retry();
  }

  #line(line: Line, detail: string): void {
    this.lineDetail = detail;
    if (line === "up") void this.#resume();
    else this.#page.known(false);
    this.#page.changed();
  }

  async #resume(): Promise<void> {
    const token = memory.token();
    const attending = this.#attending;
    if (this.#resuming || (attending ?? token) === undefined) return;
    this.#resuming = true;
    try {
      const joined = await (attending
        ? this.#connection.request("join", attending)
        : this.#connection.request("resume", { token: token ?? "" }));
      this.#resuming = false;
      this.#enter(joined, true);
    } catch (refused) {
      this.#resuming = false;
      const code = refused instanceof Refused ? refused.code : "";
      // Without a line the next `connect` resumes; without an answer or time, a later attempt.
      if (code === "E_OFFLINE" || this.line !== "up") return;
      if (code === "E_RATE" || code === "E_NO_ANSWER") {
        setTimeout(() => void this.#resume(), RESUME_AGAIN_MS);
        return;
      }
      this.#exit(
        attending
          ? "The audience could not be joined again."
          : "Your place was given up, or was taken over by another tab.",
      );
    }
  }

  #enter({ lobby, seat, token }: Joined, returned: boolean): void {
    const known = this.lobby?.id === lobby.id;
    memory.keepToken(token === "" ? undefined : token);
    this.seat = seat;
    this.lobby = lobby;
    if (!known) this.#page.entered(memory.chat(lobby.id), returned);
    // Whom we blocked elsewhere stays so; without an answer nobody is shown as muted.
    if (!this.attends) this.#learnMuted().catch(() => undefined);
    this.#page.changed();
  }

  #exit(why: string | undefined): void {
    memory.keepToken(undefined);
    this.lobby = undefined;
    this.seat = undefined;
    this.#attending = undefined;
    this.#firstMatch = 1;
    this.#page.outside(why);
    this.#page.changed();
  }

  #changed({ version, change }: Changed): void {
    const before = this.lobby;
    if (!before || version <= before.version) return;
    const line = chatLine(before, change);
    if (this.#isNext(before, version)) {
      this.lobby = apply(before, version, change);
      if (change.type === "left" && change.seat === this.seat) {
        this.#exit("Your seat was given up.");
        return;
      }
    }
    // A snapshot brings back what a gap swallowed, but never the chat: show what did arrive.
    if (line) this.#page.said(line);
    this.#page.changed();
  }

  #event({ version, event }: MatchEvent): void {
    const before = this.lobby;
    if (!before || version <= before.version) return;
    if (this.#isNext(before, version)) this.lobby = { ...before, version };
    const line = eventLine(before, event);
    if (line) this.#page.said(line);
    this.#page.changed();
  }

  /** False asks for a new snapshot, as a version between is missing. */
  #isNext(lobby: Lobby, version: number): boolean {
    if (version === lobby.version + 1) return true;
    void this.#resume();
    return false;
  }

  #tally({ number, votes }: Tally): void {
    if (this.lobby?.poll?.number === number) this.#patch({ votes });
  }

  #patch(fields: Partial<Lobby>): void {
    if (!this.lobby) return;
    this.lobby = { ...this.lobby, ...fields };
    this.#page.changed();
  }

  #state(state: State): void {
    const { lobby } = this;
    if (!lobby) return;
    const shown = lobby.state;
    const older =
      shown !== undefined &&
      (state.number < shown.number || (state.number === shown.number && state.turn < shown.turn));
    if (older) return;
    this.lobby = { ...lobby, state };
    this.#page.changed();
  }
}

const CLOSED: Record<string, string> = {
  idle: "The lobby was closed, as nothing happened in it for long.",
  deserted: "The lobby is no more: everybody has left it.",
  no_show: "The match did not begin: not all of its players came.",
};
