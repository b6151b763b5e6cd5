// HTTP below the protocol: the path rule, keep-alive, limits on headers, and requests that are not
// HTTP (http-11 to http-24, A0.9, A1.21).

import { randomBytes } from "node:crypto";
import { check, equal, oneOf, pause, that } from "../harness.mjs";
import { POLLING, Polling } from "../session.mjs";

export function httpCases(server) {
  const host = `${server.host}:${server.port}`;
  const head = (method, target, lines = []) =>
    [`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...lines, "", ""].join("\r\n");
  const handshake = server.address(POLLING);

  /** Sends bytes and gives everything the server said until it closed (or 5 s passed). */
  const say = async (t, bytes) => {
    const tcp = await server.tcp(t);
    await tcp.write(bytes);
    return tcp;
  };

  check("what stands below the path is served too", async (t) => {
    const answer = await server.request(t, "GET", POLLING, { path: `${server.path}foo/bar` });
    equal(answer.status, 200, "the status");
  });

  check("the path needs its last slash, and nothing else is served", async (t) => {
    const paths = [
      "/engine.io",
      "/engine.iox/",
      "/",
      "/other/",
      "/ENGINE.IO/",
      "/engine%2eio/",
      "//engine.io/",
      "/x/engine.io/",
    ];
    for (const path of paths) {
      equal(
        (await server.request(t, "GET", POLLING, { path })).status,
        404,
        `the status of ${path}`,
      );
    }
  });

  check(
    "a path that climbs out is not found",
    { ours: "http-20; the reference tests the prefix only" },
    async (t) => {
      for (const path of ["/engine.io/../../etc/passwd", "/engine.io/%2e%2e/%2e%2e/etc/passwd"]) {
        const tcp = await say(t, head("GET", path));
        equal((await tcp.httpAnswer()).status, 404, `the status of ${path}`);
      }
    },
  );

  check("several requests share a connection", async (t) => {
    const tcp = await server.tcp(t);
    for (let i = 0; i < 3; i++) {
      await tcp.write(head("GET", handshake));
      equal((await tcp.httpAnswer()).status, 200, `the status of request ${i}`);
    }
  });

  check("pipelined requests are answered in order", async (t) => {
    const tcp = await say(
      t,
      head("GET", handshake) + head("GET", server.address("EIO=4&transport=abc")),
    );
    equal((await tcp.httpAnswer()).status, 200, "the first status");
    equal((await tcp.httpAnswer()).status, 400, "the second status");
  });

  check("a request after a refused one on the same connection is served", async (t) => {
    const tcp = await say(t, head("GET", server.address("EIO=4&transport=abc")));
    const first = await tcp.httpAnswer();
    equal(first.status, 400, "the first status");
    if (/close/i.test(first.headers.connection ?? "")) return;
    await tcp.write(head("GET", handshake));
    equal((await tcp.httpAnswer()).status, 200, "the second status");
  });

  check("a chunked POST is read like any other", async (t) => {
    const session = await Polling.open(t, server);
    const answer = await session.post(undefined, { chunks: ["4he", "llo", "\x1e4x"] });
    equal([answer.status, answer.text], [200, "ok"], "the answer");
    equal(await session.take(2), ["4hello", "4x"], "the echo");
  });

  check("a POST that expects 100-continue is told to continue", async (t) => {
    const session = await Polling.open(t, server);
    const lines = ["Content-Length: 6", "Expect: 100-continue"];
    const tcp = await say(t, head("POST", server.address(session.query), lines));
    equal((await tcp.httpAnswer()).status, 100, "the first status");
    await tcp.write("4hello");
    equal((await tcp.httpAnswer()).status, 200, "the second status");
    equal(await session.take(1), ["4hello"], "the echo");
  });

  check("a request with 80 headers of 12 kB together is served", async (t) => {
    const lines = Array.from({ length: 80 }, (_, i) => `X-Header-${i}: ${"a".repeat(130)}`);
    const tcp = await say(t, head("GET", handshake, lines));
    equal((await tcp.httpAnswer()).status, 200, "the status");
  });

  check("a sid of 100 kB is refused with 414 or 431", async (t) => {
    const tcp = await say(t, head("GET", server.address(`${POLLING}&sid=${"a".repeat(100_000)}`)));
    oneOf((await tcp.httpAnswer()).status, [414, 431], "the status");
    await tcp.end();
  });

  check("a header of 64 kB is refused with 431", async (t) => {
    const tcp = await say(t, head("GET", handshake, [`X-Long: ${"a".repeat(65_536)}`]));
    equal((await tcp.httpAnswer()).status, 431, "the status");
    await tcp.end();
  });

  check("5000 headers are refused with 431", async (t) => {
    const lines = Array.from({ length: 5_000 }, (_, i) => `X-Header-${i}: ${i}`);
    const tcp = await say(t, head("GET", handshake, lines));
    equal((await tcp.httpAnswer()).status, 431, "the status");
    await tcp.end();
  });

  check(
    "more than 100 headers are refused with 431",
    { ours: "http-13; the reference drops what is over 2000" },
    async (t) => {
      const lines = Array.from({ length: 120 }, (_, i) => `X-${i}: ${i}`);
      const tcp = await say(t, head("GET", handshake, lines));
      equal((await tcp.httpAnswer()).status, 431, "the status");
    },
  );

  check(
    "Content-Length beside Transfer-Encoding is refused, and nothing behind it answered",
    async (t) => {
      const session = await Polling.open(t, server);
      const lines = ["Content-Length: 6", "Transfer-Encoding: chunked"];
      const first = head("POST", server.address(session.query), lines);
      const tcp = await say(t, `${first}0\r\n\r\n${head("GET", handshake)}`);
      const said = await tcp.end();
      equal(said.slice(0, 12), "HTTP/1.1 400", "the answer");
      equal(said.split("HTTP/1.1 ").length - 1, 1, "the number of answers");
    },
  );

  check("two lengths are refused, and nothing behind them answered", async (t) => {
    const session = await Polling.open(t, server);
    const lines = ["Content-Length: 6", "Content-Length: 7"];
    const first = head("POST", server.address(session.query), lines);
    const tcp = await say(t, `${first}4hello4${head("GET", handshake)}`);
    const said = await tcp.end();
    equal(said.slice(0, 12), "HTTP/1.1 400", "the answer");
    equal(said.split("HTTP/1.1 ").length - 1, 1, "the number of answers");
  });

  check("a request without Host is refused with 400", async (t) => {
    const tcp = await say(t, `GET ${handshake} HTTP/1.1\r\n\r\n`);
    equal((await tcp.httpAnswer()).status, 400, "the status");
  });

  check("a line break in Origin reaches no answer", async (t) => {
    for (const origin of [
      "http://a\rX-Evil: 1",
      "http://a\nX-Evil: 1",
      "http://a\r\n X-Evil: 1",
      "a\0b",
    ]) {
      const tcp = await say(t, head("GET", handshake, [`Origin: ${origin}`, "Connection: close"]));
      const said = await tcp.end();
      that(
        !/x-evil/i.test(said.split("\r\n\r\n")[0]),
        "the headers of the answer",
        "no X-Evil",
        said,
      );
      that(
        said === "" || /^HTTP\/1\.1 (400|200)/.test(said),
        "the answer",
        "400 (200 if folded)",
        said,
      );
      // RFC 9112 § 2.2 lets a server take a bare LF as the end of a line.
      if (!/\r\n |[^\r]\n/.test(origin))
        that(!said.startsWith("HTTP/1.1 200"), "the answer", "400", said);
    }
  });

  check("a kilobyte of noise gets 400 or the door", async (t) => {
    const tcp = await say(t, randomBytes(1_024));
    tcp.socket.end();
    const said = await tcp.end();
    that(said === "" || said.startsWith("HTTP/1.1 400"), "the answer", "400 or nothing", said);
  });

  check("a TLS hello to the plain port gets the door", async (t) => {
    const hello = Buffer.concat([Buffer.from("16030100c8010000c40303", "hex"), randomBytes(194)]);
    const tcp = await say(t, hello);
    const said = await tcp.end();
    that(said === "" || said.startsWith("HTTP/1.1 400"), "the answer", "400 or nothing", said);
  });

  check("half a request and then silence from a closed connection does no harm", async (t) => {
    const post = head("POST", server.path, ["Content-Length: 9"]);
    for (const part of ["GET", head("GET", handshake).slice(0, -2), `${post}4`]) {
      const tcp = await say(t, part);
      tcp.socket.destroy();
    }
  });

  check(
    "headers that come at a trickle are cut off after 10 seconds",
    { ours: "http-24; stock Node waits for 60 s", beside: true, ms: 20_000 },
    async (t) => {
      const tcp = await server.tcp(t);
      const start = performance.now();
      let trickle = `GET ${handshake} HTTP/1.1\r\nHost: x\r\nX-Slow: `;
      while (!tcp.over && performance.now() - start < 14_000) {
        await tcp.write(trickle[0] ?? "a");
        trickle = trickle.slice(1);
        await pause(200);
      }
      const seconds = (performance.now() - start) / 1_000;
      that(
        tcp.over && seconds > 8 && seconds < 13,
        "the end",
        "after 10 s",
        `${seconds.toFixed(1)} s`,
      );
    },
  );
}
