// What a queue's rules keep apart, and how long, seen from outside.

import { check, equal, group, that } from "../harness.mjs";
import { Seeker, playing, seekers } from "./seeker.mjs";

const attributes = (...all) => all.map((attributes) => ({ attributes }));
const latencies = (...all) => all.map((latencies) => ({ latencies }));

/** What one hears of why it waits, once that is this. */
const why = (one, code) =>
  one.until(`that it waits because of ${code}`, () =>
    one.all("progress").find((push) => push.ticket === one.ticket && push.why?.code === code),
  );

/** Two who do not go together at first, and do when a rule lets them. */
async function inTime(t, queue, requests, { code, ms }) {
  const [one, two] = await seekers(t, queue, 2, { requests });
  await why(one, code);
  const { waited_ms } = await one.told("assigned");
  that(waited_ms >= ms, "how long it waited", `${ms} ms or more`, waited_ms);
  await two.told("assigned");
}

/** Two who never go together; whoever fits the first does. */
async function apart(t, queue, requests, { code, fits }) {
  const [one, two] = await seekers(t, queue, 2, { requests });
  await why(one, code);
  const [three] = await seekers(t, queue, 1, { requests: [fits] });
  const seats = [await one.assigned(), await three.assigned()];
  equal(seats[0].lobby, seats[1].lobby, "the lobby");
  equal((await two.accepted("ticket")).state, "queued", "where the other stands");
}

group("rules", () => {
  check("a difference grows with the wait", async (t) => {
    const requests = attributes({ skill: 100 }, { skill: 140 });
    await inTime(t, "near", requests, { code: "difference", ms: 600 });
  });

  check("a difference grows up to its limit", async (t) => {
    const requests = attributes({ skill: 100 }, { skill: 161 });
    const fits = { attributes: { skill: 105 } };
    await apart(t, "near", requests, { code: "difference", fits });
  });

  check("a difference grows by steps", async (t) => {
    const requests = attributes({ skill: -50 }, { skill: 50 });
    await inTime(t, "stepped", requests, { code: "difference", ms: 600 });
  });

  check("what must be equal is", async (t) => {
    const requests = attributes({ variant: "atomic" }, { variant: "Atomic" });
    const fits = { attributes: { variant: "atomic" } };
    await apart(t, "equal", requests, { code: "equal", fits });
  });

  check("a rule that is optional after a while is insisted on no longer", async (t) => {
    const requests = attributes({ variant: 1 }, { variant: 2 });
    await inTime(t, "optional", requests, { code: "equal", ms: 500 });
  });

  check("sets share as many as they must", async (t) => {
    const requests = attributes({ modes: ["a", "b", "c"] }, { modes: ["c", "d"] });
    const fits = { attributes: { modes: ["c", "x", "a"] } };
    await apart(t, "overlap", requests, { code: "overlap", fits });
  });

  check("a region is near to both, and is told", async (t) => {
    const requests = latencies({ eu: 20, us: 110 }, { eu: 50, us: 30 });
    const [one, two] = await seekers(t, "region", 2, { requests });
    for (const each of [one, two]) equal((await each.assigned()).region, "eu", "the region");
    const later = latencies({ eu: 20, us: 120 }, { us: 30, eu: 170 });
    await inTime(t, "region", later, { code: "region", ms: 600 });
  });

  check("players choose what they play, of what both would", async (t) => {
    const requests = attributes(
      { pace: ["3+2", "5+0"], colours: "fixed" },
      { pace: "5+0", colours: "fixed" },
    );
    const players = await playing(t, await seekers(t, "chosen", 2, { requests }));
    for (const { lobby } of players) {
      equal(lobby.config.clock.initial_ms, 300_000, "the clock");
      equal(lobby.config.white, "guest", "the colours");
    }
    const one = await Seeker.open(t);
    const wrong = { pace: ["5+0", "1+0"], colours: "fixed" };
    const { message } = await one.refused("E_QUERY", "create", { queue: "chosen", attributes: wrong });
    equal(message, "`pace` says no other than `3+2`, `5+0`", "why");
    const { queues } = await one.accepted("queues");
    equal(queues.find(({ name }) => name === "chosen").asks, [
      { name: "pace", kind: "texts", required: true, choices: ["3+2", "5+0"] },
      { name: "colours", kind: "same", required: true, choices: ["drawn", "fixed"] },
    ], "what tickets have to say");
  });

  check("a rule that asks for something wants an answer", async (t) => {
    const one = await Seeker.open(t);
    for (const [queue, asked] of [
      ["near", "skill"],
      ["equal", "variant"],
      ["overlap", "modes"],
      ["region", "latencies"],
    ]) {
      const { message } = await one.refused("E_QUERY", "create", { queue });
      that(message.includes(asked), "what it says", asked, message);
    }
    const text = { queue: "near", attributes: { skill: "much" } };
    await one.refused("E_QUERY", "create", text);
  });

  check("whom one avoids one does not meet", async (t) => {
    const [one, two] = [await Seeker.known(t), await Seeker.known(t)];
    await one.seek("lonely", { avoid: [two.account.account] });
    await two.seek("lonely");
    await why(one, "avoided");
    await why(two, "avoided");
    const three = await Seeker.known(t);
    await three.seek("lonely", { avoid: [one.account.account] });
    const seats = [await two.assigned(), await three.assigned()];
    equal(seats[0].lobby, seats[1].lobby, "the lobby");
    equal((await one.accepted("ticket")).state, "queued", "where the first stands");
  });

  check("who has just met is not put together again", async (t) => {
    const both = [await Seeker.known(t), await Seeker.known(t)];
    for (const one of both) await one.seek("repeats");
    for (const one of both) await one.assigned();
    await playing(t, both);
    for (const one of both) await one.seek("repeats");
    for (const one of both) await why(one, "avoid_repeats");
    const three = await Seeker.known(t);
    await three.seek("repeats");
    await three.assigned();
  });
});
