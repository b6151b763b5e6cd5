// What two peers tell each other, with what Chromium wrote: offers and answers, candidates early
// and late, both ends at once, ICE restarts; and what is refused.

import { check, equal, group, that } from "../harness.mjs";
import { RECORDED, WAYS, party } from "./peer.mjs";

const { first, restart, tracks } = RECORDED;

/** The signals of a round, as both peers hear them. */
async function play(offerer, answerer, generation, round) {
  const hears = async (peer, from, what) => {
    const { from: sender, ...told } = await peer.next("signal");
    equal([sender, told], [from.number, from.to(peer, generation, what)], "what arrives");
  };
  await offerer.describe(answerer, generation, round.offer);
  await hears(answerer, offerer, { description: round.offer });
  for (const candidate of round.offerer) {
    await offerer.candidate(answerer, generation, candidate);
    await hears(answerer, offerer, { candidate });
  }
  await answerer.describe(offerer, generation, round.answer);
  await hears(offerer, answerer, { description: round.answer });
  for (const candidate of round.answerer) {
    await answerer.candidate(offerer, generation, candidate);
    await hears(offerer, answerer, { candidate });
  }
}

const fragmentOf = (description) => /a=ice-ufrag:(\S+)/.exec(description.sdp)[1];

/** All of what a peer heard, in short. */
const heard = (peer) =>
  peer.signals.all("signal").map(({ description, candidate }) =>
    description ? `${description.type} ${fragmentOf(description)}` : candidate?.usernameFragment,
  );

group("negotiation", () => {
  for (const [way, options] of WAYS) {
    check(`offers, answers, candidates and restarts of Chromium pass, ${way}`, async (t) => {
      const [one, two] = await party(t, 2, options);
      await play(two, one, 0, first);
      await play(two, one, 1, restart);
      await play(two, one, 1, tracks);
    });
  }

  check("nobody else hears a signal, or may send one on a link", async (t) => {
    const [one, two, three] = await party(t, 3);
    await two.describe(one, 0, first.offer);
    await one.next("signal");
    await three.refused("E_NOT_FOUND", "signal", two.to(one, 0, { description: first.offer }));
    await three.refused("E_NOT_FOUND", "close", { link: two.link(one).link });
    await three.accepted("signal", three.to(two, 0, { candidate: null }));
    equal(three.signals.all("signal"), [], "what the third heard");
  });

  check("a forged sender is overwritten", async (t) => {
    const [one, two, three] = await party(t, 3);
    const description = first.offer;
    await two.accepted("signal", { ...two.to(one, 0, { description }), from: three.number });
    equal((await one.next("signal")).from, two.number, "the sender");
    await two.accepted("signal", { ...two.to(one, 0, { candidate: null }), from: "admin" });
    equal((await one.next("signal")).from, two.number, "the sender");
  });

  check("with two offers at once the polite end gives way", async (t) => {
    const [one, two] = await party(t, 2);
    await one.linked(two);
    const own = { type: "offer", sdp: first.answer.sdp };
    await Promise.all([one.describe(two, 0, own), two.describe(one, 0, first.offer)]);
    for (const peer of [one, two]) await peer.next("signal");
    // The newer one is polite: only it may answer.
    const reply = (peer, other, sdp) =>
      peer.signals.ask("signal", peer.to(other, 0, { description: { type: "answer", sdp } }));
    equal((await reply(one, two, own.sdp)).code, "E_STATE", "the answer of who does not give way");
    equal((await reply(two, one, first.offer.sdp)).ok, true, "the answer of who does");
    equal((await one.next("signal")).description.type, "answer", "what arrives");
    equal((await reply(two, one, first.offer.sdp)).code, "E_STATE", "a second answer");
  });

  check("an answer to nothing is refused, and so is a generation that is skipped", async (t) => {
    const [one, two] = await party(t, 2);
    const signal = (generation, description) => two.to(one, generation, { description });
    await two.refused("E_STATE", "signal", signal(0, first.answer));
    await two.refused("E_STATE", "signal", signal(2, first.offer));
    await two.refused("E_STATE", "signal", signal(1, first.answer));
    equal(one.signals.all("signal"), [], "what the other heard");
  });

  check("early candidates wait for their description, and stale ones are refused", async (t) => {
    const [one, two] = await party(t, 2);
    const [candidate] = first.offerer;
    await two.candidate(one, 0, candidate);
    await two.describe(one, 0, first.offer);
    await one.next("signal", {});
    await one.signals.until("both", () => heard(one).length === 2);
    const fragment = fragmentOf(first.offer);
    equal(heard(one), [`offer ${fragment}`, fragment], "in which order");
    await one.describe(two, 0, first.answer);
    // Those of a restart, before it is there, as they may be ahead of it.
    await two.candidate(one, 1, restart.offerer[0]);
    const other = { ...candidate, usernameFragment: "other" };
    await two.refused("E_STALE", "signal", two.to(one, 0, { candidate: other }));
    await two.describe(one, 1, restart.offer);
    await two.refused("E_STALE", "signal", two.to(one, 0, { candidate }));
    await one.refused("E_STALE", "signal", one.to(two, 0, { candidate: first.answerer[0] }));
    await one.refused("E_STALE", "signal", one.to(two, 0, { description: first.answer }));
    await two.refused("E_STALE", "signal", two.to(one, 1, { candidate }));
    await one.signals.until("the restart", () => heard(one).length === 4);
    const again = fragmentOf(restart.offer);
    equal(heard(one).slice(2), [`offer ${again}`, again], "the restart");
  });

  check("another certificate is refused, unless one comes anew", async (t) => {
    const [one, two] = await party(t, 2);
    await two.describe(one, 0, first.offer);
    const description = { type: "offer", sdp: first.answer.sdp };
    await two.refused("E_FINGERPRINT", "signal", two.to(one, 0, { description }));
    await two.join();
    await two.describe(one, 0, description);
    const { from } = await one.next("signal", { description });
    equal(from, two.number, "who says it");
  });

  check("what is no signal is refused", async (t) => {
    const [one, two] = await party(t, 2);
    const [candidate] = first.offerer;
    const bad = (what) => two.refused("E_BAD_REQUEST", "signal", what);
    const link = two.link(one).link;
    await bad({ link, generation: 0 });
    await bad({ link, generation: 0, description: first.offer, candidate });
    await bad({ link, generation: -1, candidate });
    await bad({ link: "1", generation: 0, candidate });
    await bad({ link, generation: 0, description: { type: "rollback", sdp: "" } });
    await bad({ link, generation: 0, description: { type: "offer", sdp: 7 } });
    await bad({ link, generation: 0, description: { type: "offer", sdp: "v=0" } });
    await bad({ link, generation: 0, candidate: { candidate: "candidate:1 1 udp" } });
    await bad(null);
    await bad([]);
    await two.refused("E_NOT_FOUND", "signal", { link: 9, generation: 0, candidate });
    that(one.signals.all("signal").length === 0, "what the other heard", "nothing", one.signals);
  });
});
