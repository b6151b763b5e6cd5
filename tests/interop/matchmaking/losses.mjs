// Connections that are lost while one waits, is asked, or has a seat: who comes back knows the
// ticket's name, or has an account.

import { check, equal, group } from "../harness.mjs";
import { figures, grown } from "../figures.mjs";
import { Seeker, playing, seekers } from "./seeker.mjs";

const WAITING = `parlor_queue_tickets{queue="duel"}`;

group("losses", () => {
  for (const isKnown of [false, true]) {
    const who = isKnown ? "with an account" : "by the ticket's name";
    const open = (t) => (isKnown ? Seeker.known(t) : Seeker.open(t));
    const which = (one) => (isKnown ? [] : [{ ticket: one.ticket }]);

    check(`who comes back while waiting waits on, ${who}`, async (t) => {
      const one = await open(t);
      const { ticket } = await one.seek("duel");
      const next = await one.back(t);
      const seen = await next.accepted("ticket", ...which(one));
      equal([seen.ticket, seen.state], [ticket, "queued"], "what is found");
      const [other] = await seekers(t, "duel", 1);
      for (const each of [next, other]) await each.assigned();
      await playing(t, [next, other]);
    });

    check(`who comes back while being asked can answer, ${who}`, async (t) => {
      const one = await open(t);
      await one.seek("asked");
      const [two] = await seekers(t, "asked", 1);
      await two.told("proposed");
      const next = await one.back(t);
      const seen = await next.accepted("ticket", ...which(one));
      equal([seen.state, seen.proposal.players], ["proposed", 2], "what is found");
      for (const each of [next, two]) await each.accepted("accept");
      for (const each of [next, two]) await each.assigned();
    });

    check(`who is away is matched with nobody, and who is back is the first, ${who}`, async (t) => {
      const one = await open(t);
      const before = await figures();
      await one.seek("duel");
      await grown(before, { [WAITING]: 1 });
      one.drop();
      await grown(before, { [WAITING]: 0 });
      const [two, three] = await seekers(t, "duel", 2);
      for (const each of [two, three]) await each.assigned();
      await playing(t, [two, three]);
      const next = await one.again(t);
      const { state, position } = await next.accepted("ticket", { ticket: one.ticket });
      equal([state, position], ["queued", 1], "where it stands");
      next.ticket = one.ticket;
      const [four] = await seekers(t, "duel", 1);
      for (const each of [next, four]) await each.assigned();
      await playing(t, [next, four]);
    });

    check(`who comes back after the match was found finds the seat, ${who}`, async (t) => {
      const one = await open(t);
      await one.seek("duel");
      const [two] = await seekers(t, "duel", 1);
      await two.assigned();
      one.drop();
      const next = await one.again(t);
      next.ticket = one.ticket;
      next.assignment = (await next.accepted("ticket", ...which(one))).assignment;
      await playing(t, [next, two]);
    });
  }

  check("the ticket of a connection that is lost is known to no other account", async (t) => {
    const one = await Seeker.known(t);
    await one.seek("lonely");
    one.drop();
    const stranger = await Seeker.known(t);
    await stranger.refused("E_NOT_FOUND", "ticket", { ticket: one.ticket });
    const next = await one.again(t);
    await next.accepted("cancel");
  });
});
