// A server that keeps seats, and tickets of who is gone, for a second: what comes of those who do
// not come.

import { figures, grown } from "../figures.mjs";
import { check, equal, group, that } from "../harness.mjs";
import { Seeker, assigned, ended, playing, seekers } from "./seeker.mjs";

group("absent", () => {
  check("who does not come loses the seat, and the others wait on", async (t) => {
    const [one, two] = [await Seeker.known(t), await Seeker.known(t)];
    for (const each of [one, two]) await each.seek("duel");
    for (const each of [one, two]) await each.assigned();
    that(one.assignment.left_ms <= 1_000, "the time to come", "1 s", one.assignment.left_ms);
    const player = await one.come(t);
    await two.told("ended", { reason: "no_show" });
    const again = await one.told("queued", { reason: "other_no_show" });
    that(again.position === 1 && !again.assignment, "how it waits", "first, no seat", again);
    equal(await player.next("closed"), { reason: "no_show" }, "what the lobby says");
    await two.refused("E_COOLDOWN", "create", { queue: "duel" });
    const three = await Seeker.known(t);
    await three.seek("duel");
    for (const each of [one, three]) await each.assigned();
    await playing(t, [one, three]);
  });

  check("if nobody comes nobody waits on", async (t) => {
    const both = await assigned(t, "duel", 2);
    for (const one of both) await one.told("ended", { reason: "no_show" });
    for (const one of both) await one.refused("E_COOLDOWN", "create", { queue: "duel" });
  });

  check("a token that comes too late opens nothing", async (t) => {
    const [one] = await assigned(t, "duel", 2);
    await one.told("ended", { reason: "no_show" });
    const lobby = one.socket.io.socket("/lobby");
    t.defer(() => lobby.disconnect());
    const { token } = one.assignment;
    const reply = await lobby.timeout(5_000).emitWithAck("resume", { token });
    equal([reply.ok, reply.code], [false, "E_TOKEN"], "the answer");
  });

  check("who is gone for too long waits no more", async (t) => {
    const before = await figures();
    const one = await Seeker.known(t);
    await one.seek("lonely");
    one.drop();
    await grown(before, { [ended("lonely", "gone")]: 1 });
    const next = await one.again(t);
    const over = await next.accepted("ticket");
    equal([over.state, over.reason], ["ended", "gone"], "what is found");
    await next.seek("lonely");
  });

  check("who comes back within that time waits on", async (t) => {
    const [one] = await seekers(t, "lonely", 1);
    const next = await one.back(t);
    const { state } = await next.accepted("ticket", { ticket: one.ticket });
    equal(state, "queued", "where it stands");
  });
});
