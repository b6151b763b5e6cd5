// A server that has two parties of two members each.

import { check, group } from "../harness.mjs";
import { found, follow } from "./gathered.mjs";
import { Seeker } from "./seeker.mjs";

group("crowded", () => {
  check("a party has two members, and one more is refused until another goes", async (t) => {
    const [ada, bob, eve] = [await Seeker.open(t), await Seeker.open(t), await Seeker.open(t)];
    await found(ada);
    await follow(bob, ada);
    await eve.refused("E_FULL", "party:join", { code: ada.party.code });
    await bob.accepted("party:leave");
    await follow(eve, ada);
    await bob.refused("E_FULL", "party:join", { code: ada.party.code });
    for (const one of [ada, eve]) await one.accepted("party:leave");
  });

  check("a server has two parties, and one more is refused until another is no more", async (t) => {
    const [ada, bob, eve] = [await Seeker.open(t), await Seeker.open(t), await Seeker.open(t)];
    await found(ada);
    await found(bob);
    await eve.refused("E_LIMIT", "party:create", {});
    await ada.accepted("party:leave");
    await found(eve);
    for (const one of [bob, eve]) await one.accepted("party:leave");
  });
});
