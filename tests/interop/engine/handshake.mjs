// The handshake over polling and WebSocket, and the error table (A3.29–31, http-01 to http-10,
// http-14).

import { check, equal, fail, group, oneOf, that } from "../harness.mjs";
import { POLLING, Polling, WEBSOCKET, openUpgraded, openWs, parseOpen } from "../session.mjs";
import { WsClient } from "../wire.mjs";

const ERRORS = [
  "Transport unknown",
  "Session ID unknown",
  "Bad handshake method",
  "Bad request",
  "Forbidden",
  "Unsupported protocol version",
];

/** The whole answer of the error table: status, content type and body. */
export function refusedWith(answer, code, what) {
  equal(answer.status, 400, `${what}: the status`);
  equal(answer.headers["content-type"], "application/json", `${what}: the content type`);
  equal(answer.text, JSON.stringify({ code, message: ERRORS[code] }), `${what}: the body`);
}

function isOpenPacket(open, upgrades) {
  const keys = ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"];
  equal(Object.keys(open).sort(), keys, "the keys of the open packet");
  equal(open.upgrades, upgrades, "upgrades");
  equal(open.pingInterval, 300, "pingInterval");
  equal(open.pingTimeout, 200, "pingTimeout");
  equal(open.maxPayload, 1_000_000, "maxPayload");
  that(
    /^[A-Za-z0-9_-]{20,}$/.test(open.sid),
    "the sid",
    "20 or more URL-safe characters",
    open.sid,
  );
}

export function handshakeCases(server) {
  const get = (t, query) => server.request(t, "GET", query);

  group("polling", () => {
    check("a GET opens a session and tells its limits", async (t) => {
      const answer = await get(t, POLLING);
      equal(answer.status, 200, "the status");
      isOpenPacket(parseOpen(answer.text), ["websocket"]);
    });

    check("the answer is uncached plain text of a stated length", async (t) => {
      const { headers, bytes } = await get(t, POLLING);
      equal(headers["content-type"], "text/plain; charset=UTF-8", "Content-Type");
      equal(headers["content-length"], String(bytes.length), "Content-Length");
      equal(headers["cache-control"], "no-store", "Cache-Control");
      equal(headers["set-cookie"], undefined, "Set-Cookie");
    });

    check("old Internet Explorers are told not to filter", async (t) => {
      const options = { headers: { "user-agent": "Mozilla/5.0 (Windows; Trident/7.0; rv:11.0)" } };
      const { headers } = await server.request(t, "GET", POLLING, options);
      equal(headers["x-xss-protection"], "0", "X-XSS-Protection");
    });

    check("each session has a sid of its own", async (t) => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => get(t, POLLING)));
      const sids = new Set(answers.map((answer) => parseOpen(answer.text).sid));
      equal(sids.size, 50, "different sids among 50");
    });

    check(
      "a sid holds at least 128 random bits",
      { ours: "eio-20; the reference has 96 and a counter" },
      async (t) => {
        const { sid } = parseOpen((await get(t, POLLING)).text);
        that(sid.length >= 22, "the length of the sid", "22 or more characters", sid);
      },
    );

    check("parameters it does not know are ignored", async (t) => {
      const answer = await get(t, `t=abc123&${POLLING}&b64=1&foo=bar&empty=&alone`);
      isOpenPacket(parseOpen(answer.text), ["websocket"]);
    });

    check("the order of the parameters does not matter", async (t) => {
      equal((await get(t, "transport=polling&EIO=4")).status, 200, "the status");
    });

    check("odd percent-escapes get an answer, never a 500", async (t) => {
      for (const odd of ["x=%00", "x=%ff", "x=%", "%zz=%", "%f0%9f=1"]) {
        oneOf((await get(t, `${POLLING}&${odd}`)).status, [200, 400], `the status with ${odd}`);
      }
    });

    check("an empty sid is no sid", async (t) => {
      const answer = await get(t, `${POLLING}&sid=`);
      isOpenPacket(parseOpen(answer.text), ["websocket"]);
    });

    check("any protocol revision but 4 is refused with code 5", async (t) => {
      refusedWith(await get(t, "transport=polling"), 5, "no EIO");
      for (const eio of ["", "2", "3", "5", "abc", "04", "4.0", "-4", "__proto__"]) {
        refusedWith(await get(t, `EIO=${eio}&transport=polling`), 5, `EIO=${eio}`);
      }
    });

    check("a transport that there is not is refused with code 0", async (t) => {
      refusedWith(await get(t, ""), 0, "no query");
      refusedWith(await get(t, "EIO=4"), 0, "no transport");
      const names = [
        "",
        "abc",
        "webtransport",
        "Polling",
        "polling%20",
        "__proto__",
        "constructor",
        "toString",
        "hasOwnProperty",
      ];
      for (const name of names) {
        refusedWith(await get(t, `EIO=4&transport=${name}`), 0, `transport=${name}`);
      }
    });

    check("a plain GET cannot open a WebSocket: code 3", async (t) => {
      refusedWith(await get(t, WEBSOCKET), 3, "transport=websocket without an upgrade");
    });

    check("only GET opens a session: code 2 for the other methods", async (t) => {
      for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
        refusedWith(await server.request(t, method, POLLING, { body: "" }), 2, method);
      }
      refusedWith(
        await server.request(t, "POST", POLLING, { body: "4hello" }),
        2,
        "POST with a body",
      );
    });

    check("a HEAD opens nothing and has no body", async (t) => {
      const answer = await server.request(t, "HEAD", POLLING);
      equal([answer.status, answer.text], [400, ""], "status and body");
    });

    check("an unknown sid is refused with code 1", async (t) => {
      const names = [
        "unknown",
        "__proto__",
        "constructor",
        "toString",
        "hasOwnProperty",
        "%00",
        "%ff",
        "a".repeat(20),
        "a".repeat(1_000),
        "..%2f..%2fetc",
        "%F0%9F%92%A9",
      ];
      for (const sid of names) {
        refusedWith(await get(t, `${POLLING}&sid=${sid}`), 1, `GET sid=${sid.slice(0, 30)}`);
        const post = await server.request(t, "POST", `${POLLING}&sid=${sid}`, { body: "4x" });
        refusedWith(post, 1, `POST sid=${sid.slice(0, 30)}`);
      }
    });

    check("what is wrong first decides the code", async (t) => {
      refusedWith(await get(t, "EIO=3&transport=abc&sid=unknown"), 0, "transport before sid");
      refusedWith(await get(t, "EIO=3&transport=polling&sid=unknown"), 1, "sid before EIO");
      refusedWith(
        await server.request(t, "POST", "EIO=3&transport=polling"),
        2,
        "method before EIO",
      );
      refusedWith(await get(t, "EIO=3&transport=websocket"), 3, "the upgrade before EIO");
    });

    check("another protocol revision than the session's is refused with code 3", async (t) => {
      const session = await Polling.open(t, server);
      refusedWith(await get(t, `EIO=3&transport=polling&sid=${session.sid}`), 3, "EIO=3");
      refusedWith(await get(t, `transport=polling&sid=${session.sid}`), 3, "no EIO");
      await session.echoes();
    });

    check(
      "a repeated parameter is refused with code 3 and harms no session",
      { ours: "http-14; the reference takes the last" },
      async (t) => {
        refusedWith(await get(t, `EIO=4&${POLLING}`), 3, "EIO twice");
        refusedWith(await get(t, `${POLLING}&transport=websocket`), 3, "transport twice");
        const session = await Polling.open(t, server);
        refusedWith(await get(t, `${session.query}&sid=${session.sid}`), 3, "sid twice");
        refusedWith(await get(t, `${session.query}&sid=other`), 3, "two sids");
        await session.echoes();
      },
    );

    for (const method of ["PUT", "DELETE", "PATCH"]) {
      check(
        `${method} on a live session is 405 with Allow, and the session stays`,
        { ours: "http-09, http-10; the reference answers 500" },
        async (t) => {
          const session = await Polling.open(t, server);
          const answer = await server.request(t, method, session.query, { body: "4x" });
          equal(answer.status, 405, "the status");
          const allowed = (answer.headers.allow ?? "").split(/\s*,\s*/).sort();
          equal(allowed, ["GET", "OPTIONS", "POST"], "Allow");
          await session.echoes();
        },
      );
    }

    check("a HEAD on a live session takes no message away", async (t) => {
      const session = await Polling.open(t, server);
      await session.send("4kept");
      const answer = await server.request(t, "HEAD", session.query);
      that(answer.status >= 400, "the status of HEAD", "400 or more", answer.status);
      equal(await session.take(1), ["4kept"], "the next poll");
    });

    check("a poll with the sid of a WebSocket session is refused with code 3", async (t) => {
      for (const socket of [await openWs(t, server), await openUpgraded(t, server)]) {
        const query = `${POLLING}&sid=${socket.sid}`;
        refusedWith(await get(t, query), 3, "GET");
        refusedWith(await server.request(t, "POST", query, { body: "4x" }), 3, "POST");
        socket.send("4hello");
        equal(await socket.next(), "4hello", "the echo on the WebSocket");
      }
    });
  });

  group("WebSocket", () => {
    check("an upgrade opens a session without further upgrades", async (t) => {
      const socket = await openWs(t, server);
      isOpenPacket(socket.open, []);
    });

    const refusal = async (t, query, message) => {
      const answer = await WsClient.refused(t, server, query);
      equal(answer.status, 400, `the status for ${query}`);
      equal(answer.text, message, `the body for ${query}`);
      equal(answer.headers["content-type"], "text/html", "Content-Type");
      equal(answer.headers["content-length"], String(message.length), "Content-Length");
      equal((answer.headers.connection ?? "").toLowerCase(), "close", "Connection");
    };

    check("a transport that there is not is refused in plain words", async (t) => {
      for (const name of ["abc", "__proto__", "constructor", "webtransport"]) {
        await refusal(t, `EIO=4&transport=${name}`, "Transport unknown");
      }
      await refusal(t, "EIO=4", "Transport unknown");
      await refusal(t, "", "Transport unknown");
    });

    check("an unknown sid is refused in plain words", async (t) => {
      for (const sid of ["unknown", "__proto__", "constructor", "toString"]) {
        await refusal(t, `${WEBSOCKET}&sid=${sid}`, "Session ID unknown");
      }
    });

    check(
      "any protocol revision but 4 is refused before the WebSocket opens",
      { ours: "A0.10; the reference writes HTTP into the opened WebSocket" },
      async (t) => {
        await refusal(t, "transport=websocket", "Unsupported protocol version");
        for (const eio of ["", "2", "3", "5", "abc"]) {
          await refusal(t, `EIO=${eio}&transport=websocket`, "Unsupported protocol version");
        }
      },
    );

    check(
      "a repeated parameter is refused",
      { ours: "http-14; the reference takes the last" },
      async (t) => {
        await refusal(t, `EIO=4&${WEBSOCKET}`, "Bad request");
        await refusal(t, `${WEBSOCKET}&transport=websocket`, "Bad request");
      },
    );

    check("no message ever comes for a wrong protocol revision", async (t) => {
      for (const query of ["transport=websocket", "EIO=abc&transport=websocket"]) {
        let seen = null;
        try {
          const socket = await server.ws(t, query);
          seen = await socket.next(1_000);
        } catch {
          // Refused or broken off, as it should be.
        }
        equal(seen, null, `a message for ${query}`);
      }
    });

    check("an upgrade that asks for polling gets no session", async (t) => {
      let seen = null;
      try {
        const socket = await server.ws(t, POLLING);
        seen = await socket.next(1_000);
      } catch (error) {
        if (/nothing in/.test(error.seen ?? ""))
          fail("transport=polling", "refused or closed", "open");
      }
      equal(seen, null, "a message for transport=polling in an upgrade");
    });
  });
}
