// Lobbies by the SDK, against a server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, ParlorError, type api, type LobbyInfo } from "../src/index.js";
import { cut, happens, match, Server, until } from "./server.js";

const code = (expected: string) => (error: unknown) => {
  assert.ok(error instanceof ParlorError, String(error));
  assert.equal(error.code, expected);
  assert.match(error.message, /\S.{5,}/);
  return true;
};

test("one creates, another joins, and both hear what is said", async (t) => {
  const server = await Server.start(t);
  const [ada, bob] = [await server.player(t, "Ada"), await server.player(t, "Bob")];
  const made = await ada.lobbies.create({ game: "chess" });
  assert.deepEqual([made.isHost, made.seat, ada.lobby], [true, 0, made]);
  const joined = await bob.lobbies.join(made.code);
  assert.deepEqual(joined.seats.map(({ name }) => name), ["Ada", "Bob"]);
  const said = happens(made, "chat");
  await joined.chat("hello");
  const { name, seat, text } = await said;
  assert.deepEqual([name, seat, text], ["Bob", 1, "hello"]);
  const reacted = happens(made, "reaction");
  await joined.react("👍");
  assert.equal((await reacted).reaction, "👍");
});

/** A lobby without what is another for each viewer; what is not said is false. */
const plain = ({ version: _, spectators: __, metadata = {}, ...info }: LobbyInfo): unknown =>
  JSON.parse(JSON.stringify({ ...info, metadata }, (_, value) => (value === false ? undefined : value)));

test("a copy of a lobby is what somebody sees who looks at it now", async (t) => {
  const server = await Server.start(t);
  const [host, guest] = await match(t, server, { game: "chess", capacity: 2 });
  const eve = await server.player(t, "Eve");
  const look = async (): Promise<void> => {
    const watcher = await eve.lobbies.join({ code: host.code, role: "spectator" });
    const seen = plain(watcher.info);
    await watcher.leave();
    for (const one of [host, guest]) {
      await until("nobody watches", (again) => one.on("update", again), () => one.info.spectators === 0);
      assert.deepEqual(plain(one.info), seen);
    }
  };
  await look();
  const over = happens(guest, "finished");
  await host.match.input({ type: "resign" });
  assert.deepEqual((await over).outcome, { winners: [1], reason: "resignation" });
  await look();
  await guest.rematch();
  await look();
  const again = happens(guest, "started");
  await host.rematch();
  assert.equal((await again).number, 2);
  await look();
  await guest.match.input({ type: "resign" });
  await host.settings({ locked: false, metadata: { map: "sea", level: 3 } });
  await host.host(1);
  await guest.colour("teal");
  await guest.poll({ question: "Who won?", options: ["Ada", "Bob"], seconds: 60 });
  await look();
  // Who is away is not ready.
  const opened = await server.player(t, "Ann");
  const open = await opened.lobbies.create({ game: "chess" });
  const bill = await server.player(t, "Bill");
  const away = happens(await bill.lobbies.join(open.code), "back");
  await bill.lobby?.ready();
  const dropped = happens(open, "dropped");
  cut(bill);
  await dropped;
  assert.equal(open.seats.find(({ seat }) => seat === 1)?.ready, false);
  await away;
  assert.equal(bill.lobby?.me?.ready, false);
  await host.leave();
  assert.deepEqual([host.isOver, guest.isHost], [true, true]);
  await until("the seat", (again) => guest.on("left", again), () => guest.seats.length === 1);
  await assert.rejects(host.chat("too late"), code("E_OVER"));
});

test("who is sent away hears it, and cannot come again", async (t) => {
  const server = await Server.start(t);
  const [ada, bob] = [await server.player(t, "Ada"), await server.player(t, "Bob")];
  const host = await ada.lobbies.create({ game: "chess" });
  const guest = await bob.lobbies.join(host.code);
  const gone = happens(guest, "over");
  await assert.rejects(guest.kick({ seat: 0 }), code("E_FORBIDDEN"));
  await host.kick({ seat: 1, ban: "player" });
  const { reason, error } = await gone;
  assert.deepEqual([reason, error?.code, bob.lobby], ["banned", "E_OVER", undefined]);
  await assert.rejects(bob.lobbies.join(host.code), code("E_BANNED"));
});

test("a list that is watched is what one would be told who asks", async (t) => {
  const server = await Server.start(t);
  const [ada, bob, eve] = await Promise.all(["Ada", "Bob", "Eve"].map((name) => server.player(t, name)));
  assert.ok(ada && bob && eve);
  let shown: readonly api.Listed[] = [];
  let hear = (): void => undefined;
  const filter = { game: "chess", sort: "-level" } as const;
  const stop = await eve.lobbies.watch(filter, (lobbies) => {
    shown = lobbies;
    hear();
  });
  const become = async (what: string, levels: unknown[]): Promise<void> => {
    const are = (): boolean =>
      JSON.stringify(shown.map(({ metadata }) => metadata?.["level"])) === JSON.stringify(levels);
    await until(what, (again) => (hear = again), are);
    assert.deepEqual(shown, await eve.lobbies.list(filter));
  };
  await become("nothing", []);
  const first = await ada.lobbies.create({ game: "chess", visibility: "public", metadata: { level: 1 } });
  await become("one", [1]);
  await bob.lobbies.create({ game: "chess", visibility: "public", metadata: { level: 2 } });
  await become("both", [2, 1]);
  await first.settings({ metadata: { level: 3 } });
  await become("changed", [3, 2]);
  // What is watched is watched by the next connection too.
  eve.socket.io.engine.close();
  await happens(eve, "online");
  await first.leave();
  await become("one again", [2]);
  stop();
  const quick = await eve.lobbies.quick({ game: "chess" });
  assert.deepEqual([quick.seat, quick.info.metadata], [1, { level: 2 }]);
});

test("who is online is told, and who is blocked is not heard", async (t) => {
  const server = await Server.start(t);
  const [ada, bob] = [await server.player(t, "Ada"), await server.player(t, "Bob")];
  const account = await until("the guest's id", (again) => ada.socket.on("auth:guest", again), () => ada.account);
  const seen: boolean[] = [];
  let hear = (): void => undefined;
  await bob.presence([account], (online) => {
    seen.push(online.has(account));
    hear();
  });
  ada.close();
  await until("offline", (again) => (hear = again), () => seen.at(-1) === false);
  assert.deepEqual(seen, [true, false]);
  await bob.block({ player: account });
  assert.deepEqual((await bob.blocks()).map(({ player }) => player), [account]);
});

test("an error says what is wrong", async (t) => {
  const server = await Server.start(t);
  const ada = await server.player(t, "Ada");
  await assert.rejects(ada.lobbies.join("NOSUCH"), code("E_NOT_FOUND"));
  await assert.rejects(ada.lobbies.create({ game: "no such game" }), code("E_UNKNOWN_GAME"));
  await assert.rejects(ada.lobbies.create({ game: "chess", name: "" }), code("E_NAME"));
  await assert.rejects(connect(server.url, { token: "no token" }), code("E_AUTH"));
  const lobby = await ada.lobbies.create({ game: "chess" });
  await assert.rejects(ada.lobbies.create({ game: "chess" }), code("E_IN_LOBBY"));
  await assert.rejects(lobby.start(), code("E_NOT_READY"));
  const talk = Array.from({ length: 20 }, (_, i) => lobby.chat(`${i}`));
  const refused = (await Promise.allSettled(talk)).find(({ status }) => status === "rejected");
  assert.ok(refused?.status === "rejected" && refused.reason.retryMs > 0, "when to try again");
  await server.stop();
  await assert.rejects(connect(server.url, { timeoutMs: 300 }), code("E_OFFLINE"));
});
