// Our party: friends who gather by a code and seek a match together. Who is in it is known here;
// how it looks is `party-view`'s matter, and its ticket `matchmaking`'s.
//
//   none ── create, join ──► in one ── leave, sent away, away for too long ──► none

import type { Socket } from "socket.io-client";
import { Refused, request } from "./request";
import type {
  MatchmakingClientToServer, MatchmakingRequest, MatchmakingServerToClient, MatchmakingTakes,
  MatchmakingTells, OwnParty, PartyLeftReason, PartyMember,
} from "./types";

/** Pause before the server is asked once more that did not answer, or had no time. */
const AGAIN_MS = 3_000;

export class Party {
  readonly #socket: Socket<MatchmakingServerToClient, MatchmakingClientToServer>;
  readonly #changed: () => void;
  #own: OwnParty | undefined;

  /** Why we are in none any more, in a sentence; empty if that needs no word. */
  left = "";

  /** By the socket in `/matchmaking`; `changed` is called when something else may be shown. */
  constructor(
    socket: Socket<MatchmakingServerToClient, MatchmakingClientToServer>,
    changed: () => void,
  ) {
    this.#socket = socket;
    this.#changed = changed;
    socket.on("connect", () => void this.#look());
    socket.on("party", (party) => {
      if (!this.#own) return void this.#look();
      if (party.version > this.#own.party.version) this.#told({ ...this.#own, party });
    });
    socket.on("party:left", ({ reason }) => this.#end(LEFT[reason] ?? ""));
  }

  /** What friends come in by; none while we are in no party. */
  get code(): string | undefined {
    return this.#own?.party.code;
  }

  /** Who is in it, we among them. */
  get members(): PartyMember[] {
    return this.#own?.party.members ?? [];
  }

  /** Ourselves. */
  get mine(): PartyMember | undefined {
    return this.members.find(({ member }) => member === this.#own?.member);
  }

  /** Who seeks for all. */
  get leader(): PartyMember | undefined {
    return this.members.find(({ member }) => member === this.#own?.party.leader);
  }

  /** True if that is our part. */
  get leads(): boolean {
    return this.#own !== undefined && this.#own.member === this.#own.party.leader;
  }

  /** Those for whom the leader still waits. */
  get missing(): PartyMember[] {
    const leader = this.#own?.party.leader;
    return this.members.filter(({ member, ready, away }) => member !== leader && (away || !ready));
  }

  async found(name: string): Promise<void> {
    this.#told(await this.#ask("party:create", { name }));
  }

  async join(code: string, name: string): Promise<void> {
    this.#told(await this.#ask("party:join", { code, name }));
  }

  async ready(ready: boolean): Promise<void> {
    await this.#ask("party:ready", { ready });
  }

  async leave(): Promise<void> {
    await this.#ask("party:leave");
    this.#end("");
  }

  async promote({ member }: PartyMember): Promise<void> {
    await this.#ask("party:promote", { member });
  }

  async kick({ member }: PartyMember): Promise<void> {
    await this.#ask("party:kick", { member });
  }

  /** We do something else: the others are not to wait for a match with us. */
  busy(): void {
    if (this.mine?.ready) this.ready(false).catch(() => undefined);
  }

  /** Asks whether we are in one still, as after a reload or a loss of the line. */
  async #look(): Promise<void> {
    try {
      this.#told(await this.#ask("party"));
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      if (refused.code === "E_PARTY" && this.#own) this.#end(LEFT.expired ?? "");
      const isTold = refused.code === "E_PARTY" || refused.code === "E_OFFLINE";
      if (!isTold && this.#socket.connected) setTimeout(() => void this.#look(), AGAIN_MS);
    }
  }

  #told(own: OwnParty): void {
    const known = this.#own?.party;
    // An answer may come behind news that are newer.
    if (known?.code === own.party.code && known.version > own.party.version) return;
    this.#own = own;
    this.left = "";
    this.#changed();
  }

  #end(why: string): void {
    this.#own = undefined;
    this.left = why;
    this.#changed();
  }

  #ask<R extends MatchmakingRequest>(
    name: R,
    ...args: MatchmakingTakes<R>
  ): Promise<MatchmakingTells<R>> {
    return request(this.#socket, name, args as unknown[]);
  }
}

const LEFT: Partial<Record<PartyLeftReason, string>> = {
  kicked: "The leader sent you out of the party.",
  expired: "You were away too long, and are in no party any more.",
};
