// Our ticket with the matchmaker, alone or with our party: in which queue we wait, and what became
// of it. Whoever is assigned a seat goes on in `place`; how a ticket looks is `finding-view`'s matter.
//
//   none ── create ──► queued ──► proposed ──► accepted ──► assigned ──► ended, none again
//                        ▲            │            │            │
//                        └────── somebody else fails: we wait on ┘

import { io, type Socket } from "socket.io-client";
import { memory } from "./memory";
import { Party } from "./party";
import { newKey, Refused, request, surely } from "./request";
import type {
  Assignment, MatchmakingClientToServer, MatchmakingRequest, MatchmakingServerToClient,
  MatchmakingTakes, MatchmakingTells, Progress, Queue, Rated, Reason, Ticket,
} from "./types";

/** Pause before the server is asked once more that did not answer, or had no time. */
const AGAIN_MS = 3_000;

/** What it tells the page. */
export interface Page {
  /** Something that is shown may have changed. */
  changed: () => void;
  /** A seat is kept for us. */
  assigned: (assignment: Assignment) => void;
  /** What a rated match has made of our rating. */
  rated: (rated: Rated) => void;
}

export class Matchmaking {
  readonly #socket: Socket<MatchmakingServerToClient, MatchmakingClientToServer>;
  readonly #page: Page;
  /** A ticket is asked for, which we do not know yet. */
  #asks = false;
  /** What we have said to the ticket ourselves. */
  #said: Answer | undefined;

  /** With whom we wait. */
  readonly party: Party;
  /** What can be waited for, as last told. */
  queues: Queue[] = [];
  /** The one we wait with, as last told. */
  ticket: Ticket | undefined;
  /** When that was, by `performance.now()`. */
  told_at = 0;
  /** Why our last ticket has ended, in a sentence; empty if that needs no word. */
  ended = "";
  /** What our last rated match has made of our rating, until we look for another. */
  rated: Rated | undefined;

  /** Nothing is connected before `known`. */
  constructor(origin: string, page: Page) {
    this.#page = page;
    const socket: Socket<MatchmakingServerToClient, MatchmakingClientToServer> = io(
      `${origin}/matchmaking`,
      {
        auth: (tell) => {
          const token = memory.guest();
          tell(token === undefined ? {} : { token });
        },
      },
    );
    // `autoConnect` is for a whole connection, which the socket in `/lobby` has begun.
    this.#socket = socket.disconnect();
    this.party = new Party(socket, page.changed);
    socket.on("connect", () => {
      void this.askQueues();
      void this.#return();
    });
    socket.on("disconnect", () => page.changed());
    socket.on("ticket", (ticket) => {
      // Of one that the leader of our party has handed in we hear first by this.
      const isNew = this.#asks || ticket.state !== "ended";
      if (this.ticket ? ticket.ticket === this.ticket.ticket : isNew) this.#told(ticket);
    });
    socket.on("rated", (rated) => {
      this.rated = rated;
      page.rated(rated);
      page.changed();
    });
    socket.on("progress", (progress) => this.#progress(progress));
  }

  /** True while our requests can be heard. */
  get up(): boolean {
    return this.#socket.connected;
  }

  /** True from the first click until it is clear what became of it. */
  get waits(): boolean {
    return this.#asks || this.ticket !== undefined;
  }

  /**
   * Follows the socket in `/lobby`, which says who we are: so both are the same guest, and it alone
   * tries to reconnect.
   */
  known(isKnown: boolean): void {
    if (isKnown) this.#socket.connect();
    else this.#socket.disconnect();
  }

  /** Learns which queues there are, and who waits in them. */
  async askQueues(): Promise<void> {
    try {
      this.queues = (await this.#ask("queues")).queues;
      this.#page.changed();
    } catch (refused) {
      // What was told before is good enough until the next time.
      if (!(refused instanceof Refused)) throw refused;
    }
  }

  /** Waits for a match, with the party that we lead if there is one; throws `Refused`. */
  async find(queue: string, name: string): Promise<void> {
    if (this.waits) return;
    const isIn = this.party.code !== undefined;
    const attributes = this.#attributes(queue);
    const create = { queue, name, attributes, key: newKey(), ...(isIn && { party: true }) };
    this.#asks = true;
    this.#said = undefined;
    this.ended = "";
    this.rated = undefined;
    this.#page.changed();
    try {
      this.#told(await surely(() => this.#ask("create", create), () => this.#up()));
    } finally {
      this.#asks = false;
      this.#page.changed();
    }
  }

  /** Of what can be chosen for a match, all of it would do. */
  #attributes(queue: string): Record<string, string | string[]> {
    const { asks = [] } = this.queues.find(({ name }) => name === queue) ?? {};
    return Object.fromEntries(asks.flatMap(({ name, kind, choices = [] }) => {
      const [first] = choices;
      return first === undefined ? [] : [[name, kind === "texts" ? choices : first]];
    }));
  }

  /** Says yes or no to the match that is proposed, or waits no more; throws `Refused`. */
  async answer(answer: Answer): Promise<void> {
    if (!this.ticket) return;
    this.#said = answer;
    this.#told(await this.#ask(answer, { ticket: this.ticket.ticket }));
  }

  /** We are in a lobby: who waited for another one does so no more. */
  entered(lobby: string | undefined): void {
    const { ticket } = this;
    if (ticket?.assignment?.lobby === lobby) return;
    this.party.busy();
    if (!ticket) return;
    // Too late, it is a seat that falls by itself.
    this.answer("cancel").catch(() => undefined);
  }

  /** Asks how it stands with a ticket from before a reload, or a loss of the line. */
  async #return(): Promise<void> {
    const ticket = memory.ticket();
    if (ticket === undefined) return;
    try {
      this.#told(await this.#ask("ticket", { ticket }));
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      if (refused.code === "E_OFFLINE" || !this.up) return;
      if (refused.code === "E_RATE" || refused.code === "E_NO_ANSWER") {
        setTimeout(() => void this.#return(), AGAIN_MS);
        return;
      }
      this.#end("gone");
    }
  }

  #told(ticket: Ticket): void {
    if (ticket.state === "ended") return this.#end(ticket.reason ?? "cancelled");
    const isNew = ticket.state === "assigned" && this.ticket?.state !== "assigned";
    memory.keepTicket(ticket.ticket);
    this.ticket = ticket;
    this.told_at = performance.now();
    if (isNew && ticket.assignment) this.#page.assigned(ticket.assignment);
    this.#page.changed();
  }

  #progress({ ticket, ...news }: Progress): void {
    if (this.ticket?.ticket !== ticket || this.ticket.state !== "queued") return;
    const { estimate: _, why: __, ...kept } = this.ticket;
    this.#told({ ...kept, ...news });
  }

  #end(reason: Reason): void {
    memory.keepTicket(undefined);
    this.ticket = undefined;
    this.ended = this.#why(reason);
    this.#said = undefined;
    this.#page.changed();
    void this.askQueues();
  }

  /** Of a party's ticket anybody of it may have been the end. */
  #why(reason: Reason): string {
    const isOwn = this.#said === "decline" || this.#said === "cancel";
    const isShared = this.party.members.length > 1 && !isOwn;
    return (isShared ? ENDED_FOR_ALL[reason] : undefined) ?? ENDED[reason] ?? "";
  }

  async #up(): Promise<void> {
    if (this.up) return;
    await new Promise<void>((resolve) => this.#socket.once("connect", resolve));
  }

  #ask<R extends MatchmakingRequest>(
    name: R,
    ...args: MatchmakingTakes<R>
  ): Promise<MatchmakingTells<R>> {
    return request(this.#socket, name, args as unknown[]);
  }
}

/** What one may say to a ticket. */
type Answer = "accept" | "decline" | "cancel";

const ENDED_FOR_ALL: Partial<Record<Reason, string>> = {
  cancelled: "Somebody of your party wants to wait no more.",
  declined: "Somebody of your party declined the match.",
  unanswered: "Somebody of your party did not answer in time.",
  no_show: "Somebody of your party did not come to the match.",
};

const ENDED: Partial<Record<Reason, string>> = {
  cancelled: "You wait no more.",
  replaced: "You wait in another tab now.",
  expired: "Nobody came who would do. Try again, or play the computer.",
  gone: "You were away too long and wait no more.",
  declined: "You declined the match. Who does may have to wait before the next.",
  unanswered: "You did not answer in time. Who does not may have to wait before the next.",
  no_show: "You did not come to your match. Who does not may have to wait before the next.",
  party_changed: "Somebody came into your party or left it, so it waits no more.",
  refused: "The match could not be made. Please try again.",
};
