// The HTTP upgrade to WebSocket itself (RFC 6455 section 4; ws-01 to ws-04 and the advisories in
// socketio.md (d) 2, 3, 21, 22).

import { check, equal, oneOf, that } from "../harness.mjs";
import { WEBSOCKET } from "../session.mjs";
import { OPCODE, RawWs, WS_KEY, acceptFor, frame, parseFrame, upgradeRequest } from "../wire.mjs";

export function openingCases(server) {
  /** Sends an upgrade request with these changes and gives the answer and the connection. */
  const ask = async (t, change = {}) => {
    const tcp = await server.tcp(t);
    await tcp.write(upgradeRequest(server, WEBSOCKET, change));
    return { tcp, answer: await tcp.httpAnswer() };
  };

  check("the 101 carries the right accept key and nothing that was not offered", async (t) => {
    const { answer } = await ask(t);
    equal(answer.status, 101, "the status");
    equal(answer.headers.upgrade?.toLowerCase(), "websocket", "Upgrade");
    equal(answer.headers.connection?.toLowerCase(), "upgrade", "Connection");
    equal(answer.headers["sec-websocket-accept"], acceptFor(WS_KEY), "Sec-WebSocket-Accept");
    equal(answer.headers["sec-websocket-extensions"], undefined, "Sec-WebSocket-Extensions");
    equal(answer.headers["sec-websocket-protocol"], undefined, "Sec-WebSocket-Protocol");
  });

  check("permessage-deflate is declined", async (t) => {
    const headers = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };
    const { answer } = await ask(t, { headers });
    equal(answer.status, 101, "the status");
    equal(answer.headers["sec-websocket-extensions"], undefined, "Sec-WebSocket-Extensions");
  });

  check("strange extension offers do no harm", async (t) => {
    for (const offer of [
      "constructor",
      "__proto__",
      "toString",
      "permessage-deflate; __proto__=1",
    ]) {
      const { answer } = await ask(t, { headers: { "Sec-WebSocket-Extensions": offer } });
      oneOf(answer.status, [101, 400], `the status for ${offer}`);
      equal(answer.headers["sec-websocket-extensions"], undefined, `the extension for ${offer}`);
    }
  });

  check("the first offered subprotocol is taken, as browsers demand one", async (t) => {
    const { answer } = await ask(t, { headers: { "Sec-WebSocket-Protocol": "chat, superchat" } });
    equal(answer.status, 101, "the status");
    equal(answer.headers["sec-websocket-protocol"], "chat", "Sec-WebSocket-Protocol");
  });

  check("thousands of blanks in the subprotocol are answered at once", async (t) => {
    const headers = { "Sec-WebSocket-Protocol": `a${" ".repeat(10_000)}x` };
    const start = performance.now();
    const { answer } = await ask(t, { headers });
    oneOf(answer.status, [101, 400, 431], "the status");
    that(
      performance.now() - start < 100,
      "time to answer",
      "under 100 ms",
      performance.now() - start,
    );
  });

  check("header names and tokens are compared without case", async (t) => {
    const tcp = await server.tcp(t);
    const lines = [
      `GET ${server.address(WEBSOCKET)} HTTP/1.1`,
      `host: ${server.host}:${server.port}`,
      "connection: keep-alive, Upgrade",
      "upgrade: WebSocket",
      "sec-websocket-version: 13",
      `sec-websocket-key: ${WS_KEY}`,
    ];
    await tcp.write(`${lines.join("\r\n")}\r\n\r\n`);
    equal((await tcp.httpAnswer()).status, 101, "the status");
  });

  check(
    "another WebSocket version is answered 426 with the version spoken",
    { ours: "ws-01; the reference takes version 8" },
    async (t) => {
      for (const version of ["8", "7", "14", "abc"]) {
        const { answer } = await ask(t, { headers: { "Sec-WebSocket-Version": version } });
        equal(answer.status, 426, `the status for version ${version}`);
        equal(answer.headers["sec-websocket-version"], "13", "Sec-WebSocket-Version");
      }
    },
  );

  check("a missing WebSocket version is refused", async (t) => {
    const { answer } = await ask(t, { headers: { "Sec-WebSocket-Version": null } });
    oneOf(answer.status, [400, 426], "the status");
  });

  check("a missing or bad key is refused with 400", async (t) => {
    const keys = [
      null,
      "",
      "abc",
      "dGhlIHNhbXBsZSBub25jZQ",
      "dGhlIHNhbXBsZSBub25jZTEyMw==",
      "!!!!IHNhbXBsZSBub25jZQ==",
    ];
    for (const key of keys) {
      const { answer } = await ask(t, { headers: { "Sec-WebSocket-Key": key } });
      equal(answer.status, 400, `the status for the key ${key}`);
    }
  });

  check("only GET upgrades", async (t) => {
    for (const method of ["POST", "PUT"]) {
      const { answer } = await ask(t, { method, headers: { "Content-Length": "0" } });
      oneOf(answer.status, [400, 405], `the status for ${method}`);
    }
  });

  check("an upgrade to something else opens no WebSocket", async (t) => {
    for (const other of ["h2c", "websocket2", "foo"]) {
      const { answer } = await ask(t, { headers: { Upgrade: other } });
      equal(answer.status, 400, `the status for Upgrade: ${other}`);
    }
  });

  check("an upgrade off the path is refused, or ended within 3 seconds", async (t) => {
    for (const path of ["/", "/other/", "/engine.io", "/engine.iox/"]) {
      const tcp = await server.tcp(t);
      await tcp.write(upgradeRequest(server, WEBSOCKET, { path }));
      const heard = () => (tcp.over || tcp.seen.includes("\r\n\r\n") ? true : undefined);
      await tcp.until(heard, `an answer on ${path}, or the end`);
      const said = tcp.seen.toString("latin1");
      that(/^$|^HTTP\/1\.1 4/.test(said), `an upgrade on ${path}`, "4xx or nothing", said);
    }
  });

  check(
    "frames in the same segment as the request are not lost",
    { ours: "DESIGN.md, Shards; the reference drops what comes during its asynchronous handshake" },
    async (t) => {
      const tcp = await server.tcp(t);
      const request = Buffer.from(upgradeRequest(server, WEBSOCKET));
      const frames = [frame(OPCODE.text, "4first"), frame(OPCODE.text, "4second")];
      await tcp.write(Buffer.concat([request, ...frames]));
      equal((await tcp.httpAnswer()).status, 101, "the status");
      const socket = new RawWs(tcp);
      equal((await socket.text())[0], "0", "the open packet");
      equal([await socket.text(), await socket.text()], ["4first", "4second"], "the echoes");
    },
  );

  check("a request that comes byte by byte is understood", async (t) => {
    const tcp = await server.tcp(t);
    const request = upgradeRequest(server, WEBSOCKET);
    for (const byte of request) await tcp.write(byte);
    equal((await tcp.httpAnswer()).status, 101, "the status");
    const socket = new RawWs(tcp);
    equal((await socket.text())[0], "0", "the open packet");
    for (const byte of frame(OPCODE.text, "4slow")) await socket.write(Buffer.from([byte]));
    equal(await socket.text(), "4slow", "the echo");
  });

  check("a body after the upgrade request costs only its sender", async (t) => {
    const tcp = await server.tcp(t);
    await tcp.write(`${upgradeRequest(server, WEBSOCKET)}test`);
    await tcp.end();
    const sent = tcp.seen.subarray(tcp.seen.indexOf("\r\n\r\n") + 4);
    const first = parseFrame(sent);
    that(
      !first || first.payload[0] === 0x30 || first.opcode === OPCODE.close,
      "what comes",
      "an open packet, a close or nothing",
      first,
    );
  });

  check("a connection reset right after a refused upgrade does no harm", async (t) => {
    for (const query of ["EIO=4&transport=abc", "EIO=3&transport=websocket", WEBSOCKET]) {
      for (const method of ["GET", "HEAD"]) {
        const tcp = await server.tcp(t);
        await tcp.write(upgradeRequest(server, query, { method }));
        tcp.socket.resetAndDestroy();
      }
    }
  });
}
