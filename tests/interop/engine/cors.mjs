// Cross-origin headers, without and with `--cors ORIGIN` (A3.34, http-22, ws-05).

import { check, equal, oneOf, that } from "../harness.mjs";
import { POLLING, Polling, WEBSOCKET } from "../session.mjs";
import { upgradeRequest } from "../wire.mjs";

const FOREIGN = "http://evil.example";
const preflight = {
  "access-control-request-method": "POST",
  "access-control-request-headers": "x-token, x-other",
};

export function noCorsCases(server) {
  check("without CORS no answer carries CORS headers", async (t) => {
    const headers = { origin: FOREIGN };
    const session = await Polling.open(t, server);
    await session.send("4x");
    const answers = [
      await server.request(t, "GET", POLLING, { headers }),
      await session.get({ headers }),
      await session.post("4x", { headers }),
      await server.request(t, "GET", "EIO=4&transport=abc", { headers }),
      await server.request(t, "OPTIONS", POLLING, { headers: { ...headers, ...preflight } }),
    ];
    for (const answer of answers) {
      const names = Object.keys(answer.headers).filter((name) => name.startsWith("access-control"));
      equal(names, [], `the CORS headers of a ${answer.status}`);
    }
  });

  check("without CORS a preflight opens nothing", async (t) => {
    const headers = { origin: FOREIGN, ...preflight };
    const answer = await server.request(t, "OPTIONS", POLLING, { headers });
    oneOf(answer.status, [204, 400], "the status");
    that(!answer.text.startsWith("0{"), "the body", "no open packet", answer.text);
  });

  check("without CORS any origin may open a WebSocket", async (t) => {
    for (const origin of [FOREIGN, "null"]) {
      const socket = await server.ws(t, WEBSOCKET, { headers: { origin } });
      equal((await socket.next())[0], "0", "the open packet");
    }
  });
}

export function corsCases(server, origin) {
  const varies = (answer) => /\borigin\b/i.test(answer.headers.vary ?? "");

  const allowed = (answer, what) => {
    equal(
      answer.headers["access-control-allow-origin"],
      origin,
      `${what}: Access-Control-Allow-Origin`,
    );
    that(varies(answer), `${what}: Vary`, "Origin", answer.headers.vary);
  };

  check("each answer to the allowed origin allows it, errors too", async (t) => {
    const headers = { origin };
    allowed(await server.request(t, "GET", POLLING, { headers }), "the handshake");
    const session = await Polling.open(t, server);
    allowed(await session.post("4x", { headers }), "a POST");
    allowed(await session.get({ headers }), "a poll");
    allowed(await server.request(t, "GET", "EIO=4&transport=abc", { headers }), "code 0");
    allowed(await server.request(t, "GET", `${POLLING}&sid=unknown`, { headers }), "code 1");
    allowed(await server.request(t, "POST", POLLING, { headers, body: "" }), "code 2");
    allowed(await server.request(t, "GET", "EIO=3&transport=polling", { headers }), "code 5");
  });

  check("a preflight from the allowed origin is answered 204 with what it asked for", async (t) => {
    const answer = await server.request(t, "OPTIONS", POLLING, {
      headers: { origin, ...preflight },
    });
    equal(answer.status, 204, "the status");
    allowed(answer, "the preflight");
    const methods = answer.headers["access-control-allow-methods"] ?? "";
    that(
      /\bGET\b/.test(methods) && /\bPOST\b/.test(methods),
      "the methods",
      "GET and POST",
      methods,
    );
    const names = (answer.headers["access-control-allow-headers"] ?? "").split(/\s*,\s*/).sort();
    equal(names, ["x-other", "x-token"], "the headers");
    oneOf(answer.headers["content-length"], ["0", undefined], "Content-Length");
  });

  check("the 101 to the allowed origin allows it", async (t) => {
    const tcp = await server.tcp(t);
    await tcp.write(upgradeRequest(server, WEBSOCKET, { headers: { Origin: origin } }));
    const answer = await tcp.httpAnswer();
    equal(answer.status, 101, "the status");
    allowed(answer, "the 101");
  });

  check("no answer ever allows a foreign origin", async (t) => {
    for (const foreign of [FOREIGN, "null", `${origin}.evil.example`, origin.toUpperCase()]) {
      const headers = { origin: foreign };
      const answers = [
        await server.request(t, "GET", POLLING, { headers }),
        await server.request(t, "GET", "EIO=4&transport=abc", { headers }),
        await server.request(t, "OPTIONS", POLLING, { headers: { ...headers, ...preflight } }),
      ];
      for (const answer of answers) {
        oneOf(
          answer.headers["access-control-allow-origin"],
          [undefined, origin],
          "the allowed origin",
        );
      }
    }
  });

  check(
    "a preflight from a foreign origin is answered 204 without allowing anybody",
    { ours: "http-22; the reference names its fixed origin to everybody" },
    async (t) => {
      const headers = { origin: FOREIGN, ...preflight };
      const answer = await server.request(t, "OPTIONS", POLLING, { headers });
      equal(answer.status, 204, "the status");
      equal(
        answer.headers["access-control-allow-origin"],
        undefined,
        "Access-Control-Allow-Origin",
      );
    },
  );

  check("a request without an origin is served", async (t) => {
    const session = await Polling.open(t, server);
    await session.echoes();
  });

  check("an upgrade from a foreign origin is refused, or at least not allowed", async (t) => {
    const tcp = await server.tcp(t);
    await tcp.write(upgradeRequest(server, WEBSOCKET, { headers: { Origin: FOREIGN } }));
    const answer = await tcp.httpAnswer();
    oneOf(answer.status, [101, 403], "the status");
    const allowedOrigin = answer.headers["access-control-allow-origin"];
    oneOf(allowedOrigin, [undefined, origin], "Access-Control-Allow-Origin");
  });
}
