// Seats outlive sockets: what others see of a loss, and what who comes back is sent.

import { randomUUID } from "node:crypto";
import { WAIT_MS, check, equal, group, that } from "../harness.mjs";
import { Player, gather, match, unique } from "./player.mjs";

const move = (text) => ({ type: "move", move: text });

group("returns", () => {
  check("a lost connection keeps the seat, and its token brings it back", async (t) => {
    const [host, guest, watcher] = await match(t, {}, {}, { role: "spectator" });
    guest.drop();
    for (const one of [host, watcher]) {
      const dropped = await one.change("dropped", { seat: 1 });
      that(dropped.kept_until_ms > Date.now(), "until when", "a time to come", dropped);
    }
    const seen = await host.look(t);
    equal(seen.seats.find(({ seat }) => seat === 1).connected, false, "how the seat stands");
    const back = await Player.open(t);
    const { seat, lobby, token } = await back.resume(guest.token);
    equal([seat, lobby.phase, lobby.state.number], [1, "playing", 1], "what it comes back to");
    that(token !== guest.token, "the token", "a new one", token);
    for (const one of [host, watcher]) await one.change("returned", { seat: 1 });
    const { view } = await back.state("to play on");
    const mover = [host, back].find((one) => one.seat === view[view.turn]);
    await mover.accepted("action", move("e4"));
  });

  check("a token works once, and nobody else's does", async (t) => {
    const [, guest] = await gather(t);
    guest.drop();
    const back = await Player.open(t);
    await back.resume(guest.token);
    // The seat's next request shows that the new token arrived.
    await back.accepted("ready", { ready: true });
    const thief = await Player.open(t);
    await thief.refused("E_TOKEN", "resume", { token: guest.token });
    await thief.refused("E_TOKEN", "resume", { token: "A".repeat(24) });
    await thief.refused("E_TOKEN", "resume", { token: "not a token" });
  });

  check("the answer that was lost with its token is given again", async (t) => {
    const [, guest] = await gather(t);
    guest.drop();
    const first = await Player.open(t);
    await first.resume(guest.token);
    first.drop();
    const second = await Player.open(t);
    equal((await second.resume(guest.token)).seat, 1, "the seat");
  });

  check("a second tab takes the place over, and the first is told", async (t) => {
    const [host, guest] = await gather(t);
    const tab = await Player.open(t);
    await tab.resume(guest.token);
    equal(await guest.until("the end", () => guest.gone), "io server disconnect", "why it ended");
    await tab.accepted("chat", { text: "it is me" });
    await host.change("chat", { text: "it is me" });
    equal([host.changes("dropped"), host.changes("left")], [[], []], "what others saw");
  });

  check("who says what they have seen gets what they missed, one by one", async (t) => {
    const [host, guest, watcher] = await match(t, {}, {}, { role: "spectator" });
    const seen = guest.version;
    guest.drop();
    await host.change("dropped", { seat: 1 });
    await host.accepted("chat", { text: "one" });
    await watcher.accepted("chat", { text: "two" });
    const back = await Player.open(t);
    const { missed, lobby } = await back.resume(guest.token, { version: seen });
    equal(missed, 4, "what was missed");
    equal((await back.change("dropped")).seat, 1, "its own loss");
    for (const text of ["one", "two"]) await back.change("chat", { text });
    await back.change("returned", { seat: 1 });
    equal(back.version, lobby.version, "the version");
    await host.accepted("chat", { text: "three" });
    await back.change("chat", { text: "three" });
  });

  check("who does not say, or was never there, gets the lobby as it stands", async (t) => {
    const [, guest] = await match(t);
    guest.drop();
    const back = await Player.open(t);
    equal((await back.resume(guest.token)).missed, undefined, "without a version");
    back.drop();
    const again = await Player.open(t);
    const { missed } = await again.resume(back.token, { version: 1_000_000 });
    equal(missed, undefined, "with one that never was");
  });

  check("a spectator comes back too, and nobody is told", async (t) => {
    const [host, watcher] = await gather(t, {}, { role: "spectator" });
    await host.change("spectators", { count: 1 });
    watcher.drop();
    const back = await Player.open(t);
    const { seat, lobby } = await back.resume(watcher.token);
    equal([seat, lobby.spectators], [undefined, 1], "its place");
    await back.accepted("chat", { text: "still here" });
    await host.change("chat", { text: "still here" });
    equal(host.changes("dropped"), [], "losses told");
  });

  check("who polls, and who upgrades, drops and comes back alike", async (t) => {
    const [host] = await gather(t, {}, { role: "spectator" });
    let token;
    for (const transports of [["polling"], ["polling", "websocket"], ["websocket"]]) {
      const guest = await Player.open(t, { transports });
      if (token) await guest.resume(token);
      else await guest.join(host.lobby);
      token = guest.token;
      await host.until("the seat", () => host.changes(token ? "joined" : "returned").length > 0);
      guest.drop();
      await host.change("dropped", { seat: 1 });
    }
  });

  check("what was asked with a key leads to the same place by another connection", async (t) => {
    const [maker, comer] = [await Player.open(t), await Player.open(t)];
    const create = { key: randomUUID() };
    await maker.create(create);
    maker.drop();
    const made = await Player.open(t);
    const { lobby, created } = await made.create(create);
    equal([lobby.id, created, made.seat], [maker.lobby.id, true, 0], "the lobby");
    const join = { key: randomUUID(), name: unique("guest") };
    await comer.join(made.lobby, join);
    comer.drop();
    const joined = await Player.open(t);
    await joined.join(made.lobby, join);
    equal([joined.seat, joined.lobby.seats.length], [1, 2], "the seat");
    await joined.join(made.lobby, join);
    equal(joined.seat, 1, "the seat of who asks twice");
    await joined.refused("E_IN_LOBBY", "join", { ...join, code: made.lobby.code, key: randomUUID() });
    await joined.refused("E_BAD_REQUEST", "join", { ...join, code: made.lobby.code, key: "short" });
  });

  check("the client's own retries make one lobby, however it is cut meanwhile", async (t) => {
    const again = { reconnection: true, reconnectionDelay: 1, retries: 5, ackTimeout: WAIT_MS };
    for (const wait of [(next) => next(), queueMicrotask, setImmediate]) {
      const player = await Player.open(t, again);
      const metadata = { word: unique("retry") };
      const create = { game: "chess", name: "A", visibility: "public", metadata, key: randomUUID() };
      const answered = player.socket.emitWithAck("create", create);
      wait(() => player.drop());
      const { ok, lobby, seat } = await answered;
      equal([ok, seat, lobby.metadata], [true, 0, metadata], "the answer");
      const { lobbies } = await player.accepted("list", { metadata });
      equal(lobbies.map(({ id }) => id), [lobby.id], "lobbies there are");
    }
  });
});
