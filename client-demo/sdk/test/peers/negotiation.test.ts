// Negotiations against connections that keep the rules, in virtual time: every order of glare, late
// answers, restarts, lost signaling.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ParlorError } from "../../src/error.js";
import {
  MAX_EARLY_CANDIDATES,
  MAX_WAITING_SIGNALS,
  Negotiation,
} from "../../src/peers/negotiation.js";
import type { Signal } from "../../src/generated/signal.js";
import { Agenda, random } from "./network.js";
import { Ether, FakeConnection } from "./rtc.js";

class End {
  readonly negotiation: Negotiation;
  other!: End;
  isOpen = false;
  readonly tracks: unknown[] = [];
  readonly sent = new Map<MediaStreamTrack, MediaStream[]>();
  readonly made: FakeConnection[] = [];
  readonly codes: string[] = [];
  readonly inbox: Signal[] = [];
  arriveAt = 0;
  dueAt = 0;
  isAway = false;

  constructor(
    readonly pair: Pair,
    polite: boolean,
    offer: boolean,
  ) {
    this.negotiation = new Negotiation({ link: 1, polite, offer }, {
      tracks: this.sent,
      connection: () => {
        const made = new FakeConnection(pair.ether);
        this.made.push(made);
        return made as unknown as RTCPeerConnection;
      },
      signal: async (signal) => {
        const { code, retry_ms } = await pair.signal(this, signal);
        if (code) throw new ParlorError(code, "refused", retry_ms);
      },
      opened: (isOpen) => (this.isOpen = isOpen),
      frame: () => {},
      track: (track) => this.tracks.push(track),
      now: () => pair.agenda.now,
      changed: () => {},
    });
  }

  /** Sends a track along, as a peer does. */
  addTrack(name: string): void {
    const track = name as unknown as MediaStreamTrack;
    this.sent.set(track, []);
    this.negotiation.pc.addTrack(track);
  }

  get last(): FakeConnection {
    const last = this.made.at(-1);
    assert(last);
    return last;
  }
}

/** Two ends, and a server between that is strict about generations. */
class Pair {
  readonly agenda = new Agenda();
  readonly chance: () => number;
  readonly ether: Ether;
  readonly a: End;
  readonly b: End;
  generation = 0;
  offers = 0;
  nSignals = 0;
  refuse: ((signal: Signal) => { code?: string; retry_ms?: number } | undefined) | undefined;
  /** What the server has counted, and does not pass on. */
  lose: ((signal: Signal) => { code?: string } | undefined) | undefined;

  constructor(seed: number, aIsPolite: boolean, offers: boolean | "both") {
    this.chance = random(seed);
    this.ether = new Ether(this.agenda, this.chance);
    this.a = new End(this, aIsPolite, offers !== false);
    this.b = new End(this, !aIsPolite, offers !== true);
    this.a.other = this.b;
    this.b.other = this.a;
  }

  get ends(): End[] {
    return [this.a, this.b];
  }

  get isConnected(): boolean {
    return this.ends.every((end) => end.isOpen && end.last.signalingState === "stable");
  }

  get isHealed(): boolean {
    return this.ends.every((end) => end.last.connectionState === "connected");
  }

  async signal(from: End, signal: Signal): Promise<{ code?: string; retry_ms?: number }> {
    this.nSignals++;
    const there = await new Promise<boolean>((done) => {
      const at = (from.arriveAt = Math.max(from.arriveAt, this.agenda.now + 20 * this.chance()));
      this.agenda.in(at - this.agenda.now, () => done(!from.isAway));
    });
    if (!there) throw new Error("lost");
    const refusal = this.refuse?.(signal) ?? this.judge(signal) ?? this.lose?.(signal);
    if (refusal) {
      if (refusal.code) from.codes.push(refusal.code);
      return refusal;
    }
    const { other } = from;
    other.inbox.push(signal);
    const at = 20 * this.chance();
    const due = (other.dueAt = Math.max(other.dueAt, this.agenda.now + at));
    this.agenda.in(due - this.agenda.now, () => {
      const next = other.inbox.shift();
      if (next && !other.isAway) other.negotiation.receive(next);
    });
    return {};
  }

  /** What the server refuses. */
  private judge({ generation, description }: Signal): { code: string } | undefined {
    if (generation < this.generation) return { code: "E_STALE" };
    if (generation > this.generation + 1) return { code: "E_STATE" };
    if (description?.type === "offer") {
      this.generation = generation;
      this.offers++;
    } else if (generation > this.generation) return { code: "E_STALE" };
    if (description?.type === "answer" && !this.offers) return { code: "E_STATE" };
    return undefined;
  }

  away(end: End, isAway: boolean): void {
    end.isAway = isAway;
    for (const one of this.ends)
      one.negotiation.reach(this.ends.every((it) => !it.isAway));
  }

  async run(ms: number, until?: () => boolean): Promise<boolean> {
    const end = this.agenda.now + ms;
    for (;;) {
      for (let i = 0; i < 3; i++) await new Promise((done) => setImmediate(done));
      if (until?.()) return true;
      const due = Math.min(...this.ends.map((one) => one.negotiation.deadline()));
      if (Math.min(due, this.agenda.next()) > end) {
        this.agenda.now = end;
        return false;
      }
      if (due < this.agenda.next()) {
        this.agenda.now = Math.max(this.agenda.now, due);
        for (const one of this.ends) one.negotiation.tick(this.agenda.now);
      } else this.agenda.step();
    }
  }
}

function pair(seed: number, aIsPolite = true, offers: boolean | "both" = true): Pair {
  return new Pair(seed, aIsPolite, offers);
}

const ALL = [
  [true, true],
  [true, false],
  [false, true],
  [false, false],
] as const;

test("two ends are connected, whoever is polite and whoever begins", async () => {
  for (const [polite, offer] of ALL) {
    const it = pair(1, polite, offer);
    assert(await it.run(1000, () => it.isConnected));
    assert.deepEqual(it.ends.flatMap((end) => end.codes), []);
    assert.equal(it.generation, 0);
    assert.equal(it.a.made.length + it.b.made.length, 2);
    await it.run(700_000);
    assert.equal(it.generation, 0, "no more tries");
  }
});

test("candidates that come before their description are kept, also of restarts", async () => {
  const it = pair(1);
  const held: Signal[] = [];
  it.lose = (signal) => {
    if (signal.description?.type !== "offer") return undefined;
    held.push(signal);
    return {};
  };
  const deliver = async (): Promise<void> => {
    await it.run(500);
    assert.equal(held.length, 1);
    for (const signal of held.splice(0)) it.b.negotiation.receive(signal);
    assert(await it.run(1000, () => it.isConnected && it.isHealed));
  };
  await deliver();
  for (const end of it.ends) end.last.set("disconnected");
  await deliver();
  assert.equal(it.generation, 1);
});

test("both begin at once: the one who is not polite has its way, at once", async () => {
  for (let seed = 0; seed < 50; seed++) {
    const it = pair(seed, seed % 2 === 0, "both");
    const answers: number[] = [];
    it.lose = ({ description }) => {
      if (description?.type === "answer") answers.push(it.agenda.now);
      return undefined;
    };
    assert(await it.run(1000, () => it.isConnected), `seed ${seed}`);
    assert.equal(it.generation, 0);
    assert.equal(answers.length, 1);
    assert.deepEqual(it.ends.flatMap((end) => end.codes).filter((code) => code !== "E_STALE"), []);
  }
});

test("both restart at once: the one who is not polite has its way", async () => {
  for (const [polite, offer] of ALL) {
    for (let seed = 0; seed < 20; seed++) {
      const it = pair(seed, polite, offer);
      assert(await it.run(1000, () => it.isConnected));
      await it.run(100);
      for (const end of it.ends) end.addTrack(`of ${seed}`);
      assert(
        await it.run(5000, () => it.isConnected && it.ends.every((end) => end.tracks.length === 1)),
        `seed ${seed}: tracks`,
      );
      assert.equal(it.generation, 0, "no restart was needed");
      for (const end of it.ends) end.last.set("disconnected");
      assert(await it.run(8000, () => it.generation > 0 && it.isConnected), `seed ${seed}`);
    }
  }
});

test("a restart beats what is older, whoever is polite", async () => {
  for (const [polite, offer] of ALL) {
    for (let seed = 0; seed < 20; seed++) {
      const it = pair(seed, polite, offer);
      assert(await it.run(1000, () => it.isConnected));
      await it.run(100);
      const [one, two] = seed % 2 ? [it.a, it.b] : [it.b, it.a];
      one.addTrack("t");
      two.negotiation.online();
      two.last.set("disconnected");
      two.negotiation.online();
      assert(
        await it.run(8000, () => it.isConnected && two.tracks.length === 1),
        `seed ${seed}`,
      );
      await it.run(20_000);
      assert(it.generation <= 2, `${it.generation} restarts`);
    }
  }
});

test("an answer that is late is of no use, and does no harm", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const it = pair(seed);
    let first: Signal | undefined;
    it.lose = (signal) => {
      if (signal.description?.type !== "answer" || first) return undefined;
      first = signal;
      return {};
    };
    await it.run(5900);
    assert(first && !it.isConnected);
    assert(await it.run(3000, () => it.isConnected));
    const { generation } = it;
    it.a.negotiation.receive(first);
    it.b.negotiation.receive(first);
    await it.run(1000);
    assert(it.isConnected);
    assert.equal(it.generation, generation);
  }
});

test("an offer that was lost is made again", async () => {
  for (const [polite, offer] of ALL) {
    const it = pair(3, polite, offer);
    let n = 0;
    it.lose = (signal) => (signal.description && n++ === 0 ? {} : undefined);
    assert(await it.run(9000, () => it.isConnected));
  }
});

test("a network that changes is found again by a restart, with the same connections", async () => {
  const it = pair(1);
  assert(await it.run(1000, () => it.isConnected));
  it.ether.isDead = true;
  for (const end of it.ends) end.last.set("disconnected");
  await it.run(1000);
  it.ether.isDead = false;
  for (const end of it.ends) assert.notEqual(end.last.connectionState, "connected");
  assert(await it.run(7000, () => it.isHealed));
  assert(it.a.last.nRestarts > 0);
});

test("a connection whose channels have closed is replaced at both ends", async () => {
  for (const [polite, offer] of ALL) {
    for (let seed = 0; seed < 10; seed++) {
      const it = pair(seed, polite, offer);
      assert(await it.run(1000, () => it.isConnected));
      await it.run(500);
      const [first] = it.a.made;
      for (const end of seed % 2 ? it.ends : [it.a]) end.last.lose();
      assert.equal(it.a.isOpen, false);
      assert(await it.run(30_000, () => it.isConnected && it.a.last !== first), `seed ${seed}`);
      await it.run(60_000);
      assert(it.isConnected);
    }
  }
});

test("certificates that do not agree end in a new connection, not in a restart", async () => {
  const it = pair(1);
  assert(await it.run(1000, () => it.isConnected));
  const { last } = it.a;
  last.connectionState = "failed";
  last.iceConnectionState = "connected";
  last.onconnectionstatechange?.();
  assert(await it.run(5000, () => it.isConnected && it.a.last !== last));
});

test("without candidates there are few tries, and none is made for ever in vain", async () => {
  const it = pair(1);
  it.ether.isSilent = true;
  await it.run(25_000);
  assert.equal(it.generation, 0);
  await it.run(600_000);
  assert(it.generation <= 8, `${it.generation}`);
  it.ether.isSilent = false;
  it.a.negotiation.online();
  assert(await it.run(3000, () => it.isConnected));
});

test("where no way leads there are few tries, but some for ever", async () => {
  const it = pair(1);
  it.ether.isDead = true;
  await it.run(200_000);
  const { generation } = it;
  assert(generation >= 3 && generation <= 8, `${generation}`);
  await it.run(3_600_000);
  const more = it.generation - generation;
  assert(more >= 5 && more <= 14, `${more}`);
  it.ether.isDead = false;
  assert(await it.run(1_300_000, () => it.isConnected));
});

test("signals that are lost with the connection to the server are made good", async () => {
  for (let seed = 0; seed < 40; seed++) {
    const it = pair(seed, seed % 2 === 0, seed % 4 < 2);
    await it.run(100 * it.chance());
    const end = seed % 8 < 4 ? it.a : it.b;
    it.away(end, true);
    await it.run(20_000);
    it.away(end, false);
    assert(await it.run(5000, () => it.isConnected), `seed ${seed}`);
  }
});

test("an offer of tracks that was lost with the way to the server is told again", async () => {
  const it = pair(1);
  assert(await it.run(1000, () => it.isConnected));
  await it.run(500);
  it.a.addTrack("t");
  await it.run(3);
  it.away(it.a, true);
  await it.run(10_000);
  it.away(it.a, false);
  assert(await it.run(3000, () => it.b.tracks.length === 1 && it.isConnected));
  assert.equal(it.generation, 0);
});

test("who tells too much waits, and tells it again", async () => {
  const it = pair(1);
  let n = 0;
  it.refuse = () => (n++ < 3 ? { code: "E_RATE", retry_ms: 5 } : undefined);
  const deadline = Date.now() + 5000;
  while (!it.isConnected && Date.now() < deadline) await it.run(1);
  assert(it.isConnected);
});

test("a flood of signals is bounded", async () => {
  const it = pair(1);
  for (let i = 0; i < 10_000; i++)
    it.b.negotiation.receive({ link: 1, generation: 0, candidate: { candidate: `c${i}` } });
  assert(await it.run(3000, () => it.isConnected));
  const { nAsked } = it.b.last;
  assert(nAsked > MAX_EARLY_CANDIDATES / 2 && nAsked <= MAX_EARLY_CANDIDATES + 4, `${nAsked}`);
});

test("a flood of descriptions is bounded", async () => {
  const it = pair(1);
  await it.run(1000, () => it.isConnected);
  const { nDescribed } = it.b.last;
  const description = { type: "offer", sdp: "?" } as const;
  for (let i = 0; i < 10_000; i++)
    it.b.negotiation.receive({ link: 1, generation: 0, description });
  await it.run(3000);
  assert(it.b.last.nDescribed - nDescribed <= MAX_WAITING_SIGNALS);
});

test("who has missed restarts catches up with the server", async () => {
  const it = pair(1);
  assert(await it.run(1000, () => it.isConnected));
  it.generation = 3;
  it.ether.isDead = true;
  for (const end of it.ends) end.last.set("disconnected");
  const { offers } = it;
  assert(await it.run(60_000, () => it.offers > offers));
  it.ether.isDead = false;
  assert(await it.run(60_000, () => it.isConnected && it.isHealed));
});

test("what is broken is passed over: descriptions that cannot be read", async () => {
  const it = pair(1);
  it.b.negotiation.receive({ link: 1, generation: 0, description: { type: "offer", sdp: "?" } });
  it.a.negotiation.receive({ link: 1, generation: 9, description: { type: "answer", sdp: "?" } });
  assert(await it.run(9000, () => it.isConnected));
});

test("a link that is closed does and tells nothing more", async () => {
  const it = pair(1);
  await it.run(30);
  for (const end of it.ends) end.negotiation.close();
  const { nSignals } = it;
  await it.run(100_000);
  assert.equal(it.nSignals, nSignals);
  assert(it.ends.every((end) => end.last.closed));
});

const N_SEEDS = Number(process.env["SEEDS"] ?? 200);

test(`${N_SEEDS} seeds: whatever happened, they are connected when it is over`, async () => {
  for (let seed = 1; seed <= N_SEEDS; seed++) {
    const it = pair(seed, seed % 2 === 0, seed % 4 < 2);
    const { chance } = it;
    for (let i = 0; i < 12; i++) {
      await it.run(3000 * chance());
      const end = chance() < 0.5 ? it.a : it.b;
      const what = Math.floor(chance() * 7);
      if (what === 0) it.away(end, !end.isAway);
      if (what === 1) it.ether.isDead = !it.ether.isDead;
      if (what === 2) end.last.set("disconnected");
      if (what === 3) end.last.lose();
      if (what === 4) end.addTrack(`t${i}`);
      if (what === 5) end.negotiation.online();
      const lose = () => (chance() < 0.3 ? {} : undefined);
      if (what === 6) it.lose = chance() < 0.5 ? lose : undefined;
    }
    it.lose = undefined;
    it.ether.isDead = false;
    for (const end of it.ends) it.away(end, false);
    it.ether.look();
    for (const end of it.ends)
      if (end.last.connectionState === "disconnected") end.negotiation.online();
    assert(await it.run(400_000, () => it.isConnected && it.isHealed), `seed ${seed}`);
  }
});
