// The matchmaker in /matchmaking as the stock socket.io-client 4.8.4 has it: tickets from the first
// word to the last, against `parlor dev` with the queues of matchmaking/queues.toml.
//   node matchmaking.mjs --url http://127.0.0.1:PORT [--settings short|few|readme|off]
//     [--only TEXT] [--verbose]
// `--settings` are those of the server: whether seats and tickets of who is gone are kept for a
// second, there are few tickets and parties, the queues of the README, or no matchmaker; without any,
// as those queues say.
// Source: shared/src/api/matchmaking.rs.

import { readOptions, run } from "./harness.mjs";
import { at } from "./lobbies/player.mjs";

const SUITES = {
  plain: [
    "seeking", "asking", "tickets", "losses", "rules", "ladder", "many", "parties", "explained",
  ],
  short: ["absent", "deserted"],
  few: ["limits", "crowded"],
  readme: ["readme"],
  off: ["off"],
};

const options = readOptions({ settings: { type: "string", default: "plain" } });
at(options.url);
for (const suite of SUITES[options.settings]) await import(`./matchmaking/${suite}.mjs`);
await run(options);
