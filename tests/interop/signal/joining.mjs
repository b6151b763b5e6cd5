// How one becomes a peer, and every way in which one does not.

import { check, equal, group, that } from "../harness.mjs";
import { Player } from "../lobbies/player.mjs";
import { Peer, WAYS, party } from "./peer.mjs";

const TOKEN = "A".repeat(24);

group("joining", () => {
  for (const [way, options] of WAYS) {
    check(`who has a seat becomes a peer, ${way}`, async (t) => {
      const [one, two] = await party(t, 2, options);
      const { joined } = two;
      const { peer, seat, lobby, resumed, topology, host, ice_servers, budget } = joined;
      equal([peer, seat, resumed, topology], [2, 1, false, "mesh"], "what it is told of itself");
      equal([lobby, joined.private], [one.player.lobby.id, false], "of its lobby");
      equal(host, { peer: 1, term: 1 }, "the host");
      equal(joined.peers, [{ peer: 1, seat: 0, here: true, rtc: true }], "the others");
      const link = { link: 1, peer: 1, polite: true, offer: true, rtc: true };
      equal(joined.links, [link], "its links");
      equal(ice_servers, [], "the servers for ICE");
      that(budget.link > 0 && budget.player >= budget.link, "the budget", "some", budget);
      equal(await one.next("peer"), { peer: 2, seat: 1, here: true, rtc: true }, "the newcomer");
      const other = { link: 1, peer: 2, polite: false, offer: false, rtc: true };
      equal(await one.next("link"), other, "the link, from the other end");
    });
  }

  check("a seat has one token, and who has none gets none", async (t) => {
    const host = await Peer.open(t);
    await host.player.refused("E_NOT_IN_LOBBY", "peer");
    await host.player.create({ game: "relay" });
    equal(await host.admit(), await host.admit(), "the token, asked for again");
    const guest = await Player.open(t);
    await guest.join(host.player.lobby, { role: "spectator" });
    await guest.refused("E_FORBIDDEN", "peer");
  });

  check("without a token, or with a wrong one, one is nobody", async (t) => {
    const peer = await Peer.open(t);
    await peer.player.create({ game: "relay" });
    await peer.connect(t);
    await peer.refused("E_NOT_FOUND", "join", { token: TOKEN });
    // That of the lobby's own place opens nothing here.
    await peer.refused("E_NOT_FOUND", "join", { token: peer.player.token });
    await peer.refused("E_BAD_REQUEST", "join", { token: "not a token" });
    await peer.refused("E_BAD_REQUEST", "join", {});
    await peer.refused("E_BAD_REQUEST", "join");
    await peer.refused("E_BAD_REQUEST", "join", { token: TOKEN, admin: true });
    await peer.refused("E_BAD_REQUEST", "join", { token: TOKEN, resume: -1 });
    for (const event of ["leave", "open", "close", "signal", "report", "checkpoint"]) {
      const payload = {
        open: { peer: 1 },
        close: { link: 1 },
        signal: { link: 1, generation: 0, candidate: null },
        report: { links: [{ link: 1, path: "relay" }] },
        checkpoint: { term: 1, state: 1 },
      }[event];
      await peer.refused("E_NOT_IN_LOBBY", event, payload);
    }
    await peer.refused("E_UNKNOWN_EVENT", "admin");
    await peer.admit();
    await peer.refused("E_BAD_REQUEST", "join", { token: peer.token, key: "k".repeat(257) });
    await peer.join({ key: "k".repeat(256) });
  });

  check("tokens cannot be guessed fast", async (t) => {
    const peer = await Peer.open(t);
    await peer.connect(t);
    const guess = () => peer.signals.ask("join", { token: TOKEN });
    const replies = await Promise.all(Array.from({ length: 60 }, guess));
    const codes = new Set(replies.map(({ code }) => code));
    equal([...codes].toSorted(), ["E_NOT_FOUND", "E_RATE"], "answers");
  });

  check("one is a peer of one seat at a time", async (t) => {
    const [one] = await party(t, 1);
    const [two] = await party(t, 1);
    for (const peer of [one, two]) {
      const other = peer === one ? two : one;
      await peer.refused("E_IN_LOBBY", "join", { token: other.token });
    }
    await one.accepted("leave");
    await one.refused("E_NOT_IN_LOBBY", "leave");
    await one.accepted("join", { token: one.token });
  });

  check("a public key is told as it is, and who cannot do WebRTC is told too", async (t) => {
    const joins = [{ key: "BA+/=ä" }, { rtc: false }];
    const [one, two, three] = await party(t, 3, { joins });
    const shown = [
      { peer: 1, seat: 0, here: true, rtc: true, key: "BA+/=ä" },
      { peer: 2, seat: 1, here: true, rtc: false },
    ];
    equal(three.joined.peers, shown, "the others");
    const links = [two.link(one), three.link(one), three.link(two)];
    equal(links.map(({ rtc }) => rtc), [false, true, false], "rtc");
    const signal = two.to(one, 0, { candidate: null });
    await two.refused("E_BAD_REQUEST", "signal", signal);
  });
});
