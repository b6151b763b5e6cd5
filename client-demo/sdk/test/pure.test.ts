// Deltas and what they build on, clock, numbers of inputs, listings and storage: without a server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock, here } from "../src/clock.js";
import { apply, States } from "../src/delta.js";
import type { Change, Delta, Listed, Lobby, State } from "../src/generated/api.js";
import { Inputs } from "../src/inputs.js";
import { followListing } from "../src/listing.js";
import { follow } from "../src/mirror.js";
import { Kept } from "../src/storage.js";
import { deltas } from "./samples.js";

test("a delta of the server's leads where the server says", () => {
  for (const written of deltas) {
    const [base, next, delta] = JSON.parse(written) as [object, object, object];
    const before = JSON.stringify(base);
    const made = apply(base, delta) as object;
    // Not deepEqual, which does not look at what is called `__proto__`.
    const sorted = (value: object): unknown => Object.entries(value).toSorted();
    assert.equal(JSON.stringify(sorted(made)), JSON.stringify(sorted(next)));
    assert.equal(Object.getPrototypeOf(made), Object.prototype);
    assert.equal(JSON.stringify(base), before, "the base stays as it is");
  }
  assert.equal(({} as { a?: number }).a, undefined, "nothing is said of other objects");
});

const state = (n: number, key: boolean, view: unknown): State => ({
  number: 1, turn: n, players: [], view, n, ...(key && { key }),
});
const delta = (base: number, n: number): Delta => ({ base, n, delta: { view: [n] } });

test("deltas build on the last state with a key, and on no other", () => {
  const states = new States();
  assert.equal(states.delta(delta(1, 2)), undefined, "before any");
  assert.deepEqual(states.whole(state(1, true, "a")), { number: 1, turn: 1, players: [], view: "a" });
  assert.equal(states.delta(delta(1, 2))?.view, 2);
  states.whole(state(3, false, "c"));
  assert.equal(states.delta(delta(3, 4)), undefined, "one without a key");
  assert.equal(states.delta(delta(1, 5))?.view, 5);
  states.whole(state(6, true, "f"));
  assert.equal(states.delta(delta(1, 7)), undefined, "the one before");
  assert.equal(states.delta(delta(6, 7))?.turn, 6);
  assert.equal(states.delta({ base: 6, n: 8, delta: null }), undefined, "no delta");
  assert.equal(states.delta({ base: 6, n: 8, delta: { players: { x: null } } }), undefined, "a misfit");
  states.clear();
  assert.equal(states.delta(delta(6, 8)), undefined, "of another connection");
});

test("of the last measurements of the clock, the one with the shortest way counts", () => {
  const clock = new Clock();
  const off = (): number => clock.now() - here();
  assert.ok(Math.abs(clock.now() - Date.now()) < 5, "one's own, before any");
  clock.measured(1000, 1100, 51_050);
  assert.deepEqual([clock.rttMs, Math.round(off())], [100, 50_000]);
  clock.measured(2000, 2010, 52_105);
  assert.deepEqual([clock.rttMs, Math.round(off())], [10, 50_100]);
  clock.measured(3000, 3500, 59_000);
  assert.equal(Math.round(off()), 50_100, "a long way says little");
  for (let i = 0; i < 7; i += 1) clock.measured(4000, 4200, 54_100);
  assert.equal(Math.round(off()), 50_000, "what is long ago is forgotten");
  clock.clear();
  assert.equal(clock.rttMs, undefined);
});

test("numbers of inputs grow by one, and what a state contains is not pending", () => {
  const inputs = new Inputs<string>();
  inputs.begin(1);
  const [a, b, c] = ["a", "b", "c"].map((action) => inputs.take(action, undefined));
  assert.ok(a && b && c);
  assert.deepEqual([a.seq, b.seq, c.seq], [1, 2, 3]);
  inputs.applied(2);
  assert.deepEqual(inputs.all, [c]);
  inputs.drop(c);
  assert.equal(inputs.take("d", 7).seq, 3, "a number that was not used");
  const e = inputs.take("e", undefined);
  assert.equal(e.seq, 4);
  inputs.drop(e);
  inputs.used(e);
  assert.equal(inputs.take("e", undefined).seq, 5, "one that was");
  inputs.begin(2);
  assert.deepEqual(inputs.all, []);
  assert.equal(inputs.take("f", undefined).seq, 1);
});

test("a thousand refusals that use no number leave the next one in reach", () => {
  const inputs = new Inputs<number>();
  inputs.begin(1);
  for (let i = 0; i < 3000; i += 1) inputs.drop(inputs.take(i, undefined));
  assert.equal(inputs.take(0, undefined).seq, 1);
});

test("where a page before this one has played, numbers jump beyond its own", () => {
  const inputs = new Inputs<string>();
  inputs.goOn(3, 40);
  const first = inputs.take("a", undefined);
  assert.ok(first.seq > 40 + 64 && first.seq <= 40 + 1024, `${first.seq}`);
  assert.equal(inputs.take("b", undefined).seq, first.seq + 1);
});

test("a lobby whose host has left has none, until it is said who is", () => {
  const seat = (seat: number) => ({ seat, name: `${seat}`, connected: true, ready: false });
  const lobby: Lobby = {
    id: "i", code: "c", game: "g", config: {}, visibility: "private", start: "host", phase: "open",
    version: 1, host: 0, seats: [seat(0), seat(2)], capacity: 3, needed: 2, spectators: 0, max_spectators: 0,
  };
  const left = follow(lobby, 2, { type: "left", seat: 0, reason: "left" });
  assert.deepEqual([left.host, left.seats, left.version], [undefined, [seat(2)], 2]);
  assert.equal(follow(left, 3, { type: "host", seat: 2 }).host, 2);
  assert.equal(follow(lobby, 2, { type: "left", seat: 2, reason: "left" }).host, 0);
  const joined = follow(lobby, 2, { type: "joined", ...seat(1) });
  assert.deepEqual(joined.seats, [seat(0), seat(1), seat(2)]);
  assert.deepEqual(lobby.seats.length, 2, "it stays as it is");
  // What only a later version of the server says.
  const unknown = follow(lobby, 2, { type: "something" } as unknown as Change);
  assert.deepEqual(unknown, { ...lobby, version: 2 });
});

const listed = (id: string, made_ms: number, more: Partial<Listed> = {}): Listed => ({
  id, game: "g", host: "A", players: 1, capacity: 2, phase: "open", made_ms, ...more,
});

test("a listing stays in the order that was asked for", () => {
  const ids = (all: Listed[]): string => all.map(({ id }) => id).join("");
  const [a, b, c] = [
    listed("a", 1, { players: 3, metadata: { level: 2 } }),
    listed("b", 2, { metadata: { level: 10 } }),
    listed("c", 3),
  ];
  const all = [a, b, c];
  assert.equal(ids(followListing([], { added: all }, undefined)), "cba");
  assert.equal(ids(followListing([], { added: all }, "players")), "acb");
  assert.equal(ids(followListing([], { added: all }, "+level")), "abc");
  assert.equal(ids(followListing([], { added: all }, "-level")), "bac");
  const mixed = [listed("t", 1, { metadata: { x: "10" } }), listed("f", 2, { metadata: { x: true } })];
  assert.equal(ids(followListing(mixed, { added: [listed("n", 3, { metadata: { x: 9 } })] }, "+x")), "fnt");
  const change = { changed: [{ ...b, players: 9 }], removed: ["a", "unknown"] };
  assert.equal(ids(followListing(all, change, "players")), "bc");
});

test("where storage is forbidden or full, things are forgotten and that is all", () => {
  const kept = new Kept(undefined, "name");
  kept.keep("a");
  assert.equal(kept.value, "a");
  const no = (): never => {
    throw new Error("forbidden");
  };
  const forbidden = new Kept({ getItem: no, setItem: no, removeItem: no }, "name");
  assert.equal(forbidden.value, undefined);
  forbidden.keep("a");
  assert.equal(forbidden.value, "a", "for this page");
  forbidden.keep();
  assert.equal(forbidden.value, undefined);
});
