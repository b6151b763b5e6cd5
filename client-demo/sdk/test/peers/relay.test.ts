// Peers by the SDK, against a server: in Node without WebRTC, so all is relayed.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Lobby, Parlor } from "../../src/index.js";
import { type Peers, peersOf, type PeersOptions } from "../../src/peers/index.js";
import { encrypt } from "../../src/peers/encrypt.js";
import { encode, FLAG_JSON, KIND_VOLATILE } from "../../src/peers/frame.js";
import { Server, until } from "../server.js";

interface Player {
  parlor: Parlor;
  lobby: Lobby;
}

async function gathered(t: TestContext, server: Server, n: number): Promise<Player[]> {
  const players: Player[] = [];
  for (let i = 0; i < n; i++) {
    const parlor = await server.player(t, `Player ${i}`);
    const [first] = players;
    const lobby = first
      ? await parlor.lobbies.join(first.lobby.code)
      : await parlor.lobbies.create({ game: "relay" });
    players.push({ parlor, lobby });
  }
  return players;
}

async function linked(t: TestContext, n: number, options: PeersOptions = {}) {
  const server = await Server.start(t);
  const players = await gathered(t, server, n);
  const peers = await Promise.all(players.map(({ lobby }) => peersOf(lobby, options)));
  for (const one of peers)
    await until(
      "the others",
      (again) => one.on("peer", again),
      () => one.list.length === n - 1 && one.list.every((peer) => peer.isLinked),
    );
  return { server, players, peers };
}

/** Gathers what one hears. */
function ear(peers: Peers) {
  const heard: unknown[] = [];
  peers.on("message", ({ data }) => heard.push(data));
  const count = (n: number): Promise<unknown> =>
    until(`${n} messages`, (again) => peers.on("message", again), () => heard.length >= n);
  return { heard, count };
}

test("peers of a lobby send each other what they like, from the first moment on", async (t) => {
  const { peers } = await linked(t, 3);
  const ears = peers.map(ear);
  const [a, b] = peers;
  assert(a && b);
  void a.send("reliable", { text: "hello", n: [1, 2] });
  await a.send("reliable", Uint8Array.of(1, 2, 3));
  void b.list.find(({ seat }) => seat === 0)?.send("volatile", "quick", 7);
  await ears[1]?.count(2);
  await ears[2]?.count(2);
  await ears[0]?.count(1);
  for (const { heard } of ears.slice(1))
    assert.deepEqual(heard, [{ text: "hello", n: [1, 2] }, Uint8Array.of(1, 2, 3)]);
  assert.deepEqual(ears[0]?.heard, ["quick"]);
  assert(a.isHost && !b.isHost && b.host?.seat === 0);
});

test("a mebibyte arrives within what may be relayed", async (t) => {
  const { peers } = await linked(t, 2);
  const [a, b] = peers;
  assert(a && b);
  const big = new Uint8Array(1024 * 1024).map((_, i) => i * 31);
  const { heard, count } = ear(b);
  await a.send("reliable", big);
  await a.send("reliable", "after");
  await count(2);
  assert.deepEqual(heard, [big, "after"]);
  const code = "E_TOO_LARGE";
  await assert.rejects(a.send("reliable", new Uint8Array(1024 * 1024 + 1)), { code });
  await assert.rejects(a.send("volatile", new Uint8Array(16 * 1024 + 1)), { code });
});

test("who sends without waiting is refused at four mebibytes", async (t) => {
  const { peers } = await linked(t, 2);
  const [peer] = peers[0]?.list ?? [];
  assert(peer);
  let n = 0;
  assert.throws(
    () => {
      for (; n < 100; n++) void peer.send("reliable", new Uint8Array(256 * 1024));
    },
    { code: "E_FULL" },
  );
  assert.equal(n, 16);
});

test("a connection that is cut comes back to its links, and nothing is lost", async (t) => {
  const { players, peers } = await linked(t, 2);
  const [a, b] = peers;
  assert(a && b && players[0]);
  const { heard, count } = ear(b);
  const other = ear(a);
  const [before] = a.list;
  const N = 600;
  for (let n = 0; n < N; n++) {
    if (n === 200 || n === 400) players[n === 200 ? 0 : 1]?.parlor.socket.io.engine.close();
    void a.send("reliable", n);
    void b.send("reliable", n);
    await new Promise((done) => setImmediate(done));
  }
  await count(N);
  await other.count(N);
  const all = Array.from({ length: N }, (_, n) => n);
  assert.deepEqual(heard, all);
  assert.deepEqual(other.heard, all);
  assert.equal(a.list[0], before);
});

test("what is encrypted is read by the other end, and by nobody who has no key", async (t) => {
  const { peers, players } = await linked(t, 2, { encrypt });
  const [a, b] = peers;
  assert(a && b && players[0]);
  const { heard } = ear(b);
  const seen: Uint8Array[] = [];
  const { io } = players[0].parlor.socket;
  io.engine.on("packetCreate", ({ data }: { data?: unknown }) => {
    if (ArrayBuffer.isView(data)) seen.push(new Uint8Array(data.buffer));
  });
  const big = new Uint8Array(100_000).fill(7);
  for (let n = 0; n < 100; n++) {
    void a.send("reliable", `secret ${n}`);
    void a.send("volatile", n, { key: n % 3 });
  }
  await a.send("reliable", big);
  const isBig = (one: unknown): boolean => one instanceof Uint8Array;
  await until("the last", (again) => b.on("message", again), () => heard.some(isBig));
  const texts = heard.filter((one) => typeof one === "string");
  assert.deepEqual(texts, Array.from({ length: 100 }, (_, n) => `secret ${n}`));
  assert.deepEqual(heard.filter(isBig), [big]);
  assert(seen.length > 0);
  assert(!seen.some((bytes) => new TextDecoder().decode(bytes).includes("secret")));
  // What a server would slip in.
  const plain = encode(KIND_VOLATILE, FLAG_JSON, 1, 9, new TextEncoder().encode('"forged"'));
  b.list[0]?.linked?.receive(plain, "relay");
  await a.send("reliable", "last");
  await until("the last", (again) => b.on("message", again), () => heard.includes("last"));
  assert(!heard.includes("forged"));
  const codes = await Promise.all([a.list[0]?.safetyCode(), b.list[0]?.safetyCode()]);
  assert.match(codes[0] ?? "", /^(\d{5} ){7}\d{5}$/);
  assert.equal(codes[0], codes[1]);
});

test("who encrypts has no link to who does not", async (t) => {
  const server = await Server.start(t);
  const [one, two] = await gathered(t, server, 2);
  assert(one && two);
  const open = await peersOf(one.lobby);
  const closed: string[] = [];
  open.on("closed", ({ reason }) => closed.push(reason));
  await peersOf(two.lobby, { encrypt });
  await until("the end", (again) => open.on("closed", again), () => closed.length > 0);
  assert.deepEqual(closed, ["key"]);
});

test("the host keeps a state, which comes to the next one", async (t) => {
  const { players, peers } = await linked(t, 3);
  const [a, b] = peers;
  assert(a && b);
  await a.checkpoint({ score: 3 });
  await assert.rejects(b.checkpoint(1), { code: "E_FORBIDDEN" });
  let told: unknown;
  b.on("host", (event) => (told = event));
  await players[0]?.lobby.leave();
  await until("the next host", (again) => b.on("host", again), () => b.isHost);
  assert.deepEqual(told, { host: undefined, isHost: true, term: 2, checkpoint: { score: 3 } });
  await until("the leave", (again) => b.on("gone", again), () => b.list.length === 1);
});

test("a link is closed, and opened again", async (t) => {
  const { peers } = await linked(t, 2);
  const [a, b] = peers;
  const [peer] = a?.list ?? [];
  assert(a && b && peer);
  let reason = "";
  b.on("closed", (event) => (reason = event.reason));
  await peer.close("for now");
  await until("the end", (again) => b.on("closed", again), () => reason === "for now");
  assert.throws(() => peer.send("reliable", 1), { code: "E_NOT_FOUND" });
  await peer.open();
  await until("a link", (again) => a.on("update", again), () => peer.isLinked);
  const { count } = ear(b);
  await peer.send("reliable", 1);
  await count(1);
});

test("every ten seconds all are told how the links of one are", async (t) => {
  const { peers } = await linked(t, 3);
  const [a, b, c] = peers;
  assert(a && b && c);
  const peer = a.list.find(({ id }) => id === b.id);
  assert(peer);
  const { count } = ear(b);
  for (let n = 1; n <= 5; n++) {
    await peer.send("reliable", n);
    await count(n);
  }
  const seen: unknown[] = [];
  c.on("quality", ({ peer, links }) => {
    if (peer.id === a.id) seen.push(links.map((one) => [one.peer, one.path]));
  });
  await until("quality", (again) => c.on("quality", again), () => seen.length > 0);
  assert.deepEqual(seen[0], a.list.map(({ id }) => [id, "relay"]));
  const { path, rtt_ms = 0, bytes_direct, bytes_relay, switches } = peer.stats();
  assert.deepEqual([path, bytes_direct, switches], ["relay", 0, 0]);
  assert(bytes_relay >= 5 * 13 && rtt_ms > 0 && rtt_ms < 5_000, `${bytes_relay}, ${rtt_ms}`);
});

test("peers end with the lobby, and may come again", async (t) => {
  const { players, peers } = await linked(t, 2);
  const [a, b] = peers;
  assert(a && b && players[0] && players[1]);
  const gone: string[] = [];
  b.on("gone", ({ reason }) => gone.push(reason));
  a.close();
  await until("the end", (again) => b.on("gone", again), () => gone.length > 0);
  const again = await peersOf(players[0].lobby);
  assert.notEqual(again, a);
  await until("both", (look) => b.on("peer", look), () => b.list.length === 1);
  const over: string[] = [];
  again.on("over", ({ reason }) => over.push(reason));
  await players[0].lobby.leave();
  await until("the end", (look) => b.on("gone", look), () => gone.length > 1);
  assert.deepEqual(gone, ["left", "unseated"]);
  assert.equal(over.length, 1);
});
