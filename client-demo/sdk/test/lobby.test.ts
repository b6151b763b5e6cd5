// Lobbies by the SDK, against a server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server, until } from "./server.js";

test("one creates, another joins, and both hear what is said", async (t) => {
  const server = await Server.start(t);
  const [ada, bob] = [await server.player(t, "Ada"), await server.player(t, "Bob")];
  const made = await ada.lobbies.create({ game: "chess" });
  assert.equal(made.isHost, true);
  const joined = await bob.lobbies.join(made.code);
  assert.deepEqual(joined.seats.map(({ name }) => name), ["Ada", "Bob"]);
  const heard: string[] = [];
  made.on("chat", ({ name, text }) => heard.push(`${name}: ${text}`));
  await joined.chat("hello");
  await until("the chat", (again) => made.on("chat", again), () => heard.length > 0);
  assert.deepEqual(heard, ["Bob: hello"]);
  assert.deepEqual(made.info, { ...joined.info, version: made.info.version });
});
