// Connections to the server that are lost: links live on, and who comes back in time is who it was.

import { check, equal, group, that } from "../harness.mjs";
import { RECORDED, Peer, frame, party, payloadOf } from "./peer.mjs";

const { first } = RECORDED;

group("losses", () => {
  for (const options of [{}, { apart: true }, { transports: ["polling"] }]) {
    check(`who comes back is the same peer ${JSON.stringify(options)}`, async (t) => {
      const [one, two] = await party(t, 2, options);
      const link = two.link(one);
      await two.describe(one, 0, first.offer);
      one.drop();
      await two.next("peer", { peer: one.number, here: false });
      // Signals are kept for it, frames are not: who sends them knows that they did not arrive.
      for (const candidate of first.offerer) await two.candidate(one, 0, candidate);
      two.send("reliable", one, frame(4, 0, { payload: "lost" }));
      two.send("volatile", one, frame(5, 1, { payload: "lost" }));
      const { resumed, peer, links } = await one.back(t);
      equal([resumed, peer, links.length], [true, one.number, 1], "who it is");
      equal(links[0].link, link.link, "its link");
      await two.next("peer", { peer: one.number, here: true });
      two.send("reliable", one, frame(4, 0, { payload: "again" }));
      await one.frames("reliable", 1);
      const signals = one.signals.all("signal").map(({ candidate }) => candidate);
      equal(signals, first.offerer, "what was kept");
      equal(one.signals.frames.reliable.map(([, bytes]) => payloadOf(bytes)), ["again"], "frames");
      equal(two.signals.all("gone"), [], "whom the other lost");
    });
  }

  check("one may answer, when it is back, what was offered before", async (t) => {
    const [one, two] = await party(t, 2);
    one.drop();
    await two.next("peer", { here: false });
    await two.describe(one, 0, first.offer);
    await one.back(t);
    equal((await one.next("signal")).description, first.offer, "the offer");
    await one.describe(two, 0, first.answer);
    equal((await two.next("signal")).description, first.answer, "the answer");
  });

  check("a page that is loaded again comes anew, and the last one hears of it", async (t) => {
    const [one, two] = await party(t, 2);
    const before = two.link(one).link;
    const page = new Peer();
    Object.assign(page, { options: {}, apart: true, token: one.token });
    await page.connect(t);
    const { peer, resumed, links } = await page.join();
    equal([peer, resumed], [3, false], "who it is");
    that(links[0].link > before && links[0].offer, "its link", "a new one", links);
    equal(await one.next("ended"), { reason: "replaced" }, "what the last one hears");
    await one.refused("E_NOT_IN_LOBBY", "leave");
    equal(await two.next("gone"), { peer: 1, reason: "replaced" }, "what others hear");
    await two.next("peer", { peer: 3 });
    await page.describe(two, 0, first.offer);
    equal((await two.next("signal")).from, 3, "who offers");
    await two.refused("E_NOT_FOUND", "signal", { link: before, generation: 0, candidate: null });
    // The old number is nobody's any more.
    await page.accepted("leave");
    equal((await page.join({ resume: 1 })).resumed, false, "coming back as who one was");
  });

  check("who comes back twice is who came last", async (t) => {
    const [one, two] = await party(t, 2);
    const first = one.signals;
    await one.back(t);
    await first.next("ended", { reason: "replaced" });
    await first.refused("E_NOT_IN_LOBBY", "leave");
    await two.next("peer", { peer: 1, here: true });
    two.send("reliable", one, frame(4, 0, { payload: "to the last" }));
    equal(payloadOf((await one.frames("reliable", 1))[0][1]), "to the last", "what it hears");
    equal(first.frames.reliable, [], "what the first heard");
  });

  check("somebody else's number brings nobody back", async (t) => {
    const [one, two] = await party(t, 2);
    const joined = await two.join({ resume: one.number });
    equal([joined.resumed, joined.peer], [false, 3], "who it is");
    equal(one.signals.all("ended"), [], "what the other hears");
  });

  check("the host that comes back is still host, of the same term", async (t) => {
    const [one, two] = await party(t, 2, { apart: true });
    await one.accepted("checkpoint", { term: 1, state: 1 });
    one.drop();
    await two.next("peer", { here: false });
    equal((await one.back(t)).host, { peer: 1, term: 1 }, "the host");
    await one.accepted("checkpoint", { term: 1, state: 2 });
    equal(two.signals.all("host"), [], "what the other hears");
  });
});
