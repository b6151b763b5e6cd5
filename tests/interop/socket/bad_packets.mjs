// Packets that are no packets: each closes its connection and harms nobody else (sio-01 to sio-18,
// sio-35 to sio-40).

import { check, equal, oneOf } from "../harness.mjs";
import { join } from "./connection.mjs";

const REFERENCE_TAKES_IT = "A0.19; the reference reads it as JavaScript reads numbers";

export function badPacketCases(server, transport) {
  const closes = (packet, { ours, called } = {}) => {
    const name = called ?? JSON.stringify(`4${packet}`);
    check(`${name} closes the connection`, { ours }, async (t) => {
      const connection = await join(t, server, transport);
      const bystander = await join(t, server, "websocket");
      await connection.send(packet);
      const how = await connection.closed();
      if (how.code !== undefined) oneOf(how.code, [1000, 1005], "the close code");
      equal(connection.rest(), [], "what came before the close");
      await bystander.echoes();
    });
  };

  closes("", { called: "an empty message" });
  for (const packet of ["7", "9", "abc", "x", "\u0000", " "]) closes(packet);
  for (const data of [
    "{}",
    "[]",
    "[null]",
    "[true]",
    "[false]",
    "[{}]",
    '[["a"]]',
    '"message"',
    "null",
    "1.5",
    '["message"',
    '["message",]',
    '["message"]x',
    '["message"]]',
    "abc",
    '[,"message"]',
  ]) {
    closes(`2${data}`);
  }
  closes("2", { ours: "sio-06; the reference ignores it" });
  closes("27", { ours: "sio-06; the reference ignores it" });
  for (const name of [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
  ]) {
    closes(`2["${name}"]`);
  }
  closes('2["\\u0063onnect"]', { called: "a reserved name in escapes" });
  closes('2-1["message-with-ack",1]');
  closes('21e5["message-with-ack",1]');
  closes('20x10["message-with-ack",1]');
  closes('21.5["message-with-ack",1]');
  closes('2 ["message"]', { ours: REFERENCE_TAKES_IT });
  closes('21 2["message-with-ack",1]', { ours: REFERENCE_TAKES_IT });
  closes('29007199254740992["message-with-ack",1]', {
    ours: "sio-13; the reference answers a different id",
  });
  closes('29007199254740993["message-with-ack",1]', {
    ours: "sio-13; the reference answers a different id",
  });
  closes(`2${"9".repeat(400)}["message-with-ack",1]`, {
    called: "an id of 400 digits",
    ours: "sio-14; the reference answers Infinity",
  });
  closes(`2${"1".repeat(900_000)}`, {
    called: "an id of 900 000 digits and nothing more",
    ours: "sio-14; the reference ignores an event without payload",
  });
  closes("3[]", { ours: "sio-18; the reference ignores it" });
  for (const data of ["0{}", '0"x"', "0null", "0abc", "0[", "0[]x"]) closes(`3${data}`);
  closes("30", { ours: "sio-18; the reference ignores an ack without payload" });
  for (const packet of ["4", "4{}", '4{"message":"x"}', '4"x"']) closes(packet);
  closes('2custom,["message",1]', { called: "a namespace without a slash" });
  closes('2/custom["message",1]', { called: "a namespace without a comma" });
}
