// Rooms and broadcasts (A10.72; the fixture's join, leave and room-send).

import { check, equal } from "../harness.mjs";
import { TRANSPORTS, join, staysSilent } from "./connection.mjs";

let rooms = 0;
const freshRoom = () => `room-${process.pid}-${++rooms}`;

export function roomCases(server, transport) {
  const open = (t, over = transport) => join(t, server, over);

  const ask = async (connection, ...event) => {
    await connection.send(`21${JSON.stringify(event)}`);
    equal(await connection.next(), '31["ok"]', `the ack of ${event[0]}`);
  };

  check("who is in the room hears it, the sender does not", async (t) => {
    const room = freshRoom();
    const [one, two, three] = [await open(t), await open(t), await open(t)];
    for (const member of [one, two, three]) await ask(member, "join", room);
    await ask(one, "room-send", room, { hello: [1, "é"] });
    for (const member of [two, three]) {
      equal(await member.event("room-message"), [room, { hello: [1, "é"] }], "the message");
    }
    await staysSilent(one, "what the sender heard", 20);
  });

  check("who is not in the room may send to it, and hears nothing", async (t) => {
    const room = freshRoom();
    const [member, stranger, other] = [await open(t), await open(t), await open(t)];
    await ask(member, "join", room);
    await ask(stranger, "room-send", room, 1);
    equal(await member.event("room-message"), [room, 1], "the message");
    await other.echoes();
    equal([...stranger.rest(), ...other.rest()], [], "what the others heard");
  });

  check("who left the room no longer hears it", async (t) => {
    const room = freshRoom();
    const [one, two] = [await open(t), await open(t)];
    await ask(two, "join", room);
    await ask(two, "leave", room);
    await ask(one, "room-send", room, 1);
    await two.echoes();
  });

  check("joining twice is joining once, and leaving nothing is nothing", async (t) => {
    const room = freshRoom();
    const [one, two] = [await open(t), await open(t)];
    await ask(two, "leave", room);
    await ask(two, "join", room);
    await ask(two, "join", room);
    await ask(one, "room-send", room, "once");
    equal(await two.event("room-message"), [room, "once"], "the message");
    await two.echoes();
  });

  check("an empty room hears nothing and answers ok", async (t) => {
    const one = await open(t);
    await ask(one, "room-send", freshRoom(), 1);
    await one.echoes();
  });

  check("a member over any transport hears the room", async (t) => {
    const room = freshRoom();
    const sender = await open(t);
    const members = [];
    for (const over of TRANSPORTS) {
      const member = await open(t, over);
      await ask(member, "join", room);
      members.push(member);
    }
    for (let i = 0; i < 5; i++) await ask(sender, "room-send", room, i);
    for (const member of members) {
      for (let i = 0; i < 5; i++)
        equal(await member.event("room-message"), [room, i], "the message");
    }
  });

  check("binary reaches a room whole, over each transport", async (t) => {
    const room = freshRoom();
    const sender = await open(t);
    const members = [];
    for (const over of TRANSPORTS) {
      const member = await open(t, over);
      await ask(member, "join", room);
      members.push(member);
    }
    await sender.burst([
      `51-1["room-send","${room}",{"_placeholder":true,"num":0}]`,
      Buffer.from([0, 128, 255]),
    ]);
    equal(await sender.next(), '31["ok"]', "the ack");
    for (const member of members) {
      equal(await member.event("room-message"), [room, Buffer.from([0, 128, 255])], "the message");
    }
  });

  check("a member that disconnects is no member any more", async (t) => {
    const room = freshRoom();
    const [one, two] = [await open(t), await open(t)];
    await ask(two, "join", room);
    await two.send("1");
    await staysSilent(two, "the answer to DISCONNECT", 20);
    await two.join("/");
    await ask(one, "room-send", room, 1);
    await two.echoes();
  });

  check("a socket's own id is its room", async (t) => {
    const [one, two] = [await open(t), await open(t)];
    await ask(one, "room-send", two.socketId, "to you");
    equal(await two.event("room-message"), [two.socketId, "to you"], "the message");
  });

  check("odd room names are names", async (t) => {
    const [one, two] = [await open(t), await open(t)];
    for (const room of ["", "__proto__", "constructor", "é€𝒳", "a,b", " "]) {
      await ask(two, "join", room);
      await ask(one, "room-send", room, 1);
      equal(await two.event("room-message"), [room, 1], "the message");
      await ask(two, "leave", room);
    }
  });
}
