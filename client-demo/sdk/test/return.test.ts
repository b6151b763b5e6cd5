// Lost connections and restarted servers, and the way back, by the SDK against a server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ParlorError, type Keep, type Lobby } from "../src/index.js";
import { cut, happens, match, Server, state, until } from "./server.js";

const move = (text: string) => ({ type: "move", move: text }) as const;

test("a connection cut in mid-match is mended, and nothing is lost or told twice", async (t) => {
  const server = await Server.start(t);
  const [white, black, , bob] = await match(t, server, { game: "chess" });
  const [heard, moved]: [string[], string[]] = [[], []];
  black.on("chat", ({ text }) => heard.push(text));
  black.match.onEvent((event) => event.type === "moved" && moved.push(event.san));
  await white.match.input(move("e4"));
  await white.chat("one");
  await until("what was said", (again) => black.on("chat", again), () => heard.length === 1);

  const versions: number[] = [];
  black.on("update", ({ version }) => versions.push(version));
  const [dropped, away, back] = [happens(white, "dropped"), happens(black, "away"), happens(black, "back")];
  cut(bob);
  assert.equal((await away).isFinal, false);
  assert.equal((await dropped).seat, 1);
  // Meanwhile: said there, done here.
  await white.chat("two");
  const answer = black.match.input(move("e5"));
  const said = black.chat("three");
  assert.equal(black.isAway, true);
  assert.deepEqual(await back, { isComplete: true });
  assert.equal((await answer).turn, 2);
  await said;
  await state(white.match, "the answer", ({ view }) => view.moves.length === 2);
  await until("what was said", (again) => black.on("chat", again), () => heard.length === 3);
  await until("its event", (again) => black.match.onEvent(again), () => moved.length === 2);
  assert.deepEqual([heard, moved, black.seat], [["one", "two", "three"], ["e4", "e5"], 1]);
  assert.deepEqual(versions, versions.toSorted((one, other) => one - other), "never back");
  await white.match.input(move("Nf3"));
  await state(black.match, "the next", ({ view }) => view.moves.length === 3);
});

test("whatever the moment of the cut, an input is applied once", async (t) => {
  const server = await Server.start(t);
  const [white, black, ada] = await match(t, server, { game: "chess" });
  const shuffle = ["Nf3", "Nf6", "Ng1", "Ng8"];
  const wait = [(next: () => void) => next(), queueMicrotask, setImmediate, setImmediate];
  for (let i = 0; i < 8; i += 1) {
    const answered = white.match.input(move(shuffle[(2 * i) % 4] as string));
    const back = happens(white, "back");
    wait[i % 4]?.(() => cut(ada));
    assert.equal((await answered).turn, 2 * i + 1);
    await back;
    await state(black.match, "the move", ({ view }) => view.moves.length === 2 * i + 1);
    await black.match.input(move(shuffle[(2 * i + 1) % 4] as string));
  }
  await state(white.match, "all", ({ view }) => view.moves.length === 16);
  assert.deepEqual(white.match.pending, []);
});

test("however often both are cut, all that is said arrives once and in order", async (t) => {
  const server = await Server.start(t);
  const [host, guest, ada, bob] = await match(t, server, { game: "relay", config: { burst: 200 } });
  const [by, heard]: [Record<number, number[]>, Record<number, string[]>] = [{ 0: [], 1: [] }, { 0: [], 1: [] }];
  for (const one of [host, guest]) {
    one.match.onEvent(({ data }) => by[one.seat ?? 0]?.push(data as number));
    one.on("chat", ({ text }) => heard[one.seat ?? 0]?.push(text));
    one.on("back", ({ isComplete }) => assert.ok(isComplete));
  }
  const wait = [(next: () => void) => next(), queueMicrotask, setImmediate];
  const all = Array.from({ length: 60 }, (_, i) => i);
  for (const i of all) {
    const sent = [host, guest].map((one) => one.match.input({ type: "send", to: "others", data: i }));
    for (const [k, who] of [ada, bob].entries()) {
      if ((i + k) % 3 < 2) wait[i % 3]?.(() => who.socket.connected && cut(who));
    }
    await Promise.all(sent);
    // Not while a cut may be under way.
    if (i % 12 === 0) await host.chat(`${i}`);
  }
  await until("all", (again) => host.match.onEvent(again), () => by[0]?.length === all.length);
  await until("all", (again) => guest.match.onEvent(again), () => by[1]?.length === all.length);
  await until("the chat", (again) => guest.on("chat", again), () => heard[1]?.length === 5);
  const said = ["0", "12", "24", "36", "48"];
  assert.deepEqual([by, heard], [{ 0: all, 1: all }, { 0: said, 1: said }]);
});

test("a lobby is made once, however often the connection is cut meanwhile", async (t) => {
  const server = await Server.start(t);
  const eve = await server.player(t, "Eve");
  for (const wait of [(next: () => void) => next(), queueMicrotask, setImmediate]) {
    const parlor = await server.player(t, "Ada");
    const metadata = { word: `${Math.random()}` };
    const made = parlor.lobbies.create({ game: "chess", visibility: "public", metadata });
    wait(() => cut(parlor));
    const lobby = await made;
    const listed = await eve.lobbies.list({ metadata });
    assert.deepEqual(listed.map(({ id, players }) => [id, players]), [[lobby.id, 1]]);
  }
});

/** What a browser's tab has. */
function tab(): Keep & { kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  };
}

test("a page that is loaded again is in its seat again, and goes on playing", async (t) => {
  const server = await Server.start(t);
  const storage = tab();
  const first = await server.player(t, "Ada", { storage });
  const bob = await server.player(t, "Bob");
  const lobby = await first.lobbies.create({ game: "chess" });
  const guest = await bob.lobbies.join(lobby.code);
  await guest.ready();
  await lobby.start();
  await state(lobby.match, "the board", () => true);
  await lobby.match.input(move("e4"));
  await assert.rejects(lobby.match.input(move("e4")), { code: "E_TURN" });
  const account = first.account;
  assert.ok(account !== undefined, "a guest's id");
  first.close();
  const second = await server.player(t, "Ada", { storage });
  const back = second.lobby as Lobby;
  assert.deepEqual([back.id, back.seat, back.phase], [lobby.id, 0, "playing"]);
  assert.equal(back.match.state?.view.moves.length, 1);
  await guest.match.input(move("e5"));
  await state(back.match, "the answer", ({ view }) => view.moves.length === 2);
  assert.equal((await back.match.input(move("Nf3"))).turn, 3);
  await back.leave();
  second.close();
  assert.equal((await server.player(t, "Ada", { storage })).lobby, undefined);
});

test("a second tab takes the place over, and the first one says so", async (t) => {
  const server = await Server.start(t);
  const storage = tab();
  const first = await server.player(t, "Ada", { storage });
  const lobby = await first.lobbies.create({ game: "chess" });
  const away = happens(lobby, "away");
  // As when a tab is duplicated.
  const copy = tab();
  storage.kept.forEach((value, name) => copy.kept.set(name, value));
  const second = await server.player(t, "Ada", { storage: copy });
  assert.equal(second.lobby?.id, lobby.id);
  assert.equal((await away).isFinal, true);
  await assert.rejects(lobby.chat("is anybody there?"), { code: "E_OFFLINE", message: /another tab/ });
  await second.lobby?.chat("yes");
});

test("where a second tab is refused, it gets the place when the first has left it", async (t) => {
  const server = await Server.start(t, ["--lobbies-second-tab", "refuse"]);
  const storage = tab();
  const first = await server.player(t, "Ada", { storage });
  const lobby = await first.lobbies.create({ game: "chess" });
  const copy = tab();
  storage.kept.forEach((value, name) => copy.kept.set(name, value));
  assert.equal((await server.player(t, "Ada", { storage: copy })).lobby, undefined);
  await lobby.chat("still here");
  const away = happens(lobby, "away");
  first.close();
  await away;
  const third = await server.player(t, "Ada", { storage: copy });
  await until("the place", (again) => third.on("lobby", again), () => third.lobby?.id === lobby.id);
  const back = happens(third.lobby as Lobby, "back");
  cut(third);
  assert.deepEqual(await back, { isComplete: true });
  await third.lobby?.chat("still here");
});

test("so much may wait for a connection, and no more", async (t) => {
  const server = await Server.start(t);
  const [host, , ada] = await match(t, server, { game: "circles" });
  await state(host.match, "the first", () => true);
  const away = happens(host, "away");
  cut(ada);
  await away;
  const steer = (x: number) => host.match.input({ type: "steer", x, y: 0 });
  const inputs = Array.from({ length: 64 }, (_, i) => steer(i / 64));
  await assert.rejects(steer(1), { code: "E_OFFLINE" });
  await Promise.all(inputs);
  await state(host.match, "all of them", () => host.match.pending.length === 0);
  await steer(1);
});

test("a server that was restarted is said to have forgotten the place", async (t) => {
  const server = await Server.start(t);
  const storage = tab();
  const parlor = await server.player(t, "Ada", { storage });
  const lobby = await parlor.lobbies.create({ game: "chess" });
  const over = happens(lobby, "over");
  const lost = happens(parlor, "offline");
  await server.stop();
  assert.equal((await lost).isFinal, false);
  const waiting = lobby.chat("hello?");
  const refused = assert.rejects(waiting, { code: "E_OVER" });
  await Server.start(t, [], server.port);
  const { reason, error } = await over;
  assert.equal(reason, "lost");
  assert.ok(error instanceof ParlorError && error.code === "E_TOKEN", String(error));
  assert.match(error.message, /^your place was not kept: /);
  await refused;
  // And there is another one to be had.
  const next = await parlor.lobbies.create({ game: "chess" });
  assert.deepEqual([parlor.lobby, next.seat], [next, 0]);
});

test("a change that is missing is asked for", async (t) => {
  const server = await Server.start(t);
  const [host, guest, , bob] = await match(t, server, { game: "chess" });
  const heard: string[] = [];
  guest.on("chat", ({ text }) => heard.push(text));
  const [hear] = bob.socket.listenersAny();
  const forged = (changed: object): void => hear?.("changed", changed);
  const back = happens(guest, "back");
  const { version } = guest.info;
  forged({ version: version + 5, change: { type: "chat", name: "Eve", text: "?", at_ms: 0 } });
  assert.deepEqual(await back, { isComplete: true });
  forged({ version, change: { type: "chat", name: "Eve", text: "again", at_ms: 0 } });
  await host.chat("hello");
  await until("what was said", (again) => guest.on("chat", again), () => heard.length > 0);
  assert.deepEqual(heard, ["hello"]);
  await guest.chat("hello");
});

test("the audience is joined again, and counted", async (t) => {
  const server = await Server.start(t);
  const [ada, eve] = [await server.player(t, "Ada"), await server.player(t, "Eve")];
  const host = await ada.lobbies.create({ game: "chess" });
  const watcher = await eve.lobbies.join({ code: host.code, role: "audience" });
  assert.equal(watcher.seat, undefined);
  await until("one", (again) => host.on("audience", again), () => host.info.audience === 1);
  const back = happens(watcher, "back");
  cut(eve);
  await back;
  await host.poll({ question: "?", options: ["a", "b"], seconds: 60 });
  await until("the poll", (again) => watcher.on("poll", again), () => watcher.info.poll);
  const tally = happens(host, "tally");
  await watcher.vote(1);
  assert.deepEqual((await tally).votes, [0, 1]);
});
