// Lobbies as the stock socket.io-client 4.8.4 has them, from gathering to rematch, against
// `parlor dev`. What people may do is tried in full, also what is refused; each rule in detail is
// tested beside it, in core.
//   node lobbies.mjs --url http://127.0.0.1:PORT [--times long|short] [--only TEXT] [--verbose]
// `--times` are those of the server: without any, matches begin at once and nothing else is short.
// Source: shared/src/api/lobby.rs and what is beside it.

import { readOptions, run } from "./harness.mjs";
import { at } from "./lobbies/player.mjs";

const SUITES = {
  plain: [
    ...["audience", "bots", "entrance", "finding", "inputs", "kicks", "matches", "presence"],
    ...["relay", "returns", "talk", "time"],
  ],
  long: ["countdown"],
  short: ["deadlines"],
};

const options = readOptions({ times: { type: "string", default: "plain" } });
at(options.url);
for (const suite of SUITES[options.times]) await import(`./lobbies/${suite}.mjs`);
await run(options);
