// From gathering to a match, to its end and to the next one.

import { between, check, equal, group, that } from "../harness.mjs";
import { Player, match } from "./player.mjs";

/** The player whose turn it is, and the other, as the newest state says. */
async function sides(...players) {
  const { view } = await players[0].state("that begins");
  const of = (seat) => players.find((player) => player.seat === seat);
  return { white: of(view.white), black: of(view.black) };
}

const move = (text) => ({ type: "move", move: text });

/** Plays moves in turn, each seen by all before the next. */
async function play(players, { white, black }, ...moves) {
  for (const [ply, text] of moves.entries()) {
    const { turn } = await (ply % 2 === 0 ? white : black).accepted("action", move(text));
    for (const one of players) await one.state(`after ${text}`, (state) => state.turn >= turn);
  }
}

group("match", () => {
  check("fool's mate, a rematch with swapped sides, and a resignation", async (t) => {
    const players = await match(t, { config: { white: "host" } }, {}, { role: "spectator" });
    const [host, guest, watcher] = players;
    await play(players, await sides(host, guest), "f3", "e5", "g4", "Qh4#");
    for (const one of players) {
      const { outcome } = await one.change("finished");
      equal(outcome, { winners: [1], reason: "checkmate" }, "the outcome");
    }
    await host.refused("E_MATCH_OVER", "action", move("e4"));
    await watcher.refused("E_FORBIDDEN", "rematch");
    await host.accepted("rematch");
    await guest.change("ready", { seat: 0, ready: true });
    // Wanting it twice is wanting it.
    await host.accepted("rematch");
    await guest.accepted("rematch");
    for (const one of players) await one.change("started", { number: 2 });
    const second = await watcher.state("of the rematch", (state) => state.number === 2);
    equal([second.view.white, second.view.black], [1, 0], "the sides");
    await host.accepted("action", { type: "resign" });
    for (const one of players) {
      equal((await one.change("finished")).outcome.winners, [1], "who won");
    }
    equal(host.changes("started").length, 2, "matches that began");
  });

  check("moves are checked, and only players play", async (t) => {
    const [host, guest, watcher] = await match(t, {}, {}, { role: "spectator" });
    const { white, black } = await sides(host, guest);
    await black.refused("E_TURN", "action", move("e5"));
    await white.refused("E_ILLEGAL_MOVE", "action", move("Ke2"));
    await watcher.refused("E_NOT_IN_MATCH", "action", move("e4"));
    await white.refused("E_BAD_REQUEST", "action", { type: "teleport" });
    await white.accepted("action", move("e4"));
    for (const one of [host, guest, watcher]) {
      equal((await one.next("event")).event.san, "e4", "what all hear");
    }
  });

  check("everybody sees the legal moves of nobody but themselves", async (t) => {
    const [host, guest, watcher] = await match(t, {}, {}, { role: "spectator" });
    const { white, black } = await sides(host, guest);
    equal((await white.state("of white")).view.legal.length, 20, "for the side to move");
    for (const one of [black, watcher]) {
      equal((await one.state("of the others")).view.legal, [], "for the others");
    }
  });

  check("an input is done once, however often it comes", async (t) => {
    const [host, guest] = await match(t);
    const { white, black } = await sides(host, guest);
    const [first, again] = await Promise.all([
      white.accepted("input", 1, move("e4")),
      white.accepted("input", 1, move("e4")),
    ]);
    equal([first.turn, again.turn], [1, 1], "actions accepted");
    await black.accepted("input", 1, move("e5"));
    const state = await host.state("after both", ({ turn }) => turn === 2);
    equal(state.applied, { 0: 1, 1: 1 }, "numbers applied");
    await white.refused("E_BAD_REQUEST", "input", -1, move("d4"));
  });

  check("who leaves a match gives it up, and the seat is taken by the next", async (t) => {
    const [host, guest] = await match(t);
    await guest.accepted("leave");
    await host.change("left", { seat: 1, reason: "left" });
    const { outcome } = await host.change("finished");
    equal(outcome.winners, [0], "who won");
    const next = await Player.open(t);
    equal((await next.join(host.lobby)).seat, 1, "the seat");
    equal(next.lobby.state.outcome, outcome, "what the next one sees of the last match");
    await next.accepted("rematch");
    await host.accepted("rematch");
    await host.change("started", { number: 2 });
  });

  check("a lobby that everybody has left is no more", async (t) => {
    const [host, guest] = await match(t);
    await host.accepted("leave");
    await guest.accepted("leave");
    await guest.refused("E_NOT_FOUND", "join", { code: host.lobby.code, name: "Ada" });
    await guest.refused("E_TOKEN", "resume", { token: guest.token });
  });

  check("draws are offered, declined, offered and accepted", async (t) => {
    const players = await match(t);
    const [host, guest] = players;
    const seats = await sides(host, guest);
    await play(players, seats, "e4", "e5");
    await host.accepted("action", { type: "offer_draw" });
    const offered = await guest.until("the offer", () =>
      guest.all("event").find(({ event }) => event.type === "draw_offered"),
    );
    equal(offered.event.seat, 0, "who offers");
    await guest.accepted("action", { type: "decline_draw" });
    await guest.refused("E_DRAW_OFFER", "action", { type: "accept_draw" });
    await guest.accepted("action", { type: "offer_draw" });
    await host.accepted("action", { type: "accept_draw" });
    const { outcome } = await guest.change("finished");
    equal(outcome, { winners: [], reason: "agreement" }, "the outcome");
  });

  check("a flag falls by itself, on the server", async (t) => {
    const config = { white: "host", clock: { initial_ms: 1000, increment_ms: 100 } };
    const players = await match(t, { config }, {}, { role: "spectator" });
    const [host, guest, watcher] = players;
    const { clock } = (await watcher.state("that begins")).view;
    equal([clock.white_ms, clock.black_ms, clock.since_ms], [1000, 1000, undefined], "the clock");
    that(clock.first_move_until_ms > Date.now(), "the first move", "a time to come", clock);
    await play(players, await sides(host, guest), "e4", "e5", "Nf3");
    const running = await watcher.state("of black to move", ({ turn }) => turn === 3);
    between(running.view.clock.white_ms, 101, 1100, "what white has left");
    const { outcome } = await watcher.change("finished");
    equal(outcome, { winners: [0], reason: "time" }, "the outcome");
    const { view } = await watcher.state("of the end", (state) => state.outcome);
    equal([view.clock.black_ms, view.clock.since_ms], [0, undefined], "black's clock");
  });

  check("a game has a say in its configuration", async (t) => {
    const player = await Player.open(t);
    const create = { game: "chess", name: "Ada" };
    await player.refused("E_BAD_CONFIG", "create", { ...create, config: { fen: "nonsense" } });
    await player.refused("E_BAD_CONFIG", "create", { ...create, config: { wood: "oak" } });
    const { lobby } = await player.create({ config: { white: "guest" } });
    equal(lobby.config.white, "guest", "the configuration");
    that(lobby.needed === 2 && lobby.capacity === 2, "seats", "two", lobby);
  });
});
