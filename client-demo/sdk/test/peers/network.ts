// Two ends of one link, and what lies between them, in virtual time from one seed: a server that
// drops and refuses, a reliable data channel that stalls, an unreliable one that loses, doubles and
// reorders.

import { type Carrier, type Class, Link, type Message } from "../../src/peers/link.js";
import type { Path, SwitchReason } from "../../src/generated/signal.js";

/** Numbers that look random, the same for each seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What happens when, in order of time, then of planning. */
export class Agenda {
  now = 0;
  private planned: { at: number; order: number; act: () => void }[] = [];
  private n = 0;

  in(ms: number, act: () => void): void {
    const entry = { at: this.now + Math.max(0, ms), order: this.n++, act };
    let low = 0;
    let high = this.planned.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.planned[middle];
      if (other && other.at <= entry.at) low = middle + 1;
      else high = middle;
    }
    this.planned.splice(low, 0, entry);
  }

  /** When the next of it is. */
  next(): number {
    return this.planned[0]?.at ?? Infinity;
  }

  /** Does the next of it. */
  step(): void {
    const entry = this.planned.shift();
    if (!entry) return;
    this.now = entry.at;
    entry.act();
  }
}

/** One direction of the way in between. */
class Lane {
  /** Nothing gets through the data channels. */
  cut = false;
  /** The end at which it begins, or ends, is not known to the server. */
  away = false;
  loss = 0;
  /** The server refuses what goes over so many bytes a second. */
  budget = Infinity;
  /** In the reliable channel, kept until the cut is over. */
  stalled: Uint8Array<ArrayBuffer>[] = [];
  stalledBytes = 0;
  relayedAt = 0;
  spent = 0;
  spentAt = 0;
  arriveAt = 0;
}

/** One end, with what it has been told. */
export class End implements Carrier {
  readonly link: Link;
  readonly got: Message[] = [];
  readonly switches: { at: number; path: Path; reason: SwitchReason }[] = [];
  readonly lane = new Lane();
  other!: End;
  isOpen = false;
  nRelayed = 0;
  nDirect = 0;
  private mostBuffered = 0;

  constructor(
    readonly world: World,
    budget: number,
  ) {
    this.link = new Link(this, budget);
  }

  relay(kind: Class, frame: Uint8Array<ArrayBuffer>): void {
    this.nRelayed++;
    this.world.relayed(this, kind, frame.slice());
  }

  relayIsBusy(): boolean {
    return false;
  }

  direct(kind: Class, frame: Uint8Array<ArrayBuffer>): void {
    this.nDirect++;
    if (this.isOpen) this.world.sent(this, kind, frame.slice());
  }

  buffered(kind: Class): number {
    return kind === "reliable" ? this.lane.stalledBytes : 0;
  }

  deliver(message: Message): void {
    this.got.push(message);
  }

  drained(): void {
    this.mostBuffered = Math.max(this.mostBuffered, this.link.bufferedBytes);
  }

  switched(path: Path, reason: SwitchReason): void {
    this.switches.push({ at: this.world.agenda.now, path, reason });
  }
}

/** Both ends, and time. */
export class World {
  readonly agenda = new Agenda();
  readonly a: End;
  readonly b: End;
  readonly chance: () => number;
  /** Milliseconds by the server, and directly; each varies by as much. */
  relayMs = 30;
  directMs = 10;
  private epoch = 0;

  constructor(seed: number, budget = 1_000_000) {
    this.chance = random(seed);
    this.a = new End(this, budget);
    this.b = new End(this, budget);
    this.a.other = this.b;
    this.b.other = this.a;
  }

  get ends(): End[] {
    return [this.a, this.b];
  }

  get now(): number {
    return this.agenda.now;
  }

  /** The server knows both, and tells them. */
  connect(): void {
    for (const end of this.ends) end.link.relay(true, this.now);
  }

  /** Data channels open. */
  open(): void {
    this.epoch++;
    for (const end of this.ends) {
      end.isOpen = true;
      end.link.opened(true, this.now);
    }
  }

  /** Data channels close: what was in them is lost. */
  close(): void {
    this.epoch++;
    for (const end of this.ends) {
      end.isOpen = false;
      end.lane.stalled = [];
      end.lane.stalledBytes = 0;
      end.link.opened(false, this.now);
    }
  }

  /** Cuts the data channels from this end on, or mends them. */
  cut(end: End, isCut: boolean): void {
    end.lane.cut = isCut;
    if (isCut) return;
    const { stalled } = end.lane;
    end.lane.stalled = [];
    end.lane.stalledBytes = 0;
    for (const frame of stalled) this.sent(end, "reliable", frame);
  }

  /** The server loses an end, or has it back. Each end hears of it later. */
  away(end: End, isAway: boolean): void {
    end.lane.away = isAway;
    for (const each of this.ends) {
      const later = isAway ? this.chance() * 1500 : this.relayMs;
      this.agenda.in(later, () => {
        if (!isAway && this.ends.some((one) => one.lane.away)) return;
        each.link.relay(!isAway, this.now);
      });
    }
  }

  relayed(from: End, kind: Class, frame: Uint8Array<ArrayBuffer>): void {
    const { lane, other } = from;
    lane.spent = Math.max(0, lane.spent - ((this.now - lane.spentAt) * lane.budget) / 1000);
    lane.spentAt = this.now;
    if (lane.spent + frame.length > 2 * lane.budget) {
      this.agenda.in(this.relayMs, () => from.link.refused(500, this.now));
      return;
    }
    lane.spent = lane.budget === Infinity ? 0 : lane.spent + frame.length;
    lane.relayedAt = Math.max(lane.relayedAt, this.now + this.relayMs * (0.5 + this.chance()));
    this.agenda.in(lane.relayedAt - this.now, () => {
      if (lane.away || other.lane.away) return;
      if (kind === "volatile" && this.chance() < 0.1) return;
      other.link.receive(frame, "relay", this.now);
    });
  }

  sent(from: End, kind: Class, frame: Uint8Array<ArrayBuffer>): void {
    const { lane, other } = from;
    const { epoch } = this;
    if (lane.cut) {
      if (kind === "volatile") return;
      lane.stalled.push(frame);
      lane.stalledBytes += frame.length;
      return;
    }
    let at = this.now + this.directMs * (0.5 + this.chance());
    if (kind === "reliable") {
      at = lane.arriveAt = Math.max(lane.arriveAt, at + (this.chance() < lane.loss ? 200 : 0));
    } else if (this.chance() < lane.loss) {
      return;
    }
    const arrive = (): void => {
      if (epoch === this.epoch) other.link.receive(frame, "direct", this.now);
    };
    this.agenda.in(at - this.now, arrive);
    if (kind === "volatile" && this.chance() < lane.loss)
      this.agenda.in(at - this.now + 50 * this.chance(), arrive);
  }

  /** Lets so much time pass, or as much as it takes until this is so. */
  run(ms: number, until?: () => boolean): boolean {
    const end = this.now + ms;
    let idle = 0;
    while (!until?.()) {
      const due = Math.min(...this.ends.map((one) => one.link.deadline(this.now)));
      const next = Math.min(due, this.agenda.next());
      if (next > end) {
        this.agenda.now = end;
        return false;
      }
      idle = next <= this.now ? idle + 1 : 0;
      if (idle > 100_000) throw new Error(`no time passes at ${this.now}`);
      if (due < this.agenda.next()) {
        this.agenda.now = Math.max(this.now, due);
        for (const one of this.ends) one.link.tick(this.now);
      } else {
        this.agenda.step();
      }
    }
    return true;
  }
}
