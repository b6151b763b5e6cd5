// The link machine in virtual time: what arrives, and when its path changes.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  encode,
  KIND_ACK,
  KIND_RELIABLE,
  KIND_VOLATILE,
  PART_BYTES,
  unwrapped,
} from "../../src/peers/frame.js";
import { MAX_KEYS, MAX_MESSAGE_BYTES, WINDOW_BYTES } from "../../src/peers/limits.js";
import { FLAP_MS } from "../../src/peers/path.js";
import { type End, World } from "./network.js";

/** A message of so many bytes that begins with its number. */
function numbered(n: number, bytes = 4): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(Math.max(4, bytes)).fill(n & 255);
  new DataView(payload.buffer).setUint32(0, n);
  return payload;
}

function numberOf(payload: Uint8Array<ArrayBuffer>): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0);
}

function reliable(end: End): number[] {
  return end.got.filter((m) => m.class === "reliable").map((m) => numberOf(m.payload));
}

function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

/** A world whose two ends have found each other. */
function direct(seed = 1): World {
  const world = new World(seed);
  world.connect();
  world.open();
  assert(world.run(2000, () => world.ends.every((end) => end.link.way.path === "direct")));
  return world;
}

test("messages go by the server from the first moment on", () => {
  const world = new World(1);
  world.connect();
  world.a.link.send(0, numbered(0), world.now);
  world.a.link.sendVolatile(7, world.a.link.stamp(7) ?? 0, 0, numbered(1), world.now);
  world.run(100);
  assert.deepEqual(reliable(world.b), [0]);
  assert.equal(world.b.got.length, 2);
});

test("five answers in a row make a path direct, four do not", () => {
  const world = new World(1);
  world.connect();
  world.open();
  world.run(2000, () => world.a.link.way.path === "direct");
  assert(world.now >= 400 && world.now < 450, `${world.now}`);
  const late = new World(1);
  late.connect();
  late.open();
  late.run(390);
  late.cut(late.b, true);
  late.run(5000);
  assert.equal(late.a.link.way.path, "relay");
});

test("a path that dies is left within a second, also when nothing is sent", () => {
  for (const busy of [true, false]) {
    for (let seed = 0; seed < 50; seed++) {
      const world = direct(seed);
      world.run(3000 + 7 * seed);
      const send = (): void => {
        world.a.link.sendVolatile(0, world.a.link.stamp(0) ?? 0, 0, numbered(0), world.now);
        world.agenda.in(20, send);
      };
      if (busy) send();
      world.run(500);
      const cutAt = world.now;
      world.cut(world.a, true);
      assert(world.run(5000, () => world.a.link.way.path === "relay"));
      const took = world.now - cutAt;
      assert(took <= (busy ? 650 : 950), `${took} ms, seed ${seed}`);
      assert.equal(world.a.switches.at(-1)?.reason, "silent");
    }
  }
});

test("more patience by TURN", () => {
  const world = direct();
  world.a.link.way.via = "turn";
  world.cut(world.a, true);
  assert(!world.run(900, () => world.a.link.way.path === "relay"));
  assert(world.run(300, () => world.a.link.way.path === "relay"));
});

test("what is not confirmed is sent again when the path is lost in mid-stream", () => {
  const world = direct();
  let n = 0;
  const send = (): void => {
    world.a.link.send(0, numbered(n++, 200), world.now);
    if (n < 1000) world.agenda.in(10, send);
  };
  send();
  world.run(3000);
  world.cut(world.a, true);
  world.cut(world.b, true);
  world.run(3000);
  assert.equal(world.a.link.way.path, "relay");
  world.cut(world.a, false);
  world.cut(world.b, false);
  world.run(6000);
  assert.equal(world.a.link.way.path, "direct");
  assert.deepEqual(reliable(world.b), upTo(1000));
  assert.equal(world.a.link.bufferedBytes, 0);
});

test("three losses in a minute keep a path relayed for a minute", () => {
  const world = direct();
  for (let i = 0; i < 3; i++) {
    world.cut(world.a, true);
    assert(world.run(2000, () => world.a.link.way.path === "relay"));
    world.cut(world.a, false);
    if (i < 2) assert(world.run(2000, () => world.a.link.way.path === "direct"));
  }
  assert.equal(world.a.switches.at(-1)?.reason, "flapping");
  const heldAt = world.now;
  assert(world.run(2 * FLAP_MS, () => world.a.link.way.path === "direct"));
  assert(Math.abs(world.now - heldAt - FLAP_MS) < 700, `${world.now - heldAt}`);
});

test("two losses in a minute do not", () => {
  const world = direct();
  for (let i = 0; i < 4; i++) {
    world.cut(world.a, true);
    assert(world.run(2000, () => world.a.link.way.path === "relay"));
    world.cut(world.a, false);
    assert(world.run(2000, () => world.a.link.way.path === "direct"));
    world.run(FLAP_MS / 2);
  }
});

test("without a server a direct path is taken however often it was lost", () => {
  const world = direct();
  world.away(world.b, true);
  for (let i = 0; i < 5; i++) {
    world.cut(world.a, true);
    assert(world.run(2000, () => world.a.link.way.path === "relay"));
    world.cut(world.a, false);
    assert(world.run(2000, () => world.a.link.way.path === "direct"));
  }
});

test("a direct path lives on without a server, and carries what the server lost", () => {
  const world = new World(1);
  world.connect();
  world.open();
  world.run(380);
  world.away(world.b, true);
  for (let n = 0; n < 10; n++) world.a.link.send(0, numbered(n), world.now);
  world.run(3000);
  assert.deepEqual(reliable(world.b), upTo(10));
});

test("what a server dropped is sent again when the other end is back", () => {
  const world = new World(1);
  world.connect();
  world.b.lane.away = true;
  for (let n = 0; n < 5; n++) world.a.link.send(0, numbered(n), world.now);
  world.run(1000);
  assert.deepEqual(reliable(world.b), []);
  world.away(world.b, false);
  world.run(200);
  assert.deepEqual(reliable(world.b), upTo(5));
});

test("what is not confirmed is sent again after two seconds, whoever says nothing", () => {
  const world = new World(1);
  world.connect();
  world.b.lane.away = true;
  world.a.link.send(0, numbered(0), world.now);
  world.run(100);
  world.b.lane.away = false;
  assert(!world.run(1800, () => world.b.got.length > 0));
  assert(world.run(300, () => world.b.got.length > 0));
});

test("a server that refuses gets less, and all arrives", () => {
  const world = new World(1, 64_000);
  world.a.lane.budget = 20_000;
  world.connect();
  for (let n = 0; n < 100; n++) world.a.link.send(0, numbered(n, 3000), world.now);
  assert(world.run(60_000, () => world.b.got.length === 100));
  assert.deepEqual(reliable(world.b), upTo(100));
  assert(world.now < 30_000, `${world.now}`);
  assert(world.a.nRelayed < 400, `${world.a.nRelayed} frames`);
});

test("a message may have a mebibyte, and comes in parts", () => {
  for (const bytes of [0, 1, PART_BYTES, PART_BYTES + 1, MAX_MESSAGE_BYTES]) {
    const world = direct();
    const payload = new Uint8Array(bytes).map((_, i) => i * 7);
    world.a.link.send(2, payload, world.now);
    assert(world.run(5000, () => world.b.got.length > 0));
    const [message] = world.b.got;
    assert.deepEqual(Buffer.from(message?.payload ?? []), Buffer.from(payload));
    assert.equal(message?.flags, 2);
  }
});

test("a message of too many parts, or too large, is left out and the next is not", () => {
  const world = direct();
  let seq = 0;
  const part = (flags: number, bytes: number): void => {
    const frame = encode(KIND_RELIABLE, flags, seq++, 0, new Uint8Array(bytes));
    world.b.link.receive(frame, "direct", world.now);
  };
  for (let i = 0; i < 100_000; i++) part(1, 0);
  part(0, 0);
  for (let i = 0; i < 65; i++) part(1, PART_BYTES);
  part(0, 0);
  part(0, 3);
  assert.deepEqual(world.b.got.map((m) => m.payload.length), [3]);
  assert.equal(world.b.got[0]?.number, 2);
});

test("numbers go on past the 32 bits of a header", () => {
  const round = 2 ** 32;
  for (const near of [0, 5, round - 3, round, round + 3, 7 * round - 1])
    for (const off of [-3, -1, 0, 1, 3, 2 ** 31 - 1])
      assert.equal(unwrapped((((near + off) % round) + round) % round, near), near + off);
});

test("what comes too early is kept up to a window, and no more", () => {
  const world = direct();
  const n_fit = Math.floor(WINDOW_BYTES / (12 + PART_BYTES));
  const part = (seq: number): void => {
    const frame = encode(KIND_RELIABLE, 0, seq, 0, new Uint8Array(PART_BYTES));
    world.b.link.receive(frame, "direct", world.now);
  };
  for (let seq = 1; seq <= n_fit + 1; seq++) part(seq);
  part(0);
  assert.equal(world.b.got.length, n_fit + 1);
  part(n_fit + 1);
  assert.equal(world.b.got.length, n_fit + 2);
});

test("keys of volatile messages are limited, at both ends", () => {
  const world = direct();
  for (let key = 0; key < MAX_KEYS; key++) assert.equal(world.a.link.stamp(key), 1);
  assert.equal(world.a.link.stamp(MAX_KEYS), undefined);
  assert.equal(world.a.link.stamp(0), 2);
  for (let key = 0; key <= MAX_KEYS; key++)
    world.b.link.receive(encode(KIND_VOLATILE, 0, 1, key), "direct", world.now);
  assert.equal(world.b.got.length, MAX_KEYS);
});

test("bytes that are no frame, and confirmations of what was never sent, change nothing", () => {
  const world = direct();
  world.a.link.send(0, numbered(0), world.now);
  for (let length = 0; length < 12; length++)
    world.a.link.receive(new Uint8Array(length).fill(4), "direct", world.now);
  for (const ack of [2, 1000, 2 ** 31, 2 ** 32 - 1])
    world.a.link.receive(encode(KIND_ACK, 0, 0, ack), "direct", world.now);
  for (const kind of [0, 6, 255])
    world.a.link.receive(encode(kind, 255, 5, 5), "relay", world.now);
  assert.equal(world.a.link.bufferedBytes, 16);
  world.run(1000);
  assert.deepEqual(reliable(world.b), [0]);
  assert.equal(world.a.link.bufferedBytes, 0);
});

test("a path may be forced to the server, and given back", () => {
  const world = direct();
  world.a.link.force(true, world.now);
  assert.equal(world.a.switches.at(-1)?.reason, "forced");
  world.run(5000);
  assert.equal(world.a.link.way.path, "relay");
  assert.equal(world.b.link.way.path, "direct");
  world.a.link.force(false, world.now);
  assert(world.run(1000, () => world.a.link.way.path === "direct"));
});

test("who slept is not taken for dead, whatever was on its way meanwhile", () => {
  for (let ms = 0; ms < 200; ms += 5) {
    const world = direct();
    world.run(2000 + ms);
    world.a.link.tick(world.now + 5000);
    assert.equal(world.a.link.way.path, "direct");
  }
});

test("probes cost little: five frames a second when idle, one beside confirmed messages", () => {
  const world = direct();
  world.run(2000);
  const before = world.a.nDirect;
  world.run(10_000);
  assert(world.a.nDirect - before <= 102, `${world.a.nDirect - before}`);
  const send = (): void => {
    world.a.link.send(0, numbered(0), world.now);
    world.agenda.in(50, send);
  };
  send();
  world.run(1000);
  const busy = world.a.nDirect;
  world.run(10_000);
  const each = 200 + 50;
  assert(world.a.nDirect - busy <= each + 10, `${world.a.nDirect - busy}`);
});

test("round trips, jitter and loss are measured", () => {
  const world = direct();
  for (const end of world.ends) end.lane.loss = 0.2;
  world.a.link.way.via = "turn";
  world.run(30_000);
  const { rtt, loss } = world.a.link.way;
  assert(rtt && rtt > 10 && rtt < 30, `${rtt}`);
  assert(loss > 0.1 && loss < 0.7, `${loss}`);
});

test("a direct link that is busy knows its round trip as it is now", () => {
  const world = direct();
  const send = (): void => {
    world.a.link.send(0, numbered(0), world.now);
    world.agenda.in(20, send);
  };
  send();
  world.a.link.way.rtt = 1_000;
  world.run(30_000);
  const { rtt } = world.a.link.way;
  assert(rtt && rtt < 60, `${rtt}`);
});

test("a relayed link knows its round trip by what is confirmed", () => {
  const world = new World(1);
  world.connect();
  for (let n = 0; n < 100; n++) {
    world.a.link.send(0, numbered(n), world.now);
    world.run(100);
  }
  const { rtt } = world.a.link.way;
  assert(rtt && rtt > 50 && rtt < 120, `${rtt}`);
});

// Whatever happens in between, and in whatever order.
const N_SEEDS = Number(process.env["SEEDS"] ?? 500);

test(`${N_SEEDS} seeds: reliable once and in order, volatile never back`, () => {
  for (let seed = 1; seed <= N_SEEDS; seed++) one(seed);
});

function one(seed: number): void {
  const world = new World(seed, 200_000);
  const { chance, agenda } = world;
  const pick = <T>(...of: T[]): T => of[Math.floor(chance() * of.length)] as T;
  const nSent = new Map<End, number>();
  for (const end of world.ends) {
    nSent.set(end, 0);
    if (chance() < 0.3) end.lane.loss = 0.3 * chance();
    const rate = 5 + 40 * chance();
    const speak = (): void => {
      const n = nSent.get(end) ?? 0;
      nSent.set(end, n + 1);
      const bytes = chance() < 0.02 ? 300_000 * chance() : 400 * chance();
      end.link.send(0, numbered(n, bytes), world.now);
      const key = Math.floor(chance() * 3);
      end.link.sendVolatile(key, end.link.stamp(key) ?? 0, 0, numbered(n), world.now);
      if (world.now < 12_000) agenda.in(2 * rate * chance(), speak);
    };
    agenda.in(100 * chance(), speak);
  }
  const mishap = (): void => {
    if (world.now >= 12_000) return;
    const end = pick(world.a, world.b);
    const other = end.other;
    pick(
      () => world.cut(end, !end.lane.cut),
      () => (world.cut(end, true), world.cut(other, true)),
      () => (world.cut(end, false), world.cut(other, false)),
      () => world.away(end, !end.lane.away),
      () => (world.ends.every((one) => one.isOpen) ? world.close() : world.open()),
      () => end.link.force(chance() < 0.5, world.now),
      () => (end.lane.budget = pick(Infinity, 30_000, 200_000)),
      () => (end.lane.loss = pick(0, 0.1, 0.3)),
    )();
    agenda.in(2000 * chance(), mishap);
  };
  if (chance() < 0.9) world.connect();
  else world.away(world.a, true);
  agenda.in(500 * chance(), () => world.open());
  agenda.in(1000 * chance(), mishap);
  world.run(12_500);
  for (const end of world.ends) {
    world.cut(end, false);
    end.lane.loss = 0;
    end.lane.budget = Infinity;
    end.link.force(false, world.now);
  }
  for (const end of world.ends) world.away(end, false);
  if (!world.a.isOpen) world.open();
  const isDone = (): boolean =>
    world.ends.every((end) => end.link.bufferedBytes === 0 && end.link.way.path === "direct");
  assert(world.run(150_000, isDone), `seed ${seed}: not done`);
  for (const end of world.ends) {
    assert.deepEqual(reliable(end.other), upTo(nSent.get(end) ?? 0), `seed ${seed}`);
    const last = new Map<number, number>();
    for (const message of end.got.filter((one) => one.class === "volatile")) {
      assert(numberOf(message.payload) > (last.get(message.key) ?? -1), `seed ${seed}: back`);
      last.set(message.key, numberOf(message.payload));
    }
  }
}
