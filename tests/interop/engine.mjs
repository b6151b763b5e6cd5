// Engine.IO v4 conformance of a running server that echoes every message at /engine.io/
// (`fixture --app engine --ping-interval 300 --ping-timeout 200 --max-payload 1000000`).
//   node engine.mjs --url http://127.0.0.1:PORT [--cors ORIGIN]
//     [--timeout SECONDS] [--reference] [--only TEXT] [--verbose]
// `--timeout` is what the server was started with (`--upgrade-timeout`, in milliseconds).
// Source: reference/socketio.md A0–A6 and reference/reliability.md, tables HTTP, Engine.IO,
// WebSocket frames.

import { equal, group, readOptions, run } from "./harness.mjs";
import { Server } from "./wire.mjs";
import { closeCases } from "./engine/close.mjs";
import { corsCases, noCorsCases } from "./engine/cors.mjs";
import { frameCases } from "./engine/frames.mjs";
import { handshakeCases } from "./engine/handshake.mjs";
import { heartbeatCases } from "./engine/heartbeat.mjs";
import { httpCases } from "./engine/http.mjs";
import { openingCases } from "./engine/opening.mjs";
import { badPollingCases } from "./engine/polling_bad.mjs";
import { pollingCases } from "./engine/polling.mjs";
import { slowReaderCases } from "./engine/slow_reader.mjs";
import { upgradeCases } from "./engine/upgrade.mjs";
import { websocketCases } from "./engine/websocket.mjs";

const options = readOptions({
  cors: { type: "string" },
  timeout: { type: "string", default: "10" },
});
const server = new Server(options.url, "/engine.io/");

group("handshake", () => handshakeCases(server));
group("WebSocket opening", () => openingCases(server));
group("HTTP", () => httpCases(server));
group("CORS", () => (options.cors ? corsCases(server, options.cors) : noCorsCases(server)));
group("polling", () => pollingCases(server));
group("bad polling", () => badPollingCases(server));
group("WebSocket", () => websocketCases(server));
group("frames", () => frameCases(server));
group("heartbeat", () => heartbeatCases(server));
group("close", () => closeCases(server));
group("upgrade", () => upgradeCases(server, Number(options.timeout)));
group("slow reader", () => slowReaderCases(server));

await run(options, {
  probe: async () => {
    const answer = await server.request({ defer() {} }, "GET", "EIO=4&transport=polling");
    equal(answer.status, 200, "the status of a handshake");
  },
});
