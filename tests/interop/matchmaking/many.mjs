// Matches of more than two: each against all, teams, and bots for who waits alone.

import { check, equal, group } from "../harness.mjs";
import { assigned, playing, seekers } from "./seeker.mjs";

group("many", () => {
  check("three play each against all, once three have come", async (t) => {
    const [one, two] = await seekers(t, "trio", 2);
    equal((await one.next("progress", {})).why.code, "too_few", "why not yet");
    const [three] = await seekers(t, "trio", 1);
    const all = [one, two, three];
    for (const each of all) await each.assigned();
    const seats = all.map(({ assignment }) => assignment.seat).toSorted();
    equal(seats, [0, 1, 2], "the seats");
    await playing(t, all);
  });

  check("teams of two sit together", async (t) => {
    const all = await assigned(t, "teams", 4);
    const teams = all.map(({ assignment: { seat, team } }) => [seat, team]);
    const inOrder = teams.toSorted(([a], [b]) => a - b);
    equal(inOrder, [[0, 0], [1, 0], [2, 1], [3, 1]], "seats and their teams");
    await playing(t, all);
  });

  check("who waits alone plays a bot in the end", async (t) => {
    const [one] = await assigned(t, "bots", 1);
    const [player] = await playing(t, [one]);
    const { seats } = await player.look(t);
    equal(seats.map(({ bot }) => bot ?? false).filter(Boolean), [true], "bots");
  });
});
