// Sizes: what is just small enough works, what is not ends in a named way (ws-16, eio-03).

import { check, equal, that } from "../harness.mjs";
import { join } from "./connection.mjs";

export function limitCases(server, transport) {
  const over = transport === "polling" ? "polling" : "WebSocket";

  check("an event of 900 kB comes back", async (t) => {
    const connection = await join(t, server, transport);
    const text = "a".repeat(900_000);
    await connection.send(`2["message","${text}"]`);
    const [echo] = await connection.event("message-back");
    that(echo === text, "the echo", "the same text", `${echo.length} characters`);
    await connection.echoes();
  });

  check(`an event over maxPayload is refused as ${over} refuses it`, async (t) => {
    const connection = await join(t, server, transport);
    const status = await connection.send(`2["message","${"a".repeat(1_000_000)}"]`);
    if (transport === "polling") equal(status, 413, "the status of the POST");
    else equal((await connection.closed()).code, 1009, "the close code");
  });

  check("an ack of 900 kB comes back", async (t) => {
    const connection = await join(t, server, transport);
    const text = "é".repeat(450_000);
    await connection.send(`21["message-with-ack","${text}"]`);
    const { id, data } = await connection.packet();
    that(id === 1 && data[0] === text, "the ack", "the same text", `${data[0].length} characters`);
  });
}
