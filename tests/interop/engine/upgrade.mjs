// The upgrade from polling to WebSocket: without loss, without reorder, and without harm when it
// fails (A4.44–45, A0.10–11, eio-15 to eio-19).

import { between, check, equal, group, oneOf, pause, that, within } from "../harness.mjs";
import { POLLING, Polling, WEBSOCKET, openUpgraded, openWs, probe } from "../session.mjs";
import { OPCODE, RawWs, SEPARATOR, WsClient, frame } from "../wire.mjs";

// The server looks every 100 ms for a waiting poll to end with a noop.
const NOOP_MS = 100;

const numbered = (from, to) => Array.from({ length: to - from }, (_, i) => `4m${from + i}`);

export function upgradeCases(server, timeout) {
  const candidateFor = (t, session, options) =>
    server.ws(t, `${WEBSOCKET}&sid=${session.sid}`, options);

  group("success", () => {
    check("probe, upgrade, and messages go over the WebSocket", async (t) => {
      const session = await Polling.open(t, server);
      const socket = await probe(t, session);
      socket.send("5");
      socket.send("4hello");
      equal(await socket.next(), "4hello", "the echo");
      socket.send(Buffer.from([1, 2, 3]));
      equal(await socket.next(), Buffer.from([1, 2, 3]), "the binary echo");
    });

    check("no packet opens the WebSocket of an upgrade", async (t) => {
      const session = await Polling.open(t, server);
      const socket = await candidateFor(t, session);
      await pause(50);
      equal(socket.rest(), [], "what came before the probe");
      socket.send("2probe");
      equal(await socket.next(), "3probe", "the answer to the probe");
    });

    check("a waiting poll is ended with a noop while upgrading", async (t) => {
      const session = await Polling.open(t, server);
      const waiting = session.get();
      await pause(20);
      const start = performance.now();
      await probe(t, session);
      equal((await waiting).text, "6", "the poll");
      that(
        performance.now() - start < NOOP_MS + 100,
        "the time",
        "100 ms",
        performance.now() - start,
      );
    });

    check("each further poll while upgrading is ended with a noop too", async (t) => {
      const session = await Polling.open(t, server);
      const socket = await probe(t, session);
      for (let noops = 0; noops < 3;) {
        // A poll that brought a ping alone gives no packets here.
        for (const packet of await session.poll()) equal([packet, ++noops], ["6", noops], "a poll");
      }
      socket.send("5");
      socket.send("4hello");
      equal(await socket.next(), "4hello", "the echo");
    });

    check("polling works on while the upgrade is being probed", async (t) => {
      const session = await Polling.open(t, server);
      await probe(t, session);
      await session.send("4one", "bAQID");
      equal(await session.take(2), ["4one", "bAQID"], "the echoes");
    });

    check("a poll that waits while the upgrade completes is ended", async (t) => {
      const session = await Polling.open(t, server);
      const socket = await candidateFor(t, session);
      const waiting = session.get();
      await pause(20);
      socket.send("2probe");
      socket.send("5");
      const answer = await within(1_000, "the poll ends", waiting);
      equal(answer.status, 200, "the status of the poll");
      oneOf(answer.text, ["6", "1", ""], "the poll");
      equal(await socket.next(), "3probe", "the answer to the probe");
      socket.send("4hello");
      equal(await socket.next(), "4hello", "the echo");
    });

    check("after the upgrade polls are refused, even right behind it", async (t) => {
      const session = await Polling.open(t, server);
      const socket = await candidateFor(t, session);
      socket.send("2probe");
      socket.send("5");
      const poll = await session.get();
      equal([poll.status, poll.text], [400, '{"code":3,"message":"Bad request"}'], "the poll");
      equal((await session.post("4x")).status, 400, "the status of a POST");
      equal(await socket.next(), "3probe", "the answer to the probe");
      socket.send("4hello");
      equal(await socket.next(), "4hello", "the echo");
    });

    check("everything in one segment: probe, upgrade and messages", async (t) => {
      const session = await Polling.open(t, server);
      const raw = await RawWs.open(t, server, `${WEBSOCKET}&sid=${session.sid}`);
      await raw.write(
        Buffer.concat(["2probe", "5", "4a", "4b"].map((word) => frame(OPCODE.text, word))),
      );
      for (const word of ["3probe", "4a", "4b"]) equal(await raw.text(), word, "the answers");
    });

    check("what waits for a poll comes over the WebSocket, binary as binary", async (t) => {
      const session = await Polling.open(t, server);
      const socket = await probe(t, session);
      await session.send("4one", "bAQID", "4two");
      socket.send("5");
      equal(await socket.take(3), ["4one", Buffer.from([1, 2, 3]), "4two"], "the messages");
    });

    check("a session may be upgraded while many messages wait", async (t) => {
      const session = await Polling.open(t, server);
      await session.send(...numbered(0, 200));
      const socket = await probe(t, session);
      socket.send("5");
      socket.send("4m200");
      equal(await socket.take(201), numbered(0, 201), "the messages");
    });
  });

  group("order", () => {
    // As a stock client does it: poll all the time, POST until the probe is answered, then pause
    // both, then `5`, and everything after it over the WebSocket.
    const upgradeUnderWay = async (t, { posts, pollFirst, delayMs }) => {
      const session = await Polling.open(t, server);
      const seen = [];
      let paused = false;
      const polling = (async () => {
        if (!pollFirst) await pause(delayMs);
        while (!paused) seen.push(...(await session.poll()).filter((packet) => packet !== "6"));
      })();
      polling.catch(() => {});
      let sent = 0;
      const post = async (count) => {
        await session.send(...numbered(sent, sent + count));
        sent += count;
      };
      await post(posts);
      const socket = await candidateFor(t, session);
      socket.send("2probe");
      const answered = socket.next();
      await post(posts);
      equal(await answered, "3probe", "the answer to the probe");
      await post(posts);
      paused = true;
      await within(1_000, "the last poll ends", polling);
      socket.send("5");
      for (const message of numbered(sent, sent + posts)) socket.send(message);
      sent += posts;
      seen.push(...(await socket.take(sent - seen.length)));
      equal(seen, numbered(0, sent), "the echoes over both transports");
      equal(socket.rest(), [], "what came besides");
    };

    for (const posts of [1, 5, 15, 50]) {
      for (const pollFirst of [true, false]) {
        const how = pollFirst ? "with a poll waiting" : "with a poll later";
        check(
          `${4 * posts} messages during an upgrade ${how} are neither lost nor reordered`,
          (t) => upgradeUnderWay(t, { posts, pollFirst, delayMs: 30 }),
        );
      }
    }

    check("twenty upgrades at once lose and reorder nothing", async (t) => {
      const runs = Array.from({ length: 20 }, (_, i) =>
        upgradeUnderWay(t, { posts: 1 + (i % 7), pollFirst: i % 2 === 0, delayMs: i }),
      );
      await Promise.all(runs);
    });
  });

  group("refused", () => {
    check("a second WebSocket while upgrading is closed, and the first goes on", async (t) => {
      const session = await Polling.open(t, server);
      const first = await probe(t, session);
      const second = await candidateFor(t, session);
      second.send("2probe");
      await second.closed();
      equal(second.rest(), [], "what the second heard");
      first.send("5");
      first.send("4hello");
      equal(await first.next(), "4hello", "the echo over the first");
    });

    check("a second WebSocket before the probe is closed, and the first goes on", async (t) => {
      const session = await Polling.open(t, server);
      const first = await candidateFor(t, session);
      const second = await candidateFor(t, session);
      await second.closed();
      first.send("2probe");
      equal(await first.next(), "3probe", "the answer to the probe");
      first.send("5");
      first.send("4hello");
      equal(await first.next(), "4hello", "the echo");
    });

    check("a WebSocket with the sid of an upgraded session is closed", async (t) => {
      const socket = await openUpgraded(t, server);
      const other = await server.ws(t, `${WEBSOCKET}&sid=${socket.sid}`);
      other.send("2probe");
      await other.closed();
      equal(other.rest(), [], "what it heard");
      socket.send("4hello");
      equal(await socket.next(), "4hello", "the echo over the first");
    });

    check(
      "a WebSocket with the sid of a WebSocket session is closed",
      { ours: "eio-17 in its spirit; the reference lets it take the session over" },
      async (t) => {
        const socket = await openWs(t, server);
        const other = await server.ws(t, `${WEBSOCKET}&sid=${socket.sid}`);
        other.send("2probe");
        await other.closed();
        equal(other.rest(), [], "what it heard");
        socket.send("4hello");
        equal(await socket.next(), "4hello", "the echo over the first");
      },
    );

    check(
      "an upgrade in another protocol revision is refused, and the session stays",
      async (t) => {
        const session = await Polling.open(t, server);
        for (const eio of ["EIO=3&", ""]) {
          const answer = await WsClient.refused(
            t,
            server,
            `${eio}transport=websocket&sid=${session.sid}`,
          );
          equal([answer.status, answer.text], [400, "Bad request"], "the refusal");
        }
        await session.echoes();
      },
    );
  });

  group("given up", () => {
    const instead = {
      "a message": "4hello",
      "a plain ping": "2",
      "a ping with another word": "2other",
      "a pong": "3probe",
      "a close": "1",
      noise: "abc",
      "an empty frame": "",
      "a binary message": Buffer.from([1, 2, 3]),
    };
    for (const [what, message] of Object.entries(instead)) {
      check(`${what} instead of the probe closes the WebSocket, and polling goes on`, async (t) => {
        const session = await Polling.open(t, server);
        const candidate = await candidateFor(t, session, { heartbeat: false });
        candidate.send(message);
        await candidate.closed();
        equal(candidate.rest(), [], "what the WebSocket heard");
        await session.echoes();
      });
      check(
        `${what} instead of the upgrade closes the WebSocket, and polling goes on`,
        async (t) => {
          const session = await Polling.open(t, server);
          const candidate = await probe(t, session, { heartbeat: false });
          candidate.send(message);
          await candidate.closed();
          await session.echoes();
        },
      );
    }

    check("a WebSocket dropped before the probe leaves polling alone", async (t) => {
      const session = await Polling.open(t, server);
      (await candidateFor(t, session)).drop();
      await pause(50); // The end of the connection must have been noticed.
      await session.echoes();
    });

    check(
      "a WebSocket dropped after the probe leaves polling alone, and a waiting poll waits on",
      async (t) => {
        const session = await Polling.open(t, server);
        const candidate = await probe(t, session);
        candidate.drop();
        await pause(50);
        const waiting = session.take(1);
        await session.send("4hello");
        equal(await waiting, ["4hello"], "the poll");
        await session.echoes();
      },
    );

    check("a WebSocket closed after the probe leaves polling alone", async (t) => {
      const session = await Polling.open(t, server);
      const candidate = await probe(t, session);
      candidate.close(1000);
      equal((await candidate.closed()).code, 1000, "the close code");
      await session.echoes();
    });

    check("a bad frame on the candidate leaves polling alone", async (t) => {
      const session = await Polling.open(t, server);
      const raw = await RawWs.open(t, server, `${WEBSOCKET}&sid=${session.sid}`);
      await raw.send(3, "x");
      equal((await raw.closeFrame()).code, 1002, "the close code");
      await session.echoes();
    });

    check("after a failed upgrade another one succeeds", async (t) => {
      const session = await Polling.open(t, server);
      (await probe(t, session)).drop();
      await pause(50);
      await session.send("4one");
      const socket = await probe(t, session);
      socket.send("5");
      socket.send("4two");
      equal(await socket.take(2), ["4one", "4two"], "the messages");
    });

    check("a session that closes while upgrading closes its WebSocket", async (t) => {
      const session = await Polling.open(t, server);
      const candidate = await probe(t, session);
      await session.post("1");
      await candidate.closed();
    });

    check("bad input by POST while upgrading closes session and WebSocket", async (t) => {
      const session = await Polling.open(t, server);
      const candidate = await probe(t, session);
      await session.post(`4x${SEPARATOR}abc`);
      await candidate.closed();
      await session.gone();
    });

    check(
      "an upgrade that is not finished in time is given up, and polling goes on",
      { beside: true, ms: 20_000 },
      async (t) => {
        const session = await Polling.open(t, server);
        const start = performance.now();
        const candidate = await probe(t, session);
        let over = false;
        candidate.ended.then(() => (over = true));
        while (!over && performance.now() - start < (timeout + 5) * 1_000) {
          for (const packet of await session.poll()) equal(packet, "6", "a poll meanwhile");
        }
        const seconds = (performance.now() - start) / 1_000;
        between(seconds, timeout * 0.9, timeout + 2, "seconds until the end");
        await session.echoes();
        const second = await probe(t, session);
        second.send("5");
        second.send("4hello");
        equal(await second.next(), "4hello", "the echo after a second upgrade");
      },
    );

    check("a session polled with another client's WebSocket sid is not disturbed", async (t) => {
      const socket = await openWs(t, server);
      const session = await Polling.open(t, server);
      equal(
        (await server.request(t, "GET", `${POLLING}&sid=${socket.sid}`)).status,
        400,
        "the poll",
      );
      await session.echoes();
    });
  });
}
