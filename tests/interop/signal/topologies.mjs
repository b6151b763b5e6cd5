// Who is linked with whom: each with each, or the host with each other; and who is host.

import { check, equal, group, that } from "../harness.mjs";
import { Peer, frame, party, payloadOf } from "./peer.mjs";

const STAR = { create: { links: { topology: "star" } } };

/** Everybody sends everybody a word, who hears it by the link that both know. */
async function assertMesh(peers) {
  for (const from of peers) {
    for (const to of peers.filter((peer) => peer !== from)) {
      await from.linked(to);
      from.send("reliable", to, frame(4, 0, { payload: `${from.number} to ${to.number}` }));
    }
  }
  for (const to of peers) {
    const frames = await to.frames("reliable", peers.length - 1);
    const expected = peers.filter((peer) => peer !== to).map((from) => [
      from.link(to).link,
      `${from.number} to ${to.number}`,
    ]);
    const heard = frames.map(([link, bytes]) => [link, payloadOf(bytes)]);
    equal(heard.toSorted(), expected.toSorted(), `what peer ${to.number} heard`);
  }
}

group("topologies", () => {
  for (const options of [{}, { apart: true, transports: ["polling"] }]) {
    check(`in a mesh of four all are linked ${JSON.stringify(options)}`, async (t) => {
      const peers = await party(t, 4, options);
      await assertMesh(peers);
      for (const [i, one] of peers.entries()) {
        for (const two of peers.slice(i + 1)) {
          const ends = [one.link(two), two.link(one)];
          equal(ends.map(({ polite }) => polite), [false, true], "who gives way: the newer one");
          equal(ends.map(({ offer }) => offer), [false, true], "who offers: the newer one");
        }
      }
      await peers[1].accepted("leave");
      for (const peer of [peers[0], peers[2], peers[3]]) {
        equal(await peer.next("gone"), { peer: 2, reason: "left" }, "what others hear");
      }
      const signal = peers[2].to(peers[1], 0, { candidate: null });
      await peers[2].refused("E_NOT_FOUND", "signal", signal);
    });
  }

  check("in a star all are linked with the host, and with the next when it leaves", async (t) => {
    const [host, one, two] = await party(t, 3, STAR);
    equal(two.joined.links.map(({ peer }) => peer), [1], "with whom the last is linked");
    equal([two.link(host).polite, two.link(host).offer], [true, true], "the last");
    await one.refused("E_FORBIDDEN", "open", { peer: two.number });
    await host.accepted("checkpoint", { term: 1, state: { turn: 7, "ä": [null] } });
    await one.refused("E_FORBIDDEN", "checkpoint", { term: 1, state: 1 });
    await host.player.accepted("leave");
    equal(await host.next("ended"), { reason: "unseated" }, "what the host hears");
    const { peer, term, checkpoint } = await one.next("host", { peer: one.number });
    that(peer === 2 && term > 1, "the next host", "peer 2 of a later term", [peer, term]);
    equal(checkpoint, { turn: 7, "ä": [null] }, "what is handed on");
    equal(await two.next("host", { peer: 2 }), { peer: 2, term }, "what the other hears");
    for (const each of [one, two]) await each.next("gone", { peer: 1, reason: "unseated" });
    const link = await two.linked(one);
    equal([link.polite, link.offer], [true, true], "the link with it");
    two.send("reliable", one, frame(4, 0, { payload: "hello, host" }));
    equal(payloadOf((await one.frames("reliable", 1))[0][1]), "hello, host", "what it hears");
    await host.refused("E_NOT_IN_LOBBY", "checkpoint", { term, state: 1 });
    await one.refused("E_TERM", "checkpoint", { term: 1, state: "old" });
    await one.accepted("checkpoint", { term, state: "new" });
  });

  check("the host hands a star over, and stays in it", async (t) => {
    const [host, one, two] = await party(t, 3, STAR);
    await host.accepted("checkpoint", { term: 1, state: 7 });
    const before = [one.link(host).link, two.link(host).link];
    await host.player.accepted("host", { seat: 1 });
    equal(await one.next("host"), { peer: 2, term: 2, checkpoint: 7 }, "what the next hears");
    equal(await host.next("host"), { peer: 2, term: 2 }, "what the last hears");
    await host.refused("E_TERM", "checkpoint", { term: 1, state: 8 });
    await host.refused("E_FORBIDDEN", "checkpoint", { term: 2, state: 8 });
    equal(await two.next("closed"), { link: before[1], reason: "host" }, "the link that goes");
    const link = await two.linked(one);
    equal([link.polite, link.offer], [true, true], "the link that comes");
    // The two were linked before: the link stays as it is.
    equal(one.signals.all("closed"), [], "what the next host lost");
    one.send("reliable", host, frame(4, 0, { payload: "still linked" }));
    equal((await host.frames("reliable", 1))[0][0], before[0], "by which link");
  });

  check("a host that is sent away by the next one has no peers any more", async (t) => {
    const [host, one, two] = await party(t, 3, STAR);
    await host.player.accepted("host", { seat: 1 });
    await one.player.accepted("kick", { seat: 0 });
    equal(await host.next("ended"), { reason: "unseated" }, "what it hears");
    for (const peer of [one, two]) await peer.next("gone", { peer: 1, reason: "unseated" });
    await host.refused("E_NOT_IN_LOBBY", "leave");
    await host.refused("E_NOT_FOUND", "join", { token: host.token });
  });

  check("a star whose host is no peer has no links until it is one", async (t) => {
    const host = await Peer.open(t);
    await host.player.create({ game: "relay", ...STAR.create });
    const guest = await Peer.open(t);
    await guest.player.join(host.player.lobby);
    await guest.enter(t);
    equal([guest.joined.host, guest.joined.links], [{ term: 0 }, []], "before");
    await host.enter(t);
    equal(host.joined.host, { peer: 2, term: 1 }, "the host");
    equal(await guest.next("host"), { peer: 2, term: 1 }, "what the other hears");
    equal([(await guest.linked(host)).offer, host.link(guest).offer], [true, false], "who offers");
  });
});
