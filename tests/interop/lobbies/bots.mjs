// Seats that nobody plays: who seats bots, what they do, and how they make way. And people who come
// while a match is on.

import { check, equal, group, that } from "../harness.mjs";
import { Player, gather, match, unique } from "./player.mjs";

const steer = (x, y) => ({ type: "steer", x, y });

/** Where the circle of a seat is, in a state of circles. */
const at = ({ view }, seat) => view.circles.find((circle) => circle.seat === seat);

/** Waits until the circle of a seat has moved in this player's states. */
async function moves(player, seat) {
  const { x, y } = at(await player.state(`with seat ${seat}`, (state) => at(state, seat)), seat);
  await player.state(`in which seat ${seat} has moved`, (state) => {
    const now = at(state, seat);
    return now && (now.x !== x || now.y !== y);
  });
}

group("bots", () => {
  check("a person plays chess against the computer", async (t) => {
    const host = await Player.open(t);
    await host.create({ config: { white: "host" } });
    equal((await host.accepted("bot")).seat, 1, "the bot's seat");
    const { colour, ...bot } = await host.change("joined");
    const expected = { type: "joined", seat: 1, name: "Bot", connected: true, ready: true };
    equal(bot, { ...expected, bot: true }, "how the seat is told");
    that(typeof colour === "string", "its colour", "one", colour);
    await host.accepted("start");
    const ofBlack = () => host.all("event").filter(({ event }) => event.side === "black").length;
    for (let n = 1; n <= 3; n += 1) {
      const { view } = await host.state("of white", (state) => state.view.legal.length > 0);
      await host.accepted("action", { type: "move", move: view.legal[0] });
      await host.until(`move ${n} of the bot`, () => ofBlack() === n);
      await host.state("after it", (state) => state.turn >= 2 * n);
    }
    equal((await host.look(t)).seats[1].ready, true, "ready, as ever");
    await host.accepted("action", { type: "resign" });
    await host.change("finished");
    await host.accepted("rematch");
    await host.change("started", { number: 2 });
  });

  check("seating bots, and sending them away, is the host's", async (t) => {
    const [host, guest] = await gather(t, { game: "circles", capacity: 3 });
    await guest.refused("E_FORBIDDEN", "bot");
    await guest.refused("E_FORBIDDEN", "settings", { fill: true });
    equal((await host.accepted("bot")).seat, 2, "the seat");
    await host.refused("E_FULL", "bot");
    await host.refused("E_SEAT", "host", { seat: 2 });
    await guest.refused("E_FORBIDDEN", "kick", { seat: 2 });
    await host.refused("E_BAD_REQUEST", "kick", { seat: 2, ban: "player" });
    await host.accepted("kick", { seat: 2 });
    await guest.change("left", { seat: 2, reason: "kicked" });
    await (await Player.open(t)).join(host.lobby);
  });

  check("a game without bots has none", async (t) => {
    const host = await Player.open(t);
    await host.refused("E_FORBIDDEN", "create", { game: "relay", name: "Ada", fill: true });
    await host.create({ game: "relay" });
    await host.refused("E_FORBIDDEN", "bot");
    await host.refused("E_FORBIDDEN", "settings", { fill: true });
  });

  check("bots fill what is free as a match begins, and play", async (t) => {
    const host = await Player.open(t);
    await host.create({ game: "circles", capacity: 3, fill: true });
    equal(host.lobby.seats.length, 1, "seats taken before");
    await host.accepted("start");
    for (const [seat, name] of [[1, "Bot"], [2, "Bot 2"]])
      await host.change("joined", { seat, name, bot: true });
    await host.change("started");
    for (const seat of [1, 2]) await moves(host, seat);
  });

  check("who comes while a match is on takes the place of a bot, and it theirs", async (t) => {
    const mark = unique("mark");
    const host = await Player.open(t);
    const lobby = { visibility: "public", metadata: { mark }, capacity: 2, fill: true };
    await host.create({ game: "circles", ...lobby });
    await host.accepted("start");
    await host.change("started");
    const listed = async () => {
      const { lobbies } = await host.accepted("list", { metadata: { mark } });
      return [lobbies[0].players, lobbies[0].bots];
    };
    equal(await listed(), [1, 1], "people and bots in the list");
    const guest = await Player.open(t);
    equal((await guest.join(host.lobby)).seat, 1, "the seat");
    await host.change("left", { seat: 1, reason: "made_way" });
    equal((await host.change("joined", { seat: 1 })).bot, undefined, "whether it is a bot");
    equal(await listed(), [2, undefined], "people and bots then");
    await guest.accepted("action", steer(1, 0.5));
    await moves(host, 1);
    const late = { code: host.lobby.code, name: unique("late") };
    await (await Player.open(t)).refused("E_FULL", "join", late);
    await guest.accepted("leave");
    await host.change("joined", { seat: 1, bot: true });
  });

  check("in chess, who comes after a match takes the bot's place in the next", async (t) => {
    const host = await Player.open(t);
    await host.create();
    await host.accepted("bot");
    await host.accepted("start");
    const guest = await Player.open(t);
    const join = { code: host.lobby.code, name: "Bob" };
    const reply = await guest.ask("join", join);
    that(!reply.ok, "joining while the match is on", "refused", reply);
    await host.accepted("action", { type: "resign" });
    await host.change("finished");
    await guest.join(host.lobby, { name: "Bob" });
    await host.change("left", { seat: 1, reason: "made_way" });
    for (const one of [host, guest]) await one.accepted("rematch");
    const { players } = await guest.state("of the second match", (state) => state.number === 2);
    equal(players[1], { seat: 1, name: "Bob" }, "who plays");
  });
});

group("late", () => {
  check("who comes while a match is on takes a free seat, if the game lets them", async (t) => {
    const [host, guest] = await match(t, { game: "circles" });
    const late = await Player.open(t);
    const { lobby, seat } = await late.join(host.lobby);
    equal([lobby.phase, seat], ["playing", 2], "the phase and the seat");
    for (const one of [host, guest]) await one.change("joined", { seat: 2 });
    await late.accepted("action", steer(-1, 0));
    for (const one of [guest, late]) await moves(one, 2);
    await late.accepted("leave");
    await host.change("left", { seat: 2, reason: "left" });
    equal((await late.join(host.lobby)).seat, 2, "the seat of who comes again");
  });

  check("a relay tells its host of who comes late", async (t) => {
    const [host] = await match(t, { game: "relay" });
    const late = await Player.open(t);
    await late.join(host.lobby);
    await host.state("with the third", ({ view }) => view.seats.includes(2));
    await late.accepted("action", { type: "send", to: "host", data: "hello" });
    equal((await host.next("event")).event.from, 2, "who speaks");
  });
});
