// A server that gives peers up within a second, and takes three of a lobby: what comes of those who
// are away for too long, and of one peer too many.

import { check, equal, group } from "../harness.mjs";
import { RECORDED, Peer, party } from "./peer.mjs";

group("limits", () => {
  check("who is away for too long is gone, and comes back as another", async (t) => {
    const [one, two] = await party(t, 2, { apart: true });
    one.drop();
    await two.next("peer", { peer: 1, here: false });
    equal(await two.next("gone"), { peer: 1, reason: "timeout" }, "what others hear");
    equal(await two.next("host"), { term: 2 }, "the host");
    const joined = await one.back(t);
    equal([joined.resumed, joined.peer], [false, 3], "who comes back");
    equal(joined.host, { peer: 3, term: 3 }, "the host, for itself");
    equal(await two.next("host"), { peer: 3, term: 3 }, "the host, for the other");
  });

  check("signals for who was given up are refused", async (t) => {
    const [one, two] = await party(t, 2, { apart: true });
    const signal = two.to(one, 0, { description: RECORDED.first.offer });
    one.drop();
    await two.next("gone");
    await two.refused("E_NOT_FOUND", "signal", signal);
  });

  check("three are peers, and one more is refused until another leaves", async (t) => {
    const [, two] = await party(t, 3);
    const four = await Peer.open(t);
    await four.player.join(two.player.lobby);
    await four.admit();
    await four.connect(t);
    await four.refused("E_FULL", "join", { token: four.token });
    await two.accepted("leave");
    equal((await four.join()).peers.map(({ peer }) => peer), [1, 3], "the others");
    await two.refused("E_FULL", "join", { token: two.token });
  });
});
