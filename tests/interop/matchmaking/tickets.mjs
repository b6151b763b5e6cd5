// What one may do with tickets that wait: cancel, replace, ask again with the same key, let them
// expire; and whose they are.

import { check, equal, group, that } from "../harness.mjs";
import { Seeker, TICKET_ID, seekers } from "./seeker.mjs";

const key = () => crypto.randomUUID();

group("tickets", () => {
  check("one that waits says how it stands", async (t) => {
    const one = await Seeker.open(t);
    const { ticket, state, position, waited_ms, why, ...rest } = await one.seek("lonely");
    that(TICKET_ID.test(ticket), "the ticket", "24 letters", ticket);
    equal([state, position, why.code], ["queued", 1, "alone"], "where it stands");
    that(waited_ms < 1_000, "how long", "hardly", waited_ms);
    equal(Object.keys(rest).toSorted(), ["ok", "queue"], "whatever else");
    const [two] = await seekers(t, "equal", 1, { requests: [{ attributes: { variant: "a" } }] });
    const [three] = await seekers(t, "equal", 1, { requests: [{ attributes: { variant: "b" } }] });
    const places = [await two.accepted("ticket"), await three.accepted("ticket")];
    equal(places.map(({ position }) => position), [1, 2], "who has waited longer");
  });

  check("one that is cancelled is over, and the next begins anew", async (t) => {
    const one = await Seeker.open(t);
    const first = (await one.seek("lonely")).ticket;
    const over = await one.accepted("cancel");
    equal([over.state, over.reason], ["ended", "cancelled"], "the answer");
    equal([over.position, over.why], [undefined, undefined], "what is told no more");
    equal(one.all("ticket"), [], "what else is told, beside the answer");
    const again = await one.accepted("cancel", { ticket: first });
    equal([again.state, again.reason], ["ended", "cancelled"], "the same asked again");
    that((await one.seek("lonely")).ticket !== first, "the next", "another", first);
  });

  check("a player has one ticket: the next replaces it, in any queue", async (t) => {
    const one = await Seeker.open(t);
    const first = (await one.seek("lonely")).ticket;
    const second = (await one.seek("near", { attributes: { skill: 1 } })).ticket;
    equal(one.early.length, 1, "what is told before the answer");
    const { push } = one.early[0];
    equal([push.ticket, push.state, push.reason], [first, "ended", "replaced"], "of the first");
    equal((await one.accepted("ticket")).ticket, second, "which one is meant without a name");
  });

  check("a refused ticket costs nobody the one that waits", async (t) => {
    const one = await Seeker.open(t);
    const { ticket } = await one.seek("lonely");
    await one.refused("E_NOT_FOUND", "create", { queue: "nowhere" });
    await one.refused("E_QUERY", "create", { queue: "near" });
    await one.refused("E_AUTH", "create", { queue: "ladder" });
    await one.refused("E_NAME", "create", { queue: "duel", name: " " });
    const now = await one.accepted("ticket");
    equal([now.ticket, now.state], [ticket, "queued"], "where it stands");
  });

  check("a second tab of one account hears all, and its ticket is the only one", async (t) => {
    const one = await Seeker.known(t);
    await one.seek("asked");
    const tab = await one.again(t);
    const seen = await tab.accepted("ticket");
    equal(seen.ticket, one.ticket, "what the second tab finds");
    tab.ticket = seen.ticket;
    const other = await Seeker.open(t);
    await other.seek("asked");
    for (const each of [one, tab, other]) await each.told("proposed");
    await tab.accepted("accept");
    await one.told("accepted");
    await other.accepted("accept");
    const seats = [await one.assigned(), await tab.assigned()];
    equal(seats[0], { ...seats[1], left_ms: seats[0].left_ms }, "the seat, by both tabs");
  });

  check("a ticket of the second tab ends the first one's", async (t) => {
    const one = await Seeker.known(t);
    const first = (await one.seek("lonely")).ticket;
    const tab = await one.again(t);
    await tab.seek("lonely");
    const over = await one.next("ticket", { ticket: first });
    equal([over.state, over.reason], ["ended", "replaced"], "what the first hears");
  });

  check("without an account a second tab is somebody else", async (t) => {
    const [one] = await seekers(t, "lonely", 1);
    const tab = await one.again(t);
    await tab.refused("E_NOT_FOUND", "ticket");
    const seen = await tab.accepted("ticket", { ticket: one.ticket });
    equal(seen.ticket, one.ticket, "who knows the ticket");
    const over = await tab.accepted("cancel");
    equal(over.reason, "cancelled", "and may cancel it");
    await one.told("ended", { reason: "cancelled" });
  });

  check("tickets of others are nobody's business", async (t) => {
    const one = await Seeker.known(t);
    await one.seek("lonely");
    const other = await Seeker.known(t);
    const named = { ticket: one.ticket };
    const refused = await other.refused("E_NOT_FOUND", "ticket", named);
    const unknown = await other.refused("E_NOT_FOUND", "ticket", { ticket: "A".repeat(24) });
    equal(refused.message, unknown.message, "one does not learn what there is");
    for (const event of ["cancel", "accept", "decline"]) {
      await other.refused("E_NOT_FOUND", event, named);
    }
    equal((await one.accepted("ticket")).state, "queued", "where it stands");
  });

  check("who asks again with the same key has the same ticket", async (t) => {
    const one = await Seeker.known(t);
    const own = key();
    const first = await one.seek("lonely", { key: own });
    const again = await one.seek("lonely", { key: own });
    equal(again.ticket, first.ticket, "by the same connection");
    const tab = await one.again(t);
    equal((await tab.seek("lonely", { key: own })).ticket, first.ticket, "by another one");
    const other = await Seeker.known(t);
    const avoid = [one.account.account];
    const theirs = await other.seek("lonely", { key: own, avoid });
    that(theirs.ticket !== first.ticket, "that of another account", "another", theirs.ticket);
    const anew = await one.seek("lonely", { key: key() });
    that(anew.ticket !== first.ticket, "by another key", "another", anew.ticket);
  });

  check("a key works for who has no account too, by the next connection", async (t) => {
    const one = await Seeker.open(t);
    const own = key();
    const { ticket } = await one.seek("lonely", { key: own });
    const next = await one.back(t);
    equal((await next.seek("lonely", { key: own })).ticket, ticket, "the ticket");
  });

  check("queues give up after their time", async (t) => {
    const [one] = await seekers(t, "brief", 1);
    const over = await one.told("ended");
    equal(over.reason, "expired", "why");
    that(over.waited_ms >= 1_000 && over.waited_ms < 5_000, "after", "1 s", over.waited_ms);
    equal((await one.accepted("ticket")).reason, "expired", "what is told who asks");
    await one.seek("lonely");
  });
});
