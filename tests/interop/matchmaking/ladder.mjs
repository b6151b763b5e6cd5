// Rated queues: who may wait in them, who is kept apart, and what a match makes of ratings.

import { check, equal, group, that } from "../harness.mjs";
import { Seeker, playing } from "./seeker.mjs";

/** Two accounts whose match is on: those in the queue, and those in the lobby by their seats. */
async function rated(t) {
  const both = [await Seeker.known(t), await Seeker.known(t)];
  for (const one of both) await one.seek("ladder");
  for (const one of both) await one.assigned();
  const players = await playing(t, both);
  return [both.toSorted((a, b) => a.assignment.seat - b.assignment.seat), players];
}

group("ladder", () => {
  check("a rated queue is for accounts, a guest's among them", async (t) => {
    const nobody = await Seeker.open(t);
    await nobody.refused("E_AUTH", "create", { queue: "ladder" });
    await nobody.refused("E_AUTH", "ratings");
    const one = await Seeker.known(t);
    await one.seek("ladder");
    equal((await one.accepted("ratings")).ratings, [], "who has not played");
  });

  check("a match that is over changes both ratings, and tells them", async (t) => {
    const [[winner, loser], [white, black]] = await rated(t);
    await white.accepted("action", { type: "move", move: "e4" });
    await black.accepted("action", { type: "move", move: "e5" });
    await black.accepted("action", { type: "resign" });
    const [up, down] = [await winner.next("rated"), await loser.next("rated")];
    equal([up.before, down.before], [1500, 1500], "what they were");
    that(up.rating.rating > 1600 && down.rating.rating < 1400, "ratings", "apart", [up, down]);
    for (const [one, { rating }] of [[winner, up], [loser, down]]) {
      const { games, provisional, ladder, deviation } = rating;
      equal([games, provisional, ladder], [1, true, "chess/ladder"], "of which kind");
      that(deviation > 100 && deviation < 350, "how sure", "surer than at first", deviation);
      const { ratings } = await one.accepted("ratings");
      equal(ratings, [rating], "what is asked for");
    }
    const { ratings } = await winner.accepted("ratings", { player: loser.account.account });
    equal(ratings, [down.rating], "those of another account");
  });

  check("nobody plays for points against their own address", async (t) => {
    const from = "203.0.113.7";
    const both = [await Seeker.known(t, { from }), await Seeker.known(t, { from })];
    for (const one of both) await one.seek("ladder");
    for (const one of both) {
      await one.next("progress", { ticket: one.ticket });
      equal((await one.accepted("ticket")).why.code, "same_address", "why they wait");
    }
    const other = await Seeker.known(t);
    await other.seek("ladder");
    const { lobby } = await other.assigned();
    const states = [];
    for (const one of both) states.push((await one.accepted("ticket")).state);
    equal(states.toSorted(), ["assigned", "queued"], "where they stand");
    that(lobby.length > 5, "the lobby", "one", lobby);
  });

  check("from one address one may play for nothing", async (t) => {
    const from = "203.0.113.8";
    const both = [await Seeker.known(t, { from }), await Seeker.known(t, { from })];
    for (const one of both) await one.seek("duel");
    for (const one of both) await one.assigned();
  });
});
