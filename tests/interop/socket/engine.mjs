// The Engine.IO below Socket.IO, in short: the whole of it is judged by engine.mjs on the same
// server code.

import { check, equal, pause } from "../harness.mjs";
import { POLLING, Polling, WEBSOCKET, openUpgraded, openWs, parseOpen } from "../session.mjs";

export function engineCases(server) {
  check("both transports open with the same limits", async (t) => {
    const polling = parseOpen((await server.request(t, "GET", POLLING)).text);
    const socket = await openWs(t, server);
    for (const open of [polling, socket.open]) {
      equal(
        [open.pingInterval, open.pingTimeout, open.maxPayload],
        [300, 200, 1_000_000],
        "the limits",
      );
    }
    equal([polling.upgrades, socket.open.upgrades], [["websocket"], []], "the upgrades");
  });

  check("bad handshakes are refused with 400", async (t) => {
    for (const query of [
      "",
      "EIO=4",
      "transport=polling",
      "EIO=abc&transport=polling",
      WEBSOCKET,
    ]) {
      equal((await server.request(t, "GET", query)).status, 400, `the status for ${query}`);
    }
    for (const method of ["POST", "PUT"]) {
      const answer = await server.request(t, method, POLLING, { body: "" });
      equal(answer.status, 400, `the status for ${method}`);
    }
  });

  check("heartbeats come over both transports, the first after pingInterval", async (t) => {
    const socket = await openWs(t, server, { heartbeat: false });
    const session = await Polling.open(t, server);
    const [ping, poll] = await Promise.all([socket.next(), session.get()]);
    equal([ping, poll.text], ["2", "2"], "the first packets");
    equal(performance.now() - socket.askedAt >= 290, true, "after 290 ms or more");
  });

  check("after an upgrade the session is known to no poll and no second WebSocket", async (t) => {
    const socket = await openUpgraded(t, server);
    await pause(50);
    equal(
      (await server.request(t, "GET", `${POLLING}&sid=${socket.sid}`)).status,
      400,
      "the status",
    );
    const second = await server.ws(t, `${WEBSOCKET}&sid=${socket.sid}`);
    await second.closed();
  });
}
