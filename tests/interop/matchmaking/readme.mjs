// The page that the README quotes, as it stands there, twice; that of parties, four times; and the
// queues that it declares.

import { readFileSync } from "node:fs";
import { io } from "socket.io-client";
import { WAIT_MS, check, equal, group, that, within } from "../harness.mjs";
import { address } from "../lobbies/player.mjs";

const README = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
const MATCHMAKING = README.slice(README.indexOf("## Matchmaking"));
const [[, PAGE], [, PARTY]] = MATCHMAKING.matchAll(/```js\n(.*?)```/gs);
/** Those lines in place of the last two. */
const WITH_PARTY = PAGE.trimEnd().split("\n").slice(0, -2).join("\n") + "\n" + PARTY;
const AsyncFunction = (async () => {}).constructor;

/**
 * One who opens a page with this behind its address: what it shows, and a promise of its seat.
 * Whoever is in its party, as it was shown last, is in `members`.
 */
function open(t, quoted = PAGE, search = "") {
  const lines = quoted.split("\n").filter((line) => !line.startsWith("import "));
  const body = lines.join("\n").replaceAll("http://127.0.0.1:3000", address());
  const there = ["location", "history", "play", "show"];
  const page = new AsyncFunction("io", "seated", "draw", "tell", ...there, body);
  const told = [];
  const connect = (url, options) => {
    const socket = io(url, { ...options, forceNew: true });
    t.defer(() => socket.disconnect());
    return socket;
  };
  const until = {};
  const promise = (name) => new Promise((resolve) => (until[name] = resolve));
  const [seat, view] = [promise("seat"), promise("view")];
  const matched = promise("matched");
  const tell = (text) => {
    told.push(text);
    if (text === "matched") until.matched();
  };
  const [location, play] = [{ search }, {}];
  const history = { replaceState: (_state, _title, url) => (location.search = url) };
  const ready = promise("ready");
  const show = (leader, members) => {
    if (members.length === 2 && members.every((member) => member.ready)) until.ready(leader);
  };
  const done = page(connect, until.seat, until.view, tell, location, history, play, show);
  done.catch((error) => told.push(error));
  return { told, seat, view, matched, done, location, ready, play };
}

/** Two who open the page of parties, one by the other's invitation; the first leads. */
async function duo(t) {
  const ada = open(t, WITH_PARTY);
  await within(WAIT_MS, "the party", ada.done);
  const bob = open(t, WITH_PARTY, ada.location.search);
  equal(await within(WAIT_MS, "that both are ready", ada.ready), 0, "who leads");
  await within(WAIT_MS, "the friend's page", bob.done);
  equal(bob.location.search, ada.location.search, "the address for others");
  return [ada, bob];
}

group("readme", () => {
  check("two who open the page are playing within two seconds", async (t) => {
    const began = performance.now();
    const both = [open(t), open(t)];
    for (const { done } of both) await within(WAIT_MS, "the ticket", done);
    const seats = [];
    for (const { seat } of both) seats.push(await within(WAIT_MS, "the seat", seat));
    equal(seats.map(({ ok }) => ok), [true, true], "whether they are seated");
    equal(seats.map(({ seat }) => seat).toSorted(), [0, 1], "the seats");
    equal(seats[0].lobby.id, seats[1].lobby.id, "the lobby");
    for (const { matched, view } of both) {
      await within(WAIT_MS, "that all have come", matched);
      that((await within(WAIT_MS, "the board", view)).fen, "what is drawn", "a board", both);
    }
    const ms = performance.now() - began;
    that(ms < 2_000, "how long it took", "under 2 s", ms);
  });

  check("two who open the page of parties, and their friends, play two against two", async (t) => {
    const all = [...(await duo(t)), ...(await duo(t))];
    for (const leader of [all[0], all[2]]) await leader.play.onclick();
    const seats = [];
    for (const { seat, matched, view, told } of all) {
      seats.push((await within(WAIT_MS, "the seat", seat)).seat);
      await within(WAIT_MS, "that all have come", matched);
      equal((await within(WAIT_MS, "the match", view)).seats, [0, 1, 2, 3], "who plays");
      that(told.every((one) => !(one instanceof Error)), "what went wrong", "nothing", told);
    }
    const teams = seats.map((seat) => seat >> 1);
    equal([teams[0], teams[2], teams[0] + teams[2]], [teams[1], teams[3], 1], "the teams");
  });

  check("the queues are there as they are declared", async (t) => {
    const socket = io(`${address()}/matchmaking`, { forceNew: true });
    t.defer(() => socket.disconnect());
    const { queues } = await socket.timeout(WAIT_MS).emitWithAck("queues");
    const shown = queues.map((queue) => [queue.name, queue.teams, queue.team_size, queue.rated]);
    equal(shown, [
      ["blitz", 2, 1, false],
      ["casual", 2, 1, false],
      ["duos", 2, 2, false],
      ["squads", 2, 3, true],
    ], "the queues");
  });
});
