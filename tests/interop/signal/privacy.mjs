// Nobody learns an address where a lobby, or one of two players, does not want that.

import { check, equal, group, that } from "../harness.mjs";
import { RECORDED, party } from "./peer.mjs";

const ADDRESS = "203.0.113.77";
const { offer, answer } = RECORDED.first;
const fragment = /a=ice-ufrag:(\S+)/.exec(offer.sdp)[1];
const line = (kind, address, more = "") =>
  `candidate:1 1 udp 2113937151 ${address} 40000 typ ${kind}${more} generation 0 ufrag ${fragment}`;
const candidate = (text) => ({ candidate: text, sdpMid: "0", usernameFragment: fragment });
const HOST = line("host", ADDRESS);
const RELAY = line("relay", "198.51.100.1", ` raddr ${ADDRESS} rport 40001`);

/** Everything that a description can tell. */
const telling = {
  type: "offer",
  sdp: offer.sdp
    .replace("IN IP4 127.0.0.1", `IN IP4 ${ADDRESS}`)
    .replace("c=IN IP4 0.0.0.0", `c=IN IP4 ${ADDRESS}\r\na=rtcp:9 IN IP4 ${ADDRESS}`)
    .replace("a=ice-ufrag", `a=${HOST}\r\na=${RELAY}\r\na=ice-ufrag`),
};

async function assertHidden(one, two) {
  await two.describe(one, 0, telling);
  for (const text of [HOST, line("srflx", ADDRESS), line("prflx", ADDRESS), `a=${HOST}`, RELAY]) {
    await two.candidate(one, 0, candidate(text));
  }
  await two.candidate(one, 0, candidate(line("host", "4c0d3a2e-0f0b.local")));
  await two.candidate(one, 0, null);
  await one.signals.until("the end", () => one.signals.all("signal").at(-1)?.candidate === null);
  const [description, relayed, end, ...more] = one.signals.all("signal");
  equal(more, [], "what else came");
  const { sdp } = description.description;
  that(!sdp.includes(ADDRESS) && sdp.includes("198.51.100.1"), "the description", "bare", sdp);
  that(sdp.includes(`a=ice-ufrag:${fragment}\r\n`), "the rest of it", "as it was", sdp);
  const bare = line("relay", "198.51.100.1", " raddr 0.0.0.0 rport 9");
  equal(relayed.candidate.candidate, bare, "the candidate of a TURN server");
  equal(end.candidate, null, "the last");
}

group("privacy", () => {
  check("a private lobby hides the addresses of all", async (t) => {
    const [one, two] = await party(t, 2, { create: { links: { private: true } } });
    equal([one.joined.private, two.joined.private], [true, true], "what both are told");
    await assertHidden(one, two);
  });

  check("a private player's are hidden, and it learns none of the other's", async (t) => {
    const [one, two, three] = await party(t, 3, { joins: [{}, { private: true }] });
    equal(two.joined.private, false, "what it is told of the lobby");
    await assertHidden(one, two);
    // Who got no candidates back would be looked for at this one's address.
    const known = { ...candidate(HOST), usernameFragment: undefined };
    await one.describe(two, 0, { type: "answer", sdp: answer.sdp });
    const other = HOST.replace(fragment, /a=ice-ufrag:(\S+)/.exec(answer.sdp)[1]);
    await one.candidate(two, 0, { ...known, candidate: other });
    await one.candidate(two, 0, null);
    const isEnd = () => two.signals.all("signal").at(-1)?.candidate === null;
    await two.signals.until("the end", isEnd);
    equal(two.signals.all("signal").length, 2, "signals to the private one: answer and end");
    // The others hide nothing from each other.
    await three.describe(one, 0, telling);
    const { description } = await one.next("signal", { from: three.number });
    equal(description, telling, "what is not private");
  });

  check("addresses of all kinds pass untouched where nobody minds", async (t) => {
    const [one, two] = await party(t, 2);
    await two.describe(one, 0, telling);
    equal((await one.next("signal")).description, telling, "the description");
    const hosts = ["169.254.169.254", "127.0.0.1", "::ffff:10.0.0.1", "a1b2.local", "example.org"];
    for (const address of hosts) {
      await two.candidate(one, 0, candidate(line("host", address)));
      equal((await one.next("signal")).candidate.candidate, line("host", address), "a candidate");
    }
  });
});
