// From a ticket to a match: who seeks one is told, gets a seat in a lobby, and plays.

import { readFileSync } from "node:fs";
import { Chess } from "chess.js";
import { check, equal, group, that } from "../harness.mjs";
import { Player } from "../lobbies/player.mjs";
import { BY_WAY, Seeker, TICKET_ID, assigned, playing, seekers } from "./seeker.mjs";

const OPENINGS = new URL("../../data/chess-openings/c.tsv", import.meta.url);
const MATE = ["e4", "e5", "Bc4", "Nc6", "Qh5", "Nf6", "Qxf7#"];

/** The moves of the longest line in the collection. */
function longestLine() {
  const lines = readFileSync(OPENINGS, "utf8").trim().split("\n").slice(1);
  const pgns = lines.map((line) => line.split("\t")[2]);
  const longest = pgns.reduce((a, b) => (b.length > a.length ? b : a));
  const game = new Chess();
  game.loadPgn(longest);
  return game.history();
}

/** Plays these moves by turns, and compares the position with what another library makes of them. */
async function play(players, moves) {
  const board = new Chess();
  for (const [i, move] of moves.entries()) {
    board.move(move);
    await players[i % 2].accepted("action", { type: "move", move });
  }
  for (const player of players) {
    const { view } = await player.state("after all", ({ turn }) => turn === moves.length);
    equal(view.fen.split(" ").slice(0, 3), board.fen().split(" ").slice(0, 3), "the position");
  }
}

group("seeking", () => {
  for (const [way, options] of BY_WAY) {
    check(`two queue, and play a game of chess to its end, ${way}`, async (t) => {
      const all = await assigned(t, "duel", 2, options);
      const [one, two] = all.map(({ assignment }) => assignment);
      equal([one.lobby, one.code, one.game], [two.lobby, two.code, "chess"], "the lobby");
      equal([one.seat, two.seat].toSorted(), [0, 1], "the seats");
      equal([one.team, two.team], [one.seat, two.seat], "the teams");
      that(one.token !== two.token, "the tokens", "two", [one.token, two.token]);
      that(one.left_ms > 10_000 && one.left_ms <= 15_000, "the time to come", "15 s", one.left_ms);
      const players = await playing(t, all);
      await play(players, MATE);
      for (const player of players) {
        const { outcome } = await player.change("finished");
        equal(outcome, { winners: [0], reason: "checkmate" }, "the outcome");
      }
    });
  }

  check("a whole opening is played, and resigned", async (t) => {
    const players = await playing(t, await assigned(t, "duel", 2));
    const moves = longestLine();
    that(moves.length > 20, "the moves of the longest line", "over 20", moves.length);
    await play(players, moves);
    await players[1].accepted("action", { type: "resign" });
    const { outcome } = await players[0].change("finished");
    equal(outcome.winners, [0], "who has won");
  });

  check("who wants a side gets it if nobody else does", async (t) => {
    for (const side of [0, 1]) {
      const [one] = await assigned(t, "duel", 2, { requests: [{ side }] });
      equal(one.assignment.seat, side, "the seat");
    }
  });

  check("a side that there is not is no wish", async (t) => {
    const all = await assigned(t, "duel", 2, { requests: [{ side: 9 }, { side: 255 }] });
    equal(all.map(({ assignment }) => assignment.seat).toSorted(), [0, 1], "the seats");
  });

  check("names are those of the tickets, and two of one name are told apart", async (t) => {
    const requests = [{ name: "Ada" }, { name: "Ada" }];
    const players = await playing(t, await assigned(t, "duel", 2, { requests }));
    const { seats } = await players[0].look(t);
    const names = seats.map(({ name }) => name);
    that(names[0] !== names[1] && names.includes("Ada"), "the names", "two, one Ada", names);
  });

  check("who says no name is Player", async (t) => {
    const one = await Seeker.open(t);
    await one.accepted("create", { queue: "duel" });
    const [two] = await seekers(t, "duel", 1);
    one.ticket = (await one.next("ticket", { state: "assigned" })).ticket;
    that(TICKET_ID.test(one.ticket), "the ticket", "24 letters", one.ticket);
    one.assignment = (await one.accepted("ticket")).assignment;
    const [player] = await playing(t, [one, two]);
    const { seats } = await player.look(t);
    equal(seats[one.assignment.seat].name, "Player", "the name");
  });

  check("the seat is nobody else's: its token works once, and there is no other", async (t) => {
    const all = await assigned(t, "duel", 2);
    const [white] = await playing(t, all);
    await white.accepted("action", { type: "move", move: "e4" });
    const { token, code } = all.find(({ assignment: { seat } }) => seat === 0).assignment;
    const thief = await Player.open(t);
    await thief.refused("E_TOKEN", "resume", { token });
    await thief.refused("E_PHASE", "join", { code, name: "Eve" });
    equal(white.lobby.code, code, "the code for friends");
  });

  check("the same socket may seek the next match while one is on", async (t) => {
    const all = await assigned(t, "duel", 2);
    await playing(t, all);
    const before = all.map(({ ticket }) => ticket);
    for (const one of all) await one.seek("duel");
    for (const one of all) await one.assigned();
    that(all.every(({ ticket }, i) => ticket !== before[i]), "the tickets", "new ones", before);
    const lobbies = new Set(all.map(({ assignment }) => assignment.lobby));
    equal(lobbies.size, 1, "the lobbies");
    await playing(t, all);
  });
});
