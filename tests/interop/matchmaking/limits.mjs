// A server that has three tickets, two for each player.

import { check, equal, group } from "../harness.mjs";
import { Seeker } from "./seeker.mjs";

group("limits", () => {
  check("a player has two tickets, and with one more the oldest ends", async (t) => {
    const one = await Seeker.known(t);
    const first = await one.seek("lonely");
    const second = await one.seek("near", { attributes: { skill: 1 } });
    equal(one.early, [], "what has ended with the second");
    await one.seek("stepped", { attributes: { skill: 1 } });
    const over = one.early.map(({ push }) => [push.ticket, push.reason]);
    equal(over, [[first.ticket, "replaced"]], "what has ended with the third");
    const { state } = await one.accepted("ticket", { ticket: second.ticket });
    equal(state, "queued", "where the second stands");
    await one.accepted("cancel", { ticket: second.ticket });
  });

  check("a server has three, and one more is refused until another ends", async (t) => {
    const three = [];
    for (const variant of [1, 2, 3]) {
      const one = await Seeker.open(t);
      await one.seek("equal", { attributes: { variant } });
      three.push(one);
    }
    const four = await Seeker.open(t);
    const request = { queue: "equal", attributes: { variant: 4 } };
    await four.refused("E_LIMIT", "create", request);
    await three[0].accepted("cancel");
    await four.accepted("create", request);
    await three[0].refused("E_LIMIT", "create", request);
  });
});
