// What hosts do about others, and what others do when one is gone for long.

import { check, equal, group, that } from "../harness.mjs";
import { Player, gather, match, unique } from "./player.mjs";

group("sent away", () => {
  check("the host sends a player away, who may come again", async (t) => {
    const [host, guest, other] = await gather(t, { game: "circles" }, {}, {});
    await other.refused("E_FORBIDDEN", "kick", { seat: 1 });
    await host.refused("E_SEAT", "kick", { seat: 9 });
    await host.refused("E_SEAT", "kick", { seat: 0 });
    await host.accepted("kick", { seat: 1 });
    equal(await guest.next("kicked"), { reason: "kicked" }, "what is heard");
    for (const one of [host, other]) await one.change("left", { seat: 1, reason: "kicked" });
    await guest.refused("E_NOT_IN_LOBBY", "chat", { text: "why?" });
    await guest.refused("E_TOKEN", "resume", { token: guest.token });
    equal((await guest.join(host.lobby)).seat, 1, "the seat, after that");
  });

  check("who is kept out does not come again", async (t) => {
    const [host, guest] = await gather(t);
    await host.accepted("kick", { seat: 1, ban: "player" });
    equal(await guest.next("kicked"), { reason: "banned" }, "what is heard");
    await host.change("left", { seat: 1, reason: "banned" });
    const join = { code: host.lobby.code, name: unique("guest") };
    await guest.refused("E_BANNED", "join", join);
    await guest.refused("E_BANNED", "join", { ...join, role: "spectator" });
    // Whoever sits inside stays.
    await host.accepted("chat", { text: "quiet here" });
  });

  check("a spectator is sent away by name", async (t) => {
    const name = unique("Eve");
    const [host, watcher] = await gather(t, {}, { role: "spectator", name });
    await host.change("spectators", { count: 1 });
    await host.accepted("kick", { spectator: name });
    equal(await watcher.next("kicked"), { reason: "kicked" }, "what is heard");
    await host.change("spectators", { count: 0 });
  });

  check("in a match it is like leaving it", async (t) => {
    const [host, guest] = await match(t);
    await host.accepted("kick", { seat: 1 });
    await guest.next("kicked");
    equal((await host.change("finished")).outcome.winners, [0], "who won");
  });
});

group("gone", () => {
  const patient = { beside: true, ms: 60_000 };

  check("who is gone for long loses the match, if the other claims it", patient, async (t) => {
    const [host, guest] = await match(t, { config: { white: "host" } });
    await host.accepted("action", { type: "move", move: "e4" });
    await host.refused("E_NOT_OVERDUE", "claim");
    guest.drop();
    const dropped = await host.change("dropped", { seat: 1 });
    that(dropped.claim_from_ms < dropped.kept_until_ms, "when to claim", "before the end", dropped);
    await host.refused("E_NOT_OVERDUE", "claim");
    await until(dropped.claim_from_ms);
    await host.change("overdue", { seat: 1 });
    equal((await host.look(t)).seats[1].overdue, true, "how the seat stands");
    await host.accepted("claim");
    const { outcome } = await host.change("finished");
    equal(outcome, { winners: [0], reason: "abandonment" }, "the outcome");
  });

  check("who is back in time has nothing to fear any more", patient, async (t) => {
    const [host, guest] = await match(t);
    guest.drop();
    const { claim_from_ms } = await host.change("dropped", { seat: 1 });
    await until(claim_from_ms);
    await host.change("overdue", { seat: 1 });
    const back = await Player.open(t);
    await back.resume(guest.token);
    await host.change("returned", { seat: 1 });
    await host.refused("E_NOT_OVERDUE", "claim");
    await back.accepted("action", { type: "resign" });
  });
});

/** Until a moment of the server's, which is this machine's. */
const until = (at_ms) => new Promise((done) => setTimeout(done, Math.max(0, at_ms - Date.now())));
