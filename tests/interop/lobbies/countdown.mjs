// The countdown to a match, on a server where it takes a minute: what ends it, and what begins it.

import { between, check, equal, group } from "../harness.mjs";
import { Player, gather } from "./player.mjs";

const COUNTDOWN_MS = 60_000;

/** A host and a guest who are ready, and the countdown that has begun. */
async function counting(t, create) {
  const [host, guest] = await gather(t, create);
  await guest.accepted("ready", { ready: true });
  await host.change("ready", { seat: 1, ready: true });
  await host.accepted("start");
  const { at_ms } = await guest.change("starting");
  await host.change("starting", { at_ms });
  return { host, guest, at_ms };
}

group("countdown", () => {
  check("it says when the match begins, also to who comes to watch", async (t) => {
    const { host, at_ms } = await counting(t);
    const now = Date.now();
    between(at_ms, now, now + COUNTDOWN_MS, "when");
    const seen = await host.look(t);
    equal([seen.phase, seen.starts_at_ms], ["starting", at_ms], "what is seen");
    await host.refused("E_PHASE", "start");
    await host.refused("E_PHASE", "settings", { capacity: 2 });
  });

  check("it ends when the host says so, or somebody is no longer ready", async (t) => {
    const { host, guest } = await counting(t);
    await guest.refused("E_FORBIDDEN", "stop");
    await host.accepted("stop");
    await guest.change("stopped");
    await host.refused("E_PHASE", "stop");
    await host.accepted("start");
    await guest.change("starting");
    await guest.accepted("ready", { ready: false });
    for (const one of [host, guest]) await one.change("stopped");
    await host.refused("E_NOT_READY", "start");
    equal((await host.look(t)).phase, "open", "the phase");
  });

  check("it ends when somebody is lost or leaves", async (t) => {
    const { host, guest } = await counting(t);
    guest.drop();
    await host.change("stopped");
    await host.change("dropped", { seat: 1 });
    const back = await Player.open(t);
    await back.resume(guest.token);
    await back.accepted("ready", { ready: true });
    await host.change("ready", { ready: true });
    await host.accepted("start");
    await back.change("starting");
    await back.accepted("leave");
    await host.change("stopped");
    const { phase, seats } = await host.look(t);
    equal([phase, seats.length], ["open", 1], "what is left");
  });

  check("it begins by itself where all are ready, or all seats are taken", async (t) => {
    const [host, guest] = await gather(t, { start: "ready" });
    equal(host.lobby.start, "ready", "the rule");
    await guest.accepted("ready", { ready: true });
    await host.refused("E_FORBIDDEN", "start");
    await host.accepted("ready", { ready: true });
    await guest.change("starting");
    // It would begin again at once, if the host were ready still.
    await host.accepted("stop");
    await guest.change("stopped");
    await guest.change("ready", { seat: 0, ready: false });
    const [full] = await gather(t, { start: "full" });
    await full.change("starting");
  });

  check("the host changes by which rule matches begin", async (t) => {
    const [host, guest] = await gather(t);
    await host.accepted("settings", { start: "ready" });
    equal((await guest.change("settings")).start, "ready", "the rule");
    await guest.accepted("ready", { ready: true });
    await host.accepted("ready", { ready: true });
    await guest.change("starting");
    await host.refused("E_PHASE", "settings", { start: "host" });
    await host.refused("E_BAD_REQUEST", "settings", { start: "whenever" });
  });

  check("nobody takes a seat while it is on", async (t) => {
    const { host } = await counting(t, { game: "circles" });
    const late = await Player.open(t);
    await late.refused("E_PHASE", "join", { code: host.lobby.code, name: "Eve" });
    await late.join(host.lobby, { role: "spectator" });
  });
});
