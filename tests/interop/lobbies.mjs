// Lobbies as the stock socket.io-client 4.8.4 has them, from gathering to rematch, against
// `parlor dev`. What people may do is tried in full, also what is refused; each rule in detail is
// tested beside it, in core.
//   node lobbies.mjs --url http://127.0.0.1:PORT [--only TEXT] [--verbose]
// Source: shared/src/api/lobby.rs and what is beside it.

import { readOptions, run } from "./harness.mjs";
import "./lobbies/entrance.mjs";
import "./lobbies/finding.mjs";
import "./lobbies/inputs.mjs";
import "./lobbies/matches.mjs";
import { at } from "./lobbies/player.mjs";
import "./lobbies/relay.mjs";
import "./lobbies/returns.mjs";
import "./lobbies/talk.mjs";

const options = readOptions();
at(options.url);
await run(options);
