// CONNECT and its answers (A9; ns-01 to ns-14).

import { check, equal, oneOf, pause, that } from "../harness.mjs";
import { Polling } from "../session.mjs";
import { connect, join } from "./connection.mjs";

const UNKNOWN = { message: "Invalid namespace" };

export function connectCases(server, transport) {
  const open = (t) => connect(t, server, transport);

  const spellings = {
    0: "/",
    "0/": "/",
    "0/,": "/",
    "0/custom,": "/custom",
    "0/custom": "/custom",
    "0 {}": "/",
    "0/custom, {}": "/custom",
    "0\n": "/",
  };
  for (const [text, nsp] of Object.entries(spellings)) {
    const name = `${JSON.stringify(`4${text}`)} joins ${nsp}`;
    check(`${name}, and the auth event brings an empty object`, async (t) => {
      const connection = await open(t);
      await connection.send(text);
      const answer = await connection.packet();
      equal([answer.type, answer.nsp, Object.keys(answer.data)], [0, nsp, ["sid"]], "the answer");
      that(
        /^[A-Za-z0-9_-]{20,}$/.test(answer.data.sid),
        "the sid",
        "20 or more characters",
        answer.data.sid,
      );
      equal(await connection.event("auth", nsp), [{}], "the auth event");
    });
  }

  check("the answer and the event are written as the reference writes them", async (t) => {
    const connection = await open(t);
    await connection.send('0{"token":"123"}');
    const answer = await connection.next();
    that(/^0\{"sid":"[^"]+"\}$/.test(answer), "the answer", '0{"sid":"…"}', answer);
    equal(await connection.next(), '2["auth",{"token":"123"}]', "the auth event");
    await connection.send('0/custom,{"token":"abc"}');
    const custom = await connection.next();
    that(
      /^0\/custom,\{"sid":"[^"]+"\}$/.test(custom),
      "the answer",
      '0/custom,{"sid":"…"}',
      custom,
    );
    equal(
      await connection.next(),
      '2/custom,["auth",{"token":"abc"}]',
      "the auth event of /custom",
    );
  });

  check("any object is a payload, and comes back as it is", async (t) => {
    const payloads = [
      {},
      { a: [1, { b: null }], é: "𝒳", "": false },
      JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
      { sid: "mine", pid: 5, offset: {} },
    ];
    for (const payload of payloads) {
      const connection = await open(t);
      await connection.join("/", payload);
    }
  });

  check("sids differ from each other and from the session's", async (t) => {
    const connection = await open(t);
    const sids = [
      await connection.join("/"),
      await connection.join("/custom"),
      connection.engineSid,
    ];
    equal(new Set(sids).size, 3, "different ids");
  });

  check("an unknown namespace is refused, and the connection stays", async (t) => {
    const connection = await open(t);
    for (const nsp of [
      "/random",
      "/nope",
      "/custom2",
      "/__proto__",
      "/constructor",
      "/Custom",
      "/é€",
    ]) {
      await connection.send(`0${nsp},`);
      equal(await connection.next(), `4${nsp},${JSON.stringify(UNKNOWN)}`, "the answer");
    }
    await connection.send("0/random");
    equal(
      await connection.next(),
      `4/random,${JSON.stringify(UNKNOWN)}`,
      "the answer without a comma",
    );
    await connection.send('0/random,{"token":"x"}');
    equal(
      await connection.next(),
      `4/random,${JSON.stringify(UNKNOWN)}`,
      "the answer to a payload",
    );
    await connection.join("/");
    await connection.echoes();
  });

  check("a query belongs to the namespace's name", async (t) => {
    const connection = await open(t);
    await connection.send("0/custom?token=x,");
    equal(await connection.next(), `4/custom?token=x,${JSON.stringify(UNKNOWN)}`, "the answer");
    await connection.send("0/custom?token=x");
    equal(await connection.next(), `4/custom?token=x,${JSON.stringify(UNKNOWN)}`, "the answer");
  });

  check("/auth refuses who does not know the secret, with message and data", async (t) => {
    const connection = await open(t);
    const refusal = { message: "Unauthorized", data: { code: "E_AUTH" } };
    for (const auth of [
      "",
      "{}",
      '{"token":"wrong"}',
      '{"token":1}',
      '{"token":["secret"]}',
      '{"token":null}',
      '{"Token":"secret"}',
    ]) {
      await connection.send(`0/auth,${auth}`);
      equal(
        await connection.packet(),
        { type: 4, nsp: "/auth", data: refusal },
        `the answer to ${auth}`,
      );
    }
    await connection.join("/");
    await connection.echoes();
  });

  check("/auth lets in who knows the secret, also after a refusal", async (t) => {
    const connection = await open(t);
    await connection.send("0/auth,");
    equal((await connection.packet()).type, 4, "the type of the first answer");
    await connection.send('0/auth,{"token":"secret"}');
    const answer = await connection.packet();
    equal([answer.type, answer.nsp, Object.keys(answer.data)], [0, "/auth", ["sid"]], "the answer");
  });

  check("of two members of one name the last counts", async (t) => {
    const connection = await open(t);
    await connection.send('0/auth,{"token":"secret","token":"wrong"}');
    equal((await connection.packet()).type, 4, "the type of the answer to the wrong one");
    await connection.send('0/auth,{"token":"wrong","token":"secret"}');
    equal((await connection.packet()).type, 0, "the type of the answer to the right one");
  });

  check("both namespaces live beside each other on one connection", async (t) => {
    const connection = await open(t);
    await connection.join("/");
    await connection.join("/custom");
    await connection.send('2/custom,["message",1]');
    equal(await connection.next(), '2/custom,["message-back",1]', "the echo in /custom");
    await connection.send('2["message",2]');
    equal(await connection.next(), '2["message-back",2]', "the echo in /");
  });

  const invalid = [
    "0[]",
    '0"a"',
    "0abc",
    "0null",
    "0true",
    "0{}x",
    "0{",
    '0{"a":1',
    "0/custom,[]",
    '0/custom,"a"',
    "0/custom,x",
  ];
  for (const packet of invalid) {
    check(`4${packet} closes the connection`, async (t) => {
      const connection = await open(t);
      await connection.send(packet);
      await connection.closed();
    });
  }

  const tooEarly = ['2["message",1]', "1", "3[]", "30[]", '2/custom,["message",1]', "1/custom,"];
  for (const packet of tooEarly) {
    check(`4${packet} before any CONNECT closes the connection`, async (t) => {
      const connection = await open(t);
      await connection.send(packet);
      await connection.closed();
    });
  }

  for (const packet of ['2/custom,["message",1]', "1/custom,", "3/custom,1[]"]) {
    check(`4${packet} for a namespace that was not joined closes the connection`, async (t) => {
      const connection = await join(t, server, transport);
      await connection.send(packet);
      await connection.closed();
    });
  }

  for (const nsp of ["/", "/custom"]) {
    check(`a second CONNECT to ${nsp} closes the connection`, async (t) => {
      const connection = await join(t, server, transport, nsp);
      await connection.send(nsp === "/" ? "0" : `0${nsp},`);
      await connection.closed();
    });
  }

  check(
    "a CONNECT that comes before the answer to another is answered with it",
    { ours: "the reference makes two sockets, or closes if the first answer is under way" },
    async (t) => {
      const connection = await open(t);
      await connection.join("/");
      const again = ['0/custom,{"n":1}', '0/custom,{"n":2}', '2/custom,["message",1]'];
      await connection.burst(again);
      const answer = await connection.packet();
      equal([answer.type, answer.nsp], [0, "/custom"], "the answer");
      equal(await connection.event("auth", "/custom"), [{ n: 1 }], "the payload that counts");
      equal(await connection.next(), '2/custom,["message-back",1]', "the echo");
      await connection.echoes();
    },
  );

  check(
    "events right behind CONNECT wait for its answer and keep their order",
    { ours: "ns-07; the reference closes" },
    async (t) => {
      const connection = await open(t);
      await connection.burst(["0", '2["message",1]', '27["message-with-ack",2]', '2["message",3]']);
      equal((await connection.packet()).type, 0, "the type of the first packet");
      equal(await connection.event("auth"), [{}], "the auth event");
      equal(await connection.next(), '2["message-back",1]', "the first echo");
      equal(await connection.next(), "37[2]", "the ack");
      equal(await connection.next(), '2["message-back",3]', "the second echo");
    },
  );

  check(
    "binary events right behind CONNECT wait as well",
    { ours: "ns-07; the reference closes" },
    async (t) => {
      const connection = await open(t);
      const placeholder = '{"_placeholder":true,"num":0}';
      await connection.burst([
        "0/custom,",
        `51-/custom,["message",${placeholder}]`,
        Buffer.from([1, 2]),
      ]);
      equal((await connection.packet()).type, 0, "the type of the first packet");
      await connection.event("auth", "/custom");
      equal(await connection.event("message-back", "/custom"), [Buffer.from([1, 2])], "the echo");
    },
  );

  check(
    "two namespaces may be joined and used in one burst",
    { ours: "ns-07; the reference closes" },
    async (t) => {
      const connection = await open(t);
      await connection.burst(["0", "0/custom,", '2/custom,["message","c"]', '2["message","m"]']);
      const seen = { "/": [], "/custom": [] };
      for (let i = 0; i < 6; i++) {
        const { nsp, type, data } = await connection.packet();
        seen[nsp].push(type === 0 ? "connected" : data);
      }
      equal(seen["/"], ["connected", ["auth", {}], ["message-back", "m"]], "what / said");
      equal(
        seen["/custom"],
        ["connected", ["auth", {}], ["message-back", "c"]],
        "what /custom said",
      );
    },
  );

  check("two namespaces may be joined in one burst", async (t) => {
    const connection = await open(t);
    await connection.burst(["0", "0/custom,"]);
    const seen = { "/": [], "/custom": [] };
    for (let i = 0; i < 4; i++) {
      const { nsp, type } = await connection.packet();
      seen[nsp].push(type);
    }
    equal(seen, { "/": [0, 2], "/custom": [0, 2] }, "what each said");
  });

  check("a recovery that nobody offered is a fresh session", async (t) => {
    for (const auth of [
      { pid: "abc", offset: "def" },
      { pid: { a: 1 }, offset: 5 },
      { pid: 1 },
      { offset: null },
    ]) {
      const connection = await open(t);
      const id = await connection.join("/", auth);
      await connection.send('21["whoami"]');
      const [who] = (await connection.packet()).data;
      equal([who.id, who.recovered], [id, false], "whoami");
    }
  });

  const idle = (name, act) =>
    check(name, { ms: 6_000, beside: true }, async (t) => {
      const start = performance.now();
      const connection = await open(t);
      await act(connection);
      const how = await connection.closed(4_000);
      const ms = performance.now() - start;
      if (transport === "polling") equal([how.status, how.text], [200, "1"], "the waiting poll");
      else oneOf(how.code, [1000, 1005], "the close code");
      that(
        ms > 1_400 && ms < 2_200,
        "the close",
        "about 1500 ms after the handshake",
        `${ms.toFixed(0)} ms`,
      );
    });
  idle("who joins nothing is closed after connectTimeout", async () => {});
  idle("who was only refused is closed after connectTimeout too", async (connection) => {
    await connection.send("0/nope,");
    equal((await connection.packet()).type, 4, "the type of the answer");
  });

  if (transport === "polling") {
    check(
      "who polls again only after connectTimeout is told of the close",
      { ms: 6_000, beside: true },
      async (t) => {
        const session = await Polling.open(t, server);
        while (performance.now() - session.askedAt < 1_700) {
          await pause(150);
          // Without a poll no ping arrives; an unasked pong keeps the session as well.
          await session.post("3");
        }
        const { status, text } = await session.get();
        oneOf(
          [status, text],
          [
            [200, "1"],
            [200, "6\x1e1"],
          ],
          "the poll",
        );
        await session.gone();
      },
    );
  }

  check("who joined anything outlives connectTimeout", { ms: 6_000, beside: true }, async (t) => {
    const connection = await join(t, server, transport, "/custom");
    await pause(2_000);
    await connection.join("/");
    await connection.echoes();
  });

  check(
    "a namespace's name of 300 bytes closes the connection, and is not sent back",
    { ours: "ns-10; the reference sends 500 kB back" },
    async (t) => {
      for (const length of [300, 500_000]) {
        const connection = await open(t);
        await connection.send(`0/${"a".repeat(length)},`);
        await connection.closed();
        equal(connection.rest(), [], "what came");
      }
    },
  );

  check("a namespace's name of 200 bytes is looked up", async (t) => {
    const connection = await open(t);
    const nsp = `/${"a".repeat(199)}`;
    await connection.send(`0${nsp},`);
    equal(await connection.packet(), { type: 4, nsp, data: UNKNOWN }, "the answer");
  });

  check(
    "after 32 refused CONNECTs the connection is closed",
    { ours: "ns-09; the reference answers 10 000" },
    async (t) => {
      const connection = await open(t);
      await connection.burst(Array.from({ length: 40 }, (_, i) => `0/nope${i},`));
      const how = await connection.closed();
      if (how.code !== undefined) equal(how.code, 1008, "the close code");
      const refusals = connection.rest().filter((packet) => packet.startsWith("4/nope")).length;
      oneOf(refusals, [31, 32, 33], "refusals before the close");
    },
  );

  check("thirty refused CONNECTs do no harm", async (t) => {
    const connection = await open(t);
    for (let i = 0; i < 30; i++) {
      await connection.send(`0/nope${i},`);
      equal((await connection.packet()).type, 4, "the type of the answer");
    }
    await connection.join("/");
    await connection.echoes();
  });
}
