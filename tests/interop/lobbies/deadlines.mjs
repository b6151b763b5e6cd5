// No phase lasts for ever: on a server where each lasts a second or two, and the countdown a tenth.

import { check, equal, group } from "../harness.mjs";
import { Player, gather, match } from "./player.mjs";

group("deadlines", () => {
  check("a countdown ends with a match, and that with its time", { beside: true }, async (t) => {
    const [host, guest] = await match(t);
    equal(host.changes("starting").length, 1, "countdowns");
    for (const one of [host, guest]) {
      const { outcome } = await one.change("finished");
      equal(outcome, { winners: [], reason: "timeout" }, "the outcome");
    }
  });

  check("a match that is over is forgotten when nobody goes on", { beside: true }, async (t) => {
    const [host, guest] = await match(t);
    await guest.accepted("action", { type: "resign" });
    await host.change("finished");
    for (const one of [host, guest]) await one.change("opened");
    const seen = await host.look(t);
    equal([seen.phase, seen.state], ["open", undefined], "what is seen");
    await guest.accepted("ready", { ready: true });
    await host.change("ready", { seat: 1, ready: true });
    await host.accepted("start");
    await guest.change("started", { number: 2 });
  });

  check("a lobby in which nothing happens is closed, and says so", { beside: true }, async (t) => {
    const [host, watcher] = await gather(t, {}, { role: "spectator" });
    for (const one of [host, watcher]) {
      equal(await one.next("closed"), { reason: "idle" }, "why");
      await one.refused("E_NOT_IN_LOBBY", "chat", { text: "hello?" });
    }
    await watcher.refused("E_NOT_FOUND", "join", { code: host.lobby.code, name: "Eve" });
    await host.refused("E_TOKEN", "resume", { token: host.token });
    await host.create();
  });

  check("what is full begins by itself, and again", { beside: true }, async (t) => {
    const [host, guest] = await gather(t, { start: "full" });
    await host.change("started", { number: 1 });
    await guest.accepted("action", { type: "resign" });
    await host.change("finished");
    for (const one of [host, guest]) await one.accepted("rematch");
    await host.change("started", { number: 2 });
    await guest.accepted("leave");
    await host.change("opened");
    const next = await Player.open(t);
    await next.join(host.lobby);
    await host.accepted("ready", { ready: true });
    await next.change("started", { number: 3 });
  });
});
