// Queues that ask whether the match suits: yes by all, a no, no answer; who keeps others waiting in
// vain waits before the next ticket, and the others are at the head of the queue again.

import { check, equal, group, that } from "../harness.mjs";
import { Seeker, playing, seekers } from "./seeker.mjs";

/** So many who are asked; the first one's account is known. */
async function asked(t, queue, n, { isKnown = false } = {}) {
  const all = [];
  for (let i = 0; i < n; i += 1) {
    const one = isKnown ? await Seeker.known(t) : await Seeker.open(t);
    await one.seek(queue);
    all.push(one);
  }
  for (const one of all) one.proposal = (await one.told("proposed")).proposal;
  return all;
}

group("asking", () => {
  check("when all say yes there is a lobby, and each yes is told", async (t) => {
    const [one, two] = await asked(t, "asked", 2);
    const { left_ms, players, accepted } = one.proposal;
    equal([players, accepted], [2, 0], "how many are asked, and have said yes");
    that(left_ms > 5_000 && left_ms <= 10_000, "the time to answer", "10 s", left_ms);
    equal((await one.accepted("accept")).state, "accepted", "the answer");
    const { proposal } = await two.told("proposed");
    equal(proposal.accepted, 1, "what the other hears");
    equal((await one.accepted("accept")).state, "accepted", "the answer to a yes again");
    const last = await two.accepted("accept", { ticket: two.ticket });
    that(["accepted", "assigned"].includes(last.state), "the last yes", "a lobby soon", last);
    for (const each of [one, two]) await each.assigned();
    await playing(t, [one, two]);
  });

  check("a no ends its own ticket, and the other waits on as long as before", async (t) => {
    const [one, two] = await asked(t, "asked", 2, { isKnown: true });
    const before = (await two.accepted("ticket")).waited_ms;
    const no = await one.accepted("decline");
    equal([no.state, no.reason], ["ended", "declined"], "the answer to a no");
    const again = await two.told("queued");
    equal([again.reason, again.position], ["other_declined", 1], "what the other hears");
    that(again.waited_ms >= before, "what it has waited", `${before} or more`, again.waited_ms);
    await one.refused("E_COOLDOWN", "create", { queue: "asked" });
    await one.refused("E_COOLDOWN", "create", { queue: "duel" });
    const { message } = await one.refused("E_COOLDOWN", "create", { queue: "duel" });
    that(/wait \d+ s$/.test(message), "what it is told", "how long", message);
    // Another account waits for nothing, and the ticket that is at the head is matched.
    const three = await Seeker.known(t);
    await three.seek("asked");
    for (const each of [two, three]) await each.told("proposed");
  });

  check("whoever comes back by another connection still has to wait", async (t) => {
    const [one] = await asked(t, "asked", 2, { isKnown: true });
    await one.accepted("decline");
    const next = await one.again(t);
    await next.refused("E_COOLDOWN", "create", { queue: "duel" });
  });

  check("who does not answer is out, and who has said yes waits on", async (t) => {
    const [one, two] = await asked(t, "hasty", 2, { isKnown: true });
    await one.accepted("accept");
    await two.told("ended", { reason: "unanswered" });
    await one.told("queued", { reason: "other_unanswered" });
    await two.refused("E_COOLDOWN", "create", { queue: "hasty" });
    equal((await one.accepted("ticket")).state, "queued", "where the other stands");
  });

  check("who cancels while being asked has said no as well", async (t) => {
    const [one, two] = await asked(t, "asked", 2, { isKnown: true });
    const gone = await one.accepted("cancel");
    equal([gone.state, gone.reason], ["ended", "cancelled"], "the answer");
    await two.told("queued", { reason: "other_declined" });
    await one.refused("E_COOLDOWN", "create", { queue: "duel" });
  });

  check("a yes or a no to nothing is refused, and one that comes too late", async (t) => {
    const one = await Seeker.open(t);
    for (const event of ["accept", "decline", "cancel", "ticket"]) {
      await one.refused("E_NOT_FOUND", event);
    }
    await one.seek("lonely");
    for (const event of ["accept", "decline"]) await one.refused("E_STATE", event);
    await one.accepted("cancel");
    for (const event of ["accept", "decline"]) await one.refused("E_STATE", event);
    const both = await seekers(t, "duel", 2);
    for (const each of both) await each.assigned();
    for (const event of ["decline", "cancel"]) await both[0].refused("E_STATE", event);
    await both[0].refused("E_STATE", "create", { queue: "duel" });
    await playing(t, both);
  });
});
