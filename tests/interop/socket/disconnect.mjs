// DISCONNECT from both sides (A9.64, A10.75, A11).

import { check, equal, pause } from "../harness.mjs";
import { connect, join, staysSilent } from "./connection.mjs";

export function disconnectCases(server, transport) {
  for (const packet of ["1/custom,", "1/custom"]) {
    check(`4${packet} leaves the namespace and nothing else`, async (t) => {
      const connection = await join(t, server, transport);
      await connection.join("/custom");
      await connection.burst([packet, '2["message","to the main namespace"]']);
      equal(await connection.next(), '2["message-back","to the main namespace"]', "the echo");
    });
  }

  check("leaving a namespace is not answered, and it can be joined again", async (t) => {
    const connection = await join(t, server, transport);
    await connection.send("1");
    await staysSilent(connection, "the answer to DISCONNECT");
    const id = await connection.join("/");
    equal(id === connection.socketId, false, "the new id is the old one");
    await connection.echoes();
  });

  check(
    "a connection that left its last namespace stays open",
    { ms: 6_000, beside: true },
    async (t) => {
      const connection = await join(t, server, transport);
      await connection.send("1");
      await pause(1_800); // Longer than connectTimeout, which is over since the first join.
      await connection.join("/custom");
    },
  );

  for (const packet of ['2["message",1]', "1", "31[]"]) {
    check(`4${packet} for a namespace that was left closes the connection`, async (t) => {
      const connection = await join(t, server, transport);
      await connection.join("/custom");
      await connection.burst(["1", '2/custom,["message",1]']);
      equal(await connection.next(), '2/custom,["message-back",1]', "the echo in /custom");
      await connection.send(packet);
      await connection.closed();
    });
    check(
      `4${packet} right behind the DISCONNECT closes the connection`,
      { ours: "sio-40; the reference still finds the socket when both come in one segment" },
      async (t) => {
        const connection = await join(t, server, transport);
        await connection.burst(["1", packet]);
        await connection.closed();
      },
    );
  }

  check("a DISCONNECT with a payload closes the connection", async (t) => {
    for (const packet of ["1{}", "1[]", '1"x"', "1x"]) {
      const connection = await join(t, server, transport);
      await connection.send(packet);
      await connection.closed();
    }
  });

  check("bye is answered by DISCONNECT, and the other namespace stays", async (t) => {
    const connection = await connect(t, server, transport);
    await connection.join("/custom");
    await connection.join("/");
    await connection.send('2["bye"]');
    equal(await connection.next(), "1", "the answer");
    await connection.send('2/custom,["message",1]');
    equal(await connection.next(), '2/custom,["message-back",1]', "the echo in /custom");
    const id = await connection.join("/");
    equal(typeof id, "string", "the id after joining again");
  });

  check("who was sent away and goes on talking is closed", async (t) => {
    const connection = await join(t, server, transport);
    await connection.send('2["bye"]');
    equal(await connection.next(), "1", "the answer");
    await connection.send('2["message",1]');
    await connection.closed();
  });

  check("what was sent before bye is answered before it", async (t) => {
    const connection = await join(t, server, transport);
    await connection.burst(['2["message",1]', '2["message",2]', '2["bye"]']);
    const seen = [await connection.next(), await connection.next(), await connection.next()];
    equal(seen, ['2["message-back",1]', '2["message-back",2]', "1"], "the answers");
  });
}
