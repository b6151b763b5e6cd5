// What players do, numbered: once however often it is sent, in a window, and with a tick of choice.

import { between, check, equal, group, that } from "../harness.mjs";
import { match } from "./player.mjs";

const steer = (x, y = 0) => ({ type: "steer", x, y });
const circles = { game: "circles", config: { drifting: 0 } };

group("inputs", () => {
  check("an input that comes again is answered as the first time", async (t) => {
    const [, guest] = await match(t);
    const illegal = { type: "move", move: "Ke4" };
    const first = await guest.refused("E_TURN", "input", 1, illegal);
    equal(await guest.ask("input", 1, { type: "resign" }), first, "though it is another now");
    await guest.accepted("input", 2, { type: "resign" });
    equal((await guest.accepted("input", 2, illegal)).turn, 1, "the one that was accepted");
  });

  check("numbers grow, and not too far at once", async (t) => {
    const [host] = await match(t, circles);
    await host.accepted("input", 1, steer(1));
    await host.refused("E_SEQ", "input", 1 + 1024 + 1, steer(1));
    await host.accepted("input", 1 + 1024, steer(0.5));
    await host.refused("E_SEQ_OLD", "input", 2, steer(1));
    for (const seq of [0, -1, 1.5, "3", 2 ** 53])
      await host.refused("E_BAD_REQUEST", "input", seq, steer(1));
    const { applied } = await host.state("after both", (state) => state.applied?.[0] === 1025);
    equal(applied, { 0: 1025 }, "numbers applied");
  });

  check("an input waits for the tick that it is for", async (t) => {
    const [host, guest] = await match(t, circles);
    const first = await host.state("some ticks later", ({ tick }) => tick >= 3);
    equal(first.tick, first.view.tick, "the tick to come, after as many");
    await host.refused("E_LATE", "input", 1, steer(1), { tick: 0 });
    await host.refused("E_EARLY", "input", 1, steer(1), { tick: first.tick + 1000 });
    // The network takes a tick or two; what comes too late or early has used no number.
    let reply = {};
    for (let tries = 0; tries < 20 && !reply.ok; tries++) {
      const { tick } = host.all("state").at(-1);
      reply = await host.ask("input", 1, steer(1), { tick: tick + 5 });
    }
    that(reply.ok, "an input for a tick ahead", "accepted", reply);
    const after = await guest.state("after it", (state) => state.applied?.[0] === 1);
    equal(after.turn, reply.turn, "actions accepted");
    await host.refused("E_BAD_REQUEST", "input", 2, steer(1), { tock: 1 });
  });

  check("who floods a match is told to wait, and uses no numbers by it", async (t) => {
    const [host] = await match(t, circles);
    const send = (_, i) => host.ask("input", i + 1, steer(i / 400));
    const replies = await Promise.all(Array.from({ length: 300 }, send));
    const codes = replies.map((reply) => (reply.ok ? "ok" : reply.code));
    between(codes.filter((code) => code === "ok").length, 60, 280, "inputs accepted");
    equal([...new Set(codes)].toSorted(), ["E_RATE", "ok"], "answers");
  });
});
