// Which way one end of a link sends: by the server, or directly once probes come back, and by the
// server again as soon as they do not. Each end decides for itself and asks nobody: receivers take
// frames from both ways. What is sent is not known here; see `link.ts`.

import type { Path, SwitchReason, Via } from "../generated/signal.js";

/** Between probes of a path that is used, and of one that has nothing to carry. */
export const PROBE_MS = 100;
export const IDLE_PROBE_MS = 200;
/** However much is sent, a probe goes out after so long: only probes tell how long the way is. */
export const MEASURE_MS = 1_000;
/** Without messages for so long there is nothing to carry. */
export const IDLE_AFTER_MS = 1_000;
/** A probe without an answer for so long: the path is dead. By TURN, answers take longer. */
export const SILENCE_MS = 500;
export const IDLE_SILENCE_MS = 700;
export const TURN_SILENCE_MS = 1_000;
/** So many answers in a row, and the direct path is taken. */
export const STREAK = 5;
/** So many times lost within this time, and the direct path is left alone for as long. */
export const MAX_DOWNGRADES = 3;
export const FLAP_MS = 60_000;
/** Who was not looked at for so long was asleep: answers may lie unread. */
const ASLEEP_MS = 400;
/** What has no answer after so long counts as lost. */
const LOST_MS = 1_000;

/** What a path wants done. */
export interface PathEvents {
  /** Send this probe; false if the channel takes no more. */
  probe(seq: number): boolean;
  /** The path is another now. */
  switched(path: Path, reason: SwitchReason): void;
}

/** The way of one end of a link. */
export class Way {
  path: Path = "relay";
  switches = 0;
  /** How the direct way goes; `turn` has more patience. */
  via: Via | undefined;
  /** Milliseconds, smoothed (RFC 6298, § 2). */
  rtt: number | undefined;
  jitter = 0;
  /** Share of the last probes, about thirty, that had no answer. */
  loss = 0;
  readonly #events: PathEvents;
  #isOpen = false;
  #isForced = false;
  #seq = 0;
  #streak = 0;
  /** When each probe without an answer was sent. */
  #sent = new Map<number, number>();
  /** Since when nothing has answered; `Infinity`: nothing was asked since the last answer. */
  #silentSince = Infinity;
  #nextProbe = 0;
  /** When the last probe was sent. */
  #probed = 0;
  #heldUntil = 0;
  #downgrades: number[] = [];
  #looked = 0;
  #excused = false;
  #busyUntil = 0;

  constructor(events: PathEvents) {
    this.#events = events;
  }

  /** The data channels are open, or not any more. */
  opened(isOpen: boolean, now: number): void {
    this.#isOpen = isOpen;
    this.#streak = 0;
    this.#nextProbe = this.#looked = now;
    if (isOpen) return;
    this.#sent.clear();
    this.#silentSince = Infinity;
    if (this.path === "direct") this.downgrade(now, "closed");
  }

  /** Whether it has to go by the server. */
  force(relay: boolean): void {
    this.#isForced = relay;
    if (relay && this.path === "direct") this.#change("relay", "forced");
  }

  /** Something was sent: what has something to carry is probed more often. */
  used(now: number): void {
    this.#busyUntil = now + IDLE_AFTER_MS;
    this.#nextProbe = Math.min(this.#nextProbe, now + PROBE_MS);
  }

  /** A probe was answered. */
  answered(seq: number, now: number): void {
    const at = this.#sent.get(seq);
    if (at === undefined) return;
    for (const earlier of this.#sent.keys()) if (earlier < seq) this.#lost(earlier);
    this.#sent.delete(seq);
    this.loss -= this.loss / 32;
    this.measured(now - at);
    this.#streak++;
    this.alive(now);
  }

  /** What was sent directly has arrived: as good as a probe that was answered. */
  alive(now: number): void {
    this.#silentSince = Infinity;
    this.#excused = false;
    if (this.path !== "direct") return;
    const postponed = Math.min(now + PROBE_MS, this.#probed + MEASURE_MS);
    this.#nextProbe = Math.max(this.#nextProbe, postponed);
  }

  /** How long something took there and back. */
  measured(ms: number): void {
    const last = this.rtt ?? ms;
    this.jitter += (Math.abs(ms - last) - this.jitter) / 4;
    this.rtt = last + (ms - last) / 8;
  }

  /**
   * Does what is due. `settled`: little enough waits in the reliable channel to begin with it;
   * `relayIsUp`: there is another way.
   */
  tick(now: number, settled: boolean, relayIsUp: boolean): void {
    if (!relayIsUp) this.#heldUntil = 0;
    if (!this.#isOpen) return;
    if (now - this.#looked > ASLEEP_MS && this.#silentSince < Infinity && !this.#excused) {
      this.#excused = true;
      this.#silentSince = this.#nextProbe = now;
    }
    this.#looked = now;
    if (now >= this.#nextProbe) this.#probe(now);
    const isSilent = now >= this.#silentAt(now);
    if (this.path === "direct") {
      if (isSilent) this.downgrade(now, "silent");
    } else if (this.#streak >= STREAK && settled && !isSilent && this.#mayBeDirect(now)) {
      this.#change("direct", "probed");
    }
  }

  /** When there is something to do next. */
  deadline(now: number): number {
    if (!this.#isOpen) return Infinity;
    return Math.min(this.#nextProbe, this.path === "direct" ? this.#silentAt(now) : Infinity);
  }

  /** The direct path carries nothing any more, whatever probes say. */
  downgrade(now: number, reason: SwitchReason): void {
    this.#downgrades = [...this.#downgrades.filter((at) => now - at < FLAP_MS), now];
    const isFlapping = this.#downgrades.length >= MAX_DOWNGRADES;
    if (isFlapping) {
      this.#downgrades = [];
      this.#heldUntil = now + FLAP_MS;
    }
    this.#change("relay", isFlapping ? "flapping" : reason);
  }

  #change(path: Path, reason: SwitchReason): void {
    this.path = path;
    this.switches++;
    this.#streak = 0;
    if (path === "relay") this.rtt = undefined;
    this.#events.switched(path, reason);
  }

  #probe(now: number): void {
    this.#nextProbe = now + (this.#isIdle(now) ? IDLE_PROBE_MS : PROBE_MS);
    this.#probed = now;
    this.#silentSince = Math.min(this.#silentSince, now);
    for (const [seq, at] of this.#sent) if (now - at >= LOST_MS) this.#lost(seq);
    if (this.#events.probe(++this.#seq)) this.#sent.set(this.#seq, now);
    else this.#streak = 0;
  }

  #lost(seq: number): void {
    this.#streak = 0;
    this.#sent.delete(seq);
    this.loss += (1 - this.loss) / 32;
  }

  /** When the path is dead, if nothing answers until then. */
  #silentAt(now: number): number {
    const direct = this.#isIdle(now) ? IDLE_SILENCE_MS : SILENCE_MS;
    return this.#silentSince + (this.via === "turn" ? TURN_SILENCE_MS : direct);
  }

  /** A path that is to be taken is never idle: it should not take longer than it must. */
  #isIdle(now: number): boolean {
    return this.path === "direct" ? now >= this.#busyUntil : !this.#mayBeDirect(now);
  }

  #mayBeDirect(now: number): boolean {
    return !this.#isForced && now >= this.#heldUntil;
  }
}
