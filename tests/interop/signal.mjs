// Peers in /signal as the stock socket.io-client 4.8.4 has them: how they come, what they tell each
// other, what becomes of links, and frames that go through the server, against `parlor dev`.
//   node signal.mjs --url http://127.0.0.1:PORT [--settings short|off] [--only TEXT] [--verbose]
// `--settings` are those of the server: whether peers are given up within a second and relay
// little, or there are none; without any, as it is started by default.
// Source: shared/src/api/signal.rs and what is beside it.

import { readOptions, run } from "./harness.mjs";
import { at } from "./lobbies/player.mjs";

const SUITES = {
  // What is counted comes first: later on, those of other cases are given up meanwhile.
  plain: [
    ...["metrics", "joining", "topologies", "negotiation", "privacy", "losses", "endings"],
    ...["frames"],
  ],
  short: ["limits"],
  off: ["off"],
};

const options = readOptions({ settings: { type: "string", default: "plain" } });
at(options.url);
for (const suite of SUITES[options.settings]) await import(`./signal/${suite}.mjs`);
await run(options);
