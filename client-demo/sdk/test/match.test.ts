// Matches by the SDK, against a server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { io } from "socket.io-client";
import type { api, MatchState } from "../src/index.js";
import { happens, match, Server, state, until } from "./server.js";

test("two play chess to mate", async (t) => {
  const server = await Server.start(t);
  const [white, black] = await match(t, server, { game: "chess" });
  const moved: string[] = [];
  black.match.onEvent((event) => event.type === "moved" && moved.push(event.san));
  const mate = ["f3", "e5", "g4", "Qh4#"];
  for (const [i, move] of mate.entries()) {
    const mover = i % 2 === 0 ? white : black;
    await state(mover.match, "one's turn", ({ view }) => view.moves.length === i);
    assert.equal((await mover.match.input({ type: "move", move })).turn, i + 1);
  }
  for (const one of [white, black]) {
    const { outcome, view } = await state(one.match, "the end", (state) => state.outcome !== undefined);
    assert.deepEqual(outcome, { winners: [1], reason: "checkmate" });
    assert.deepEqual(view.moves, mate);
    assert.equal(one.phase, "finished");
  }
  assert.deepEqual(moved, mate);
  await assert.rejects(white.match.input({ type: "resign" }), { code: /E_MATCH_OVER|E_NOT_IN_MATCH/ });
});

test("a game that the server does not know, by relay", async (t) => {
  const server = await Server.start(t);
  const [host, guest] = await match(t, server, { game: "relay" });
  const said = new Promise((resolve) =>
    host.match.onEvent((event, { volatile }) => resolve([event, volatile])),
  );
  await guest.match.input({ type: "send", to: "host", data: { jump: true } });
  assert.deepEqual(await said, [{ type: "message", from: 1, data: { jump: true } }, false]);
  const moment = new Promise((resolve) =>
    guest.match.onEvent((event, { volatile }) => resolve([event, volatile])),
  );
  await host.match.input({ type: "send", to: [1], data: [1, 2], volatile: true });
  assert.deepEqual(await moment, [{ type: "message", from: 0, data: [1, 2] }, true]);
  await host.match.input({ type: "publish", state: { round: 1 } });
  const { view } = await state(guest.match, "what the host says", ({ view }) => view.state !== null);
  assert.deepEqual(view, { host: 0, seats: [0, 1], state: { round: 1 } });
  await host.match.input({ type: "finish", winners: [0] });
  assert.deepEqual((await state(guest.match, "the end", (state) => !!state.outcome)).outcome, {
    winners: [0],
    reason: "finished",
  });
});

test("states by deltas are the states that come whole, twenty times a second", async (t) => {
  const server = await Server.start(t);
  const [host, guest, , bob] = await match(t, server, { game: "circles", config: { drifting: 20 } });
  const wholes = new Map<number, api.State>();
  const watcher = io(`${server.url}/lobby`, { auth: { guest: true } });
  t.after(() => watcher.disconnect());
  watcher.on("state", (state: api.State) => wholes.set(state.tick ?? -1, state));
  await watcher.emitWithAck("join", { code: host.code, name: "Eve", role: "spectator" });
  let n_deltas = 0;
  const [ours, seqs] = [new Map<number, MatchState>(), [1, 0.5, -1, 0]];
  guest.match.onState((state) => ours.set(state.tick ?? -1, state));
  watcher.on("state", () => undefined);
  bob.socket.on("delta", () => n_deltas++);
  for (const x of seqs) {
    const { turn } = await guest.match.input({ type: "steer", x, y: 0 });
    await state(guest.match, "what was done", (state) => state.turn >= turn);
    assert.deepEqual(guest.match.pending, []);
  }
  const both = (): number[] => [...ours.keys()].filter((tick) => wholes.has(tick));
  await until("forty states", (again) => guest.match.onState(again), () => both().length >= 40);
  assert.ok(n_deltas > 30, `${n_deltas} deltas`);
  for (const tick of both()) {
    const { n: _, key: __, ...whole } = wholes.get(tick) as api.State;
    assert.deepEqual(ours.get(tick), whole);
  }
});

test("a delta whose base is not known brings a whole state", async (t) => {
  const server = await Server.start(t);
  const [, guest, , bob] = await match(t, server, { game: "circles" });
  await state(guest.match, "some ticks", ({ tick = 0 }) => tick >= 2);
  const asked: string[] = [];
  bob.socket.onAnyOutgoing((name: string) => asked.push(name));
  const whole = new Promise<void>((resolve) =>
    bob.socket.on("state", (state) => state.key && resolve()),
  );
  const [hear] = bob.socket.listenersAny();
  const before = guest.match.state;
  for (const n of [1, 2, 3]) hear?.("delta", { n, base: 1_000_000, delta: {} });
  assert.equal(guest.match.state, before);
  await whole;
  assert.deepEqual(asked.filter((name) => name === "resync"), ["resync"]);
  const tick = guest.match.state?.tick ?? 0;
  await state(guest.match, "more ticks", (state) => (state.tick ?? 0) > tick + 3);
});

test("what one does is shown at once, and again on top of each state", async (t) => {
  const server = await Server.start(t);
  const [white, black] = await match(t, server, { game: "chess" });
  await state(white.match, "the first", () => true);
  const shown: string[][] = [];
  white.match.predict(
    (view, action) => (action.type === "move" ? { ...view, moves: [...view.moves, action.move] } : view),
    ({ moves }) => shown.push(moves),
  );
  const sent = white.match.input({ type: "move", move: "e4" });
  assert.deepEqual(shown.at(-1), ["e4"]);
  assert.deepEqual(white.match.state?.view.moves, []);
  await sent;
  await state(white.match, "the move", ({ view }) => view.moves.length === 1);
  assert.deepEqual([shown.at(-1), white.match.pending], [["e4"], []]);
  // What is refused is taken back.
  const illegal = white.match.input({ type: "move", move: "Ke4" });
  assert.deepEqual(shown.at(-1), ["e4", "Ke4"]);
  await assert.rejects(illegal, { code: "E_TURN" });
  assert.deepEqual(shown.at(-1), ["e4"]);
  assert.equal((await black.match.input({ type: "move", move: "e5" })).turn, 2);
  const next = await white.match.input({ type: "move", move: "Nf3" });
  assert.equal(next.turn, 3);
});

test("an input is for the tick it names, and the server's clock is known", async (t) => {
  const server = await Server.start(t);
  const [host, , ada] = await match(t, server, { game: "circles" });
  const now = await until("the clock", (again) => host.match.onState(again), () => ada.clock.rttMs !== undefined && ada.clock.now());
  assert.ok(Math.abs(now - Date.now()) < 1000, `${now - Date.now()} ms apart`);
  const { tick = 0 } = await state(host.match, "a tick", ({ tick = 0 }) => tick >= 1);
  await assert.rejects(host.match.input({ type: "steer", x: 1, y: 0 }, { tick: tick + 500 }), {
    code: "E_EARLY",
  });
  await host.match.input({ type: "steer", x: 1, y: 0 });
  assert.equal(host.match.state?.outcome, undefined);
  const ended = happens(host, "over");
  await host.leave();
  assert.deepEqual(await ended, { reason: "left" });
});
