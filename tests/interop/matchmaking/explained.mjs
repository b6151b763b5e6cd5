// What those who wait, and operators, are told: queues, progress, estimates, figures.

import { figures, grown } from "../figures.mjs";
import { check, equal, group, that } from "../harness.mjs";
import { Seeker, assigned, ended, playing, seekers } from "./seeker.mjs";

const of = (name) => `parlor_queue_${name}{queue="lonely"}`;

group("explained", () => {
  check("queues are told as they are declared", async (t) => {
    const one = await Seeker.open(t);
    const { queues } = await one.accepted("queues");
    const named = (name) => queues.find((queue) => queue.name === name);
    equal(queues[0].name, "duel", "the first");
    const { estimate: _, ...duel } = named("duel");
    equal(duel, {
      name: "duel",
      game: "chess",
      config: { clock: { initial_ms: 180_000, increment_ms: 2_000 } },
      teams: 2,
      team_size: 1,
      max_party: 1,
      rated: false,
      ladder: "chess/duel",
      asks: [],
      asks_latencies: false,
      accept_ms: 0,
      bots_after_ms: 0,
      give_up_ms: 120_000,
      waiting: 0,
    }, "one of them");
    equal([named("trio").teams, named("trio").team_size], [3, 1], "each against all");
    equal([named("teams").teams, named("teams").team_size], [2, 2], "teams");
    equal(named("ladder").rated, true, "what is rated");
    await one.seek("lonely");
    const now = (await one.accepted("queues")).queues;
    equal(now.find(({ name }) => name === "lonely").waiting, 1, "who waits");
  });

  check("who waits is told how it goes on, and why", async (t) => {
    const one = await Seeker.open(t);
    const { ticket } = await one.seek("lonely");
    const first = await one.next("progress", { ticket });
    const second = await one.next("progress", { ticket });
    that(second.waited_ms > first.waited_ms, "the wait", "longer", [first, second]);
    equal([second.position, second.why.code], [1, "alone"], "where, and why");
    that(second.why.message.length > 10, "why", "a sentence", second.why.message);
    await one.accepted("cancel");
    const nBefore = one.all("progress").length;
    await one.accepted("queues");
    await one.accepted("queues");
    equal(one.all("progress").length, nBefore, "what is told of one that is over");
  });

  check("after five tickets there is an estimate", async (t) => {
    for (let n = 0; n < 3; n += 1) await playing(t, await assigned(t, "duel", 2));
    const one = await Seeker.open(t);
    const { estimate } = await one.seek("duel");
    const { p50_ms, p95_ms } = estimate;
    that(p50_ms <= p95_ms && p95_ms < 60_000, "the estimate", "of late", estimate);
    const { queues } = await one.accepted("queues");
    equal(queues.find(({ name }) => name === "duel").estimate, estimate, "that of the queue");
  });

  check("operators see who waits, and how it ended", async (t) => {
    const before = await figures();
    const [one, two] = [await Seeker.known(t), await Seeker.known(t)];
    await one.seek("lonely", { avoid: [two.account.account] });
    await two.seek("lonely");
    await grown(before, { [of("tickets")]: 2, [of("players")]: 2, [of("tickets_created_total")]: 2 });
    await two.accepted("cancel");
    const [three] = await seekers(t, "lonely", 1);
    const both = [one, three];
    for (const each of both) await each.assigned();
    await playing(t, both);
    await grown(before, {
      [of("tickets")]: 0,
      [of("players")]: 0,
      [of("tickets_created_total")]: 3,
      [of("matches_total")]: 1,
      [ended("lonely", "cancelled")]: 1,
      [ended("lonely", "matched")]: 2,
    });
    const now = await figures();
    const waits = ["0.5", "0.95"].map((quantile) =>
      now.get(`parlor_queue_wait_seconds{queue="duel",quantile="${quantile}"}`),
    );
    that(waits.every((wait) => Number(wait) < 60), "the waits of `duel`", "seconds", waits);
  });
});
