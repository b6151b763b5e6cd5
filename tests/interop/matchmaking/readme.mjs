// The page that the README quotes, as it stands there, twice; and the queues that it declares.

import { readFileSync } from "node:fs";
import { io } from "socket.io-client";
import { WAIT_MS, check, equal, group, that, within } from "../harness.mjs";
import { address } from "../lobbies/player.mjs";

const README = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
const MATCHMAKING = README.slice(README.indexOf("## Matchmaking"));
const [, QUOTED] = MATCHMAKING.match(/```js\n(.*?)```/s);
const AsyncFunction = (async () => {}).constructor;

/** One who opens the page: what it shows, and a promise of its seat. */
function open(t) {
  const lines = QUOTED.split("\n").filter((line) => !line.startsWith("import "));
  const body = lines.join("\n").replaceAll("http://127.0.0.1:3000", address());
  const page = new AsyncFunction("io", "seated", "draw", "tell", body);
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
  const done = page(connect, until.seat, until.view, tell);
  done.catch((error) => told.push(error));
  return { told, seat, view, matched, done };
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

  check("the queues are there as they are declared", async (t) => {
    const socket = io(`${address()}/matchmaking`, { forceNew: true });
    t.defer(() => socket.disconnect());
    const { queues } = await socket.timeout(WAIT_MS).emitWithAck("queues");
    const shown = queues.map(({ name, teams, team_size, rated }) => [name, teams, team_size, rated]);
    equal(shown, [["blitz", 2, 1, false], ["squads", 2, 3, true]], "the queues");
  });
});
