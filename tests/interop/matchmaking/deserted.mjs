// A server that keeps the places of who is gone for a second: what comes of their parties.

import { check, equal, group } from "../harness.mjs";
import { found, follow, gathered, seekTogether, sees, waiting } from "./gathered.mjs";
import { Seeker, guest, seekers } from "./seeker.mjs";

const isAway = ({ members }) => members.some(({ away }) => away);
const known = async () => ({ account: await guest() });

group("deserted", () => {
  check("a leader who is gone for too long leads no more, and is in no party", async (t) => {
    const [ada, bob, eve] = await gathered(t, 3, [await known(), {}, {}]);
    ada.drop();
    await sees(bob, "whose leader is away", isAway);
    const isBobs = ({ leader, members }) => leader === bob.member && members.length === 2;
    for (const one of [bob, eve]) await sees(one, "that Bob leads", isBobs);
    const next = await ada.again(t);
    await next.refused("E_PARTY", "party");
    await seekTogether([bob, eve], "teams");
    await bob.accepted("cancel");
    await follow(next, bob);
  });

  check("the ticket of a party ends with who is gone for too long", async (t) => {
    const [ada, bob] = await waiting(t, 2, "teams", [{}, await known()]);
    bob.drop();
    const { reason } = await ada.told("ended");
    equal(reason, "party_changed", "why");
    await sees(ada, "of one", ({ members }) => members.length === 1);
    const next = await bob.again(t);
    await next.refused("E_PARTY", "party");
  });

  check("who comes back within that time is still of the party, and of its ticket", async (t) => {
    const [ada, bob] = await waiting(t, 2, "teams", [{}, await known()]);
    const next = await bob.back(t);
    equal((await next.accepted("party")).member, bob.member, "who one is");
    const [one, two] = await seekers(t, "teams", 2);
    for (const each of [ada, next, one, two]) await each.assigned();
  });

  check("if one of a party does not come it ends for both, and the others wait on", async (t) => {
    const [blue, red] = [await waiting(t, 2, "teams"), await waiting(t, 2, "teams")];
    for (const one of [...blue, ...red]) await one.assigned();
    for (const one of [...blue, red[0]]) await one.come(t);
    for (const one of red) await one.told("ended", { reason: "no_show" });
    for (const one of blue) await one.told("queued", { reason: "other_no_show" });
    await red[1].refused("E_COOLDOWN", "create", { queue: "lonely" });
  });
});
