// Close packets and the ends of transports (A4.41–43, A0.6).

import { check, equal, oneOf, pause } from "../harness.mjs";
import { POLLING, Polling, openUpgraded, openWs } from "../session.mjs";

const UNKNOWN = '{"code":1,"message":"Session ID unknown"}';

export function closeCases(server) {
  check("a close packet by POST ends the waiting poll with a noop, and the session", async (t) => {
    const session = await Polling.open(t, server);
    const waiting = session.get();
    await pause(20); // The poll shall be first, and it goes over another connection.
    const post = await session.post("1");
    equal([post.status, post.text], [200, "ok"], "the answer to the POST");
    const poll = await waiting;
    equal([poll.status, poll.text], [200, "6"], "the poll");
    const next = await session.get();
    equal([next.status, next.text], [400, UNKNOWN], "the next poll");
  });

  check("a close packet without a waiting poll ends the session", async (t) => {
    const session = await Polling.open(t, server);
    const post = await session.post("1");
    equal([post.status, post.text], [200, "ok"], "the answer to the POST");
    const next = await session.get();
    equal([next.status, next.text], [400, UNKNOWN], "the next poll");
  });

  check("what stands behind a close packet is not looked at", async (t) => {
    const session = await Polling.open(t, server);
    const post = await session.post("1\x1e4late\x1eabc");
    equal([post.status, post.text], [200, "ok"], "the answer to the POST");
    await session.gone();
  });

  check("a close packet over WebSocket ends the session", async (t) => {
    const socket = await openWs(t, server, { heartbeat: false });
    socket.send("1");
    oneOf((await socket.closed()).code, [1000, 1005], "the close code");
  });

  check(
    "a close packet over WebSocket ends the session at once",
    { ours: "A0.6; the reference waits for the ping timeout" },
    async (t) => {
      for (const socket of [await openWs(t, server), await openUpgraded(t, server)]) {
        socket.send("1");
        oneOf((await socket.closed(250)).code, [1000, 1005], "the close code");
      }
    },
  );

  check("closing the WebSocket ends the session", async (t) => {
    for (const socket of [await openWs(t, server), await openUpgraded(t, server)]) {
      socket.close(1000);
      equal((await socket.closed()).code, 1000, "the close code");
      const answer = await server.request(t, "GET", `${POLLING}&sid=${socket.sid}`);
      equal([answer.status, answer.text], [400, UNKNOWN], "a poll with its sid");
    }
  });
}
