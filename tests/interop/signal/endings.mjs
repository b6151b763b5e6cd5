// Links that are closed and opened again, what peers report of them, and what ends everything.

import { check, equal, group, that } from "../harness.mjs";
import { RECORDED, WAYS, frame, party } from "./peer.mjs";

const { first } = RECORDED;
const DIRECT = {
  path: "direct",
  via: "srflx",
  rtt_ms: 12.5,
  jitter_ms: 0.5,
  loss: 0.25,
  bytes_direct: 7,
  bytes_relay: 9,
  switches: 1,
};

group("endings", () => {
  check("a link that is closed is no more, and may be opened again", async (t) => {
    const [one, two] = await party(t, 2);
    const { link } = two.link(one);
    await two.refused("E_BAD_REQUEST", "close", { link, reason: "x".repeat(65) });
    await two.refused("E_BAD_REQUEST", "close", { link, reason: "a\nb" });
    await two.refused("E_NOT_FOUND", "close", { link: 99 });
    await two.accepted("close", { link, reason: "x".repeat(64) });
    equal(await one.next("closed"), { link, reason: "x".repeat(64) }, "what the other hears");
    await one.refused("E_NOT_FOUND", "signal", { link, generation: 0, candidate: null });
    for (const kind of ["reliable", "volatile"]) one.send(kind, two, frame(4, 0));
    await one.refused("E_NOT_FOUND", "open", { peer: 9 });
    await one.refused("E_NOT_FOUND", "open", { peer: one.number });
    await one.accepted("open", { peer: two.number });
    await one.accepted("open", { peer: two.number });
    const opened = await two.next("link");
    that(opened.link > link && opened.rtc, "the link", "a new one", opened);
    equal(one.signals.all("link").length, 2, "links of who opened it, with the first");
    await one.describe(two, 0, first.offer);
    equal((await two.next("signal")).link, opened.link, "the link that is signaled on");
    equal(two.signals.frames, { reliable: [], volatile: [] }, "what came by the old one");
  });

  check("how links are is told to all others, and what cannot be is refused", async (t) => {
    const [one, two, three] = await party(t, 3);
    const link = two.link(one).link;
    await two.accepted("report", { links: [{ link, switched: "probed", ...DIRECT }] });
    const told = { from: two.number, links: [{ peer: one.number, ...DIRECT }] };
    for (const peer of [one, three]) equal(await peer.next("quality"), told, "what is told");
    await one.accepted("report", { links: [{ link, path: "relay" }] });
    const plain = { path: "relay", bytes_direct: 0, bytes_relay: 0, switches: 0 };
    const quality = await two.next("quality");
    equal(quality, { from: 1, links: [{ peer: two.number, ...plain }] }, "in its shortest form");
    for (const bad of [
      { rtt_ms: -1 },
      { rtt_ms: 60_001 },
      { jitter_ms: 1e9 },
      { loss: 1.01 },
      { loss: "none" },
      { path: "carrier pigeon" },
      { via: "magic" },
      { switched: "mood" },
      { bytes_direct: -1 },
      { switches: 4_294_967_296 },
    ]) {
      await two.refused("E_BAD_REQUEST", "report", { links: [{ link, ...DIRECT, ...bad }] });
    }
    await two.refused("E_BAD_REQUEST", "report", { links: [] });
    await two.refused("E_BAD_REQUEST", "report", { links: [{ link }] });
    const of = (...links) => ({ links: links.map((link) => ({ link, path: "relay" })) });
    await two.refused("E_BAD_REQUEST", "report", of(link, link));
    await two.refused("E_BAD_REQUEST", "report", of(1, 2, 3, 4));
    await two.refused("E_NOT_FOUND", "report", of(three.link(one).link));
  });

  for (const [way, options] of WAYS) {
    check(`who is sent away, or leaves the lobby, is no peer any more, ${way}`, async (t) => {
      const [host, one, two] = await party(t, 3, options);
      await host.player.accepted("kick", { seat: 1 });
      equal(await one.next("ended"), { reason: "unseated" }, "what it hears");
      for (const peer of [host, two]) {
        equal(await peer.next("gone"), { peer: 2, reason: "unseated" }, "what others hear");
      }
      await one.refused("E_NOT_IN_LOBBY", "signal", one.to(two, 0, { candidate: null }));
      await one.refused("E_NOT_FOUND", "join", { token: one.token });
      // It may come again, with another token, by the same connection.
      await one.player.join(host.player.lobby);
      const before = one.token;
      that((await one.admit()) !== before, "the token", "another", one.token);
      equal((await one.join()).peer, 4, "its number");
      await two.player.accepted("leave");
      equal(await two.next("ended"), { reason: "unseated" }, "who leaves the lobby");
    });
  }

  check("a lobby that is over takes everything along", async (t) => {
    const [host, one] = await party(t, 2);
    await one.player.accepted("leave");
    await host.player.accepted("leave");
    for (const peer of [host, one]) {
      equal(await peer.next("ended"), { reason: "unseated" }, "what is heard");
      await peer.refused("E_NOT_FOUND", "join", { token: peer.token });
    }
    // The same connections are peers of the next lobby.
    await host.player.create({ game: "relay" });
    await host.admit();
    equal((await host.join()).peer, 1, "its number there");
  });

  check("who leaves /signal keeps the seat, and may come again", async (t) => {
    const [host, one] = await party(t, 2);
    await one.accepted("leave");
    equal(await host.next("gone"), { peer: 2, reason: "left" }, "what others hear");
    equal(await one.next("ended"), { reason: "left" }, "what it hears itself");
    await one.player.accepted("ready", { ready: true });
    equal((await one.join({ resume: 2 })).peer, 3, "its number");
  });
});
