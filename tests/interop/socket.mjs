// Socket.IO v5 conformance of a running fixture at /socket.io/ (`fixture --app socket
// --ping-interval 300 --ping-timeout 200 --connect-timeout 1500 --max-payload 1000000`).
//   node socket.mjs --url http://127.0.0.1:PORT [--timeout SECONDS] [--reference] [--only TEXT]
//     [--verbose]
// `--timeout` is what the server was started with (`--attachments-timeout`, in milliseconds).
// Source: reference/socketio.md A8–A11 and reference/reliability.md, tables Socket.IO packets and
// Namespaces.

import { equal, group, readOptions, run } from "./harness.mjs";
import { Server } from "./wire.mjs";
import { badPacketCases } from "./socket/bad_packets.mjs";
import { binaryCases } from "./socket/binary.mjs";
import { connectCases } from "./socket/connect.mjs";
import { TRANSPORTS } from "./socket/connection.mjs";
import { disconnectCases } from "./socket/disconnect.mjs";
import { engineCases } from "./socket/engine.mjs";
import { eventCases } from "./socket/events.mjs";
import { jsonCases } from "./socket/json.mjs";
import { limitCases } from "./socket/limits.mjs";
import { roomCases } from "./socket/rooms.mjs";

const options = readOptions({ timeout: { type: "string", default: "10" } });
const server = new Server(options.url, "/socket.io/");

group("Engine.IO", () => engineCases(server));
for (const transport of TRANSPORTS) {
  group(transport, () => {
    group("connect", () => connectCases(server, transport));
    group("disconnect", () => disconnectCases(server, transport));
    group("events", () => eventCases(server, transport));
    group("rooms", () => roomCases(server, transport));
    group("binary", () => binaryCases(server, transport, Number(options.timeout)));
    group("JSON", () => jsonCases(server, transport));
    group("bad packets", () => badPacketCases(server, transport));
    group("limits", () => limitCases(server, transport));
  });
}

await run(options, {
  probe: async () => {
    const answer = await server.request({ defer() {} }, "GET", "EIO=4&transport=polling");
    equal(answer.status, 200, "the status of a handshake");
  },
});
