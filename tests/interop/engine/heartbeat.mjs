// Heartbeats at pingInterval 300 and pingTimeout 200 (A4.39, eio-22). Time is the subject here, so
// these cases measure it. They count from before the question, so what is too early can never be
// the machine's fault; on the late side there is room for a busy one.

import { between, check, equal, group, pause, that } from "../harness.mjs";
import { Polling, openUpgraded, openWs } from "../session.mjs";

const INTERVAL = 300;
const TIMEOUT = 200;
// Timers may fire a little early, as clocks count in whole milliseconds.
const EARLY = 5;
const LATE = 200;

const since = (start) => performance.now() - start;

export function heartbeatCases(server) {
  const about = (ms, expected, what) => between(ms, expected - EARLY, expected + LATE, what);

  group("WebSocket", () => {
    const open = (t) => openWs(t, server, { heartbeat: false });

    check("the first ping comes after pingInterval, not before", async (t) => {
      const socket = await open(t);
      equal(await socket.next(), "2", "the first message");
      about(since(socket.askedAt), INTERVAL, "ms to the first ping");
    });

    check("each pong starts the next interval", async (t) => {
      const socket = await open(t);
      equal(await socket.next(), "2", "the first ping");
      for (const delay of [0, 100, 50]) {
        await pause(delay);
        const ponged = performance.now();
        socket.send("3");
        equal(await socket.next(), "2", "the next ping");
        about(since(ponged), INTERVAL, `ms from a pong that took ${delay} ms to the next ping`);
      }
    });

    check("who never pongs is closed after pingInterval and pingTimeout", async (t) => {
      const socket = await open(t);
      await socket.closed(INTERVAL + TIMEOUT + 2 * LATE);
      about(since(socket.askedAt), INTERVAL + TIMEOUT, "ms to the close");
      equal(socket.rest(), ["2"], "what came before the close");
    });

    check("who stops ponging later is closed too", async (t) => {
      const socket = await open(t);
      equal(await socket.next(), "2", "the first ping");
      // Later than here no time can begin to count: the ping itself may reach us late.
      const ponged = performance.now();
      socket.send("3");
      equal(await socket.next(), "2", "the second ping");
      await socket.closed();
      about(since(ponged), INTERVAL + TIMEOUT, "ms from the pong to the close");
    });

    check("an unasked pong restarts the interval", async (t) => {
      const socket = await open(t);
      await pause(150);
      const ponged = performance.now();
      socket.send("3");
      equal(await socket.next(), "2", "the first ping");
      about(since(ponged), INTERVAL, "ms from the pong to the ping");
    });

    check("a hundred unasked pongs bring one ping, not a hundred", async (t) => {
      const socket = await open(t);
      for (let i = 0; i < 100; i++) socket.send("3");
      equal(await socket.next(), "2", "the first ping");
      socket.send("3");
      await pause(INTERVAL / 2);
      equal(socket.rest(), [], "what came in half an interval");
      equal(await socket.next(), "2", "the second ping");
    });

    check("messages are no pongs: they do not put off the ping", async (t) => {
      const socket = await open(t);
      const seen = [];
      while (since(socket.askedAt) < INTERVAL + 50) {
        socket.send("4x");
        seen.push(await socket.next());
        await pause(20);
      }
      that(seen.includes("2"), "what came", "a ping after 300 ms", seen);
    });

    check("a message while the pong is due puts the end off once", async (t) => {
      const socket = await open(t);
      equal(await socket.next(), "2", "the ping");
      const pinged = performance.now();
      await pause(120);
      socket.send("4busy");
      equal(await socket.next(), "4busy", "the echo");
      await pause(TIMEOUT + 60 - since(pinged));
      socket.send("4busy still");
      equal(await socket.next(), "4busy still", "the echo after what would have been the end");
      socket.send("3");
      equal(await socket.next(), "2", "the next ping");
    });

    check("messages do not put the end off twice", async (t) => {
      const socket = await open(t);
      equal(await socket.next(), "2", "the ping");
      const pinged = performance.now();
      let over = false;
      socket.ended.then(() => (over = true));
      while (!over && since(pinged) < 1_000) {
        socket.send("4busy");
        await pause(30);
      }
      between(since(pinged), TIMEOUT, 2 * TIMEOUT + LATE, "ms from the ping to the close");
    });

    check("a session that pongs lives on", async (t) => {
      const socket = await openWs(t, server);
      await pause(4 * INTERVAL);
      socket.send("4alive");
      equal(await socket.next(), "4alive", "the echo");
    });
  });

  group("polling", () => {
    check("pings come by poll, the first after pingInterval", async (t) => {
      const session = await Polling.open(t, server);
      let start = session.askedAt;
      for (let i = 0; i < 3; i++) {
        equal((await session.get()).text, "2", "the poll");
        about(since(start), INTERVAL, "ms to the ping");
        start = performance.now();
        await session.send("3");
      }
    });

    check("a ping waits for the next poll", async (t) => {
      const session = await Polling.open(t, server);
      await pause(INTERVAL + 50);
      equal((await session.get()).text, "2", "the poll");
      await session.send("3");
      await session.echoes();
    });

    check("who never pongs is gone after pingInterval and pingTimeout", async (t) => {
      const session = await Polling.open(t, server);
      equal((await session.get()).text, "2", "the ping");
      const pinged = performance.now();
      const last = await session.get();
      about(since(pinged), TIMEOUT, "ms from the ping to the end of the next poll");
      that([200, 400].includes(last.status), "the last poll", "an end", last.status);
      await session.gone();
    });

    check("who never polls is gone as well", async (t) => {
      const session = await Polling.open(t, server);
      await pause(INTERVAL + TIMEOUT + 100);
      const { status, text } = await session.get();
      equal([status, text], [400, '{"code":1,"message":"Session ID unknown"}'], "a poll");
    });

    check("a session that pongs lives on", async (t) => {
      const session = await Polling.open(t, server);
      while (since(session.askedAt) < 4 * INTERVAL) await session.poll();
      await session.echoes();
    });
  });

  group("upgrade", () => {
    check("heartbeats go on over the WebSocket", async (t) => {
      const socket = await openUpgraded(t, server);
      await pause(4 * INTERVAL);
      socket.send("4alive");
      equal(await socket.next(), "4alive", "the echo");
    });

    check("a ping sent over polling may be answered over the WebSocket", async (t) => {
      const session = await Polling.open(t, server);
      equal((await session.get()).text, "2", "the ping");
      const socket = await server.ws(t, `EIO=4&transport=websocket&sid=${session.sid}`);
      socket.send("2probe");
      equal(await socket.next(), "3probe", "the answer to the probe");
      socket.send("5");
      socket.send("3");
      await pause(TIMEOUT + 100);
      socket.send("4alive");
      equal(await socket.next(), "4alive", "the echo");
    });

    check("who never pongs after the upgrade is closed", async (t) => {
      const session = await Polling.open(t, server);
      const options = { heartbeat: false };
      const socket = await server.ws(t, `EIO=4&transport=websocket&sid=${session.sid}`, options);
      socket.send("2probe");
      equal(await socket.next(), "3probe", "the answer to the probe");
      socket.send("5");
      await socket.closed(INTERVAL + TIMEOUT + 2 * LATE);
      equal(socket.rest(), ["2"], "what came before the close");
    });
  });
}
