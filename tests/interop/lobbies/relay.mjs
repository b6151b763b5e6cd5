// Relay matches: players who have no code on the server, and one of them who hosts.

import { between, check, equal, group, that } from "../harness.mjs";
import { Player, match } from "./player.mjs";

const relay = (config) => ({ game: "relay", ...(config && { config }) });
const send = (to, data, more = {}) => ({ type: "send", to, data, ...more });

/** What this player was sent so far, as [from, data]. */
const heard = (player) => player.all("event").map(({ event: { from, data } }) => [from, data]);

/** Waits until a player has heard this, in whatever they have heard so far. */
const hears = (player, data) =>
  player.until(`the message ${data}`, () => heard(player).some((one) => one[1] === data));

group("relay", () => {
  check("messages go to all, to others, to one, to some and to the host", async (t) => {
    const watch = { role: "spectator" };
    const [host, one, two, watcher] = await match(t, relay(), {}, {}, watch);
    await one.accepted("action", send("all", "all"));
    await one.accepted("action", send("others", "others"));
    await one.accepted("action", send(2, "two"));
    await one.accepted("action", send([0, 1], "some"));
    await one.accepted("action", send("host", "host"));
    // Nothing can come after this that was sent before.
    await one.accepted("action", send("all", "end"));
    const expected = new Map([
      [host, ["all", "others", "some", "host", "end"]],
      [one, ["all", "some", "end"]],
      [two, ["all", "others", "two", "end"]],
      [watcher, ["all", "others", "end"]],
    ]);
    for (const [player, words] of expected) {
      await hears(player, "end");
      equal(heard(player), words.map((word) => [1, word]), `what seat ${player.seat} heard`);
    }
  });

  check("nobody is sent what is for nobody, or from who does not play", async (t) => {
    const [host, , watcher] = await match(t, relay(), {}, { role: "spectator" });
    for (const to of [9, [0, 9], []]) await host.refused("E_RECIPIENT", "action", send(to, 1));
    await host.refused("E_BAD_REQUEST", "action", send("everyone", 1));
    await watcher.refused("E_NOT_IN_MATCH", "action", send("all", 1));
  });

  check("messages of one player arrive in the order of sending, as they were", async (t) => {
    const [host, guest] = await match(t, relay({ burst: 100 }));
    const data = Array.from({ length: 50 }, (_, i) => ({ i, "ä": [null, i / 3, "\u2028"] }));
    const sent = data.map((one) => guest.accepted("action", send("host", one)));
    await Promise.all(sent);
    await host.until("the last", () => heard(host).length >= data.length);
    equal(heard(host), data.map((one) => [1, one]), "what arrived");
  });

  check("what is volatile is not counted, and arrives where nobody is slow", async (t) => {
    const [host, guest] = await match(t, relay());
    const before = host.version;
    await guest.accepted("action", send("others", { x: 1 }, { volatile: true }));
    const { event } = await host.next("volatile");
    equal(event, { type: "message", from: 1, data: { x: 1 } }, "what arrived");
    equal(host.version, before, "the version");
  });

  check("a message has a size, and a player a rate", async (t) => {
    const config = { max_bytes: 100, per_second: 1, burst: 5 };
    const [host, guest] = await match(t, relay(config));
    await guest.refused("E_TOO_LARGE", "action", send("all", "x".repeat(99)));
    await guest.accepted("action", send("all", "x".repeat(98)));
    const again = () => guest.ask("action", send("all", "y"));
    const replies = await Promise.all(Array.from({ length: 30 }, again));
    const codes = replies.map((reply) => (reply.ok ? "ok" : reply.code));
    between(codes.filter((code) => code === "ok").length, 4, 20, "messages at once");
    equal([...new Set(codes)].toSorted(), ["E_RATE", "ok"], "answers");
    await host.accepted("action", send("all", "the host has a rate of its own"));
    const player = await Player.open(t);
    const create = { game: "relay", name: "Ada", config: { max_bytes: 0 } };
    await player.refused("E_BAD_CONFIG", "create", create);
  });

  check("the host keeps a state for all, and for those who come later", async (t) => {
    const [host, guest] = await match(t, relay());
    const published = { board: [1, 2, 3], "n": 7 };
    await guest.refused("E_FORBIDDEN", "action", { type: "publish", state: published });
    await host.accepted("action", { type: "publish", state: published });
    await guest.state("published", ({ view }) => view.state?.n === 7);
    const late = await Player.open(t);
    await late.join(host.lobby, { role: "spectator" });
    equal(late.lobby.state.view, { host: 0, seats: [0, 1], state: published }, "what it sees");
  });

  check("the host finishes the match, and says who won", async (t) => {
    const [host, guest] = await match(t, relay());
    await guest.refused("E_FORBIDDEN", "action", { type: "finish", winners: [1] });
    await host.refused("E_OUTCOME", "action", { type: "finish", winners: [5] });
    await host.refused("E_OUTCOME", "action", { type: "finish", reason: "crashed" });
    await host.accepted("action", { type: "finish", winners: [1], reason: "first to ten" });
    const { outcome } = await guest.change("finished");
    equal(outcome, { winners: [1], reason: "first to ten" }, "the outcome");
  });

  check("when the host is lost another one hosts, with the state that was kept", async (t) => {
    const [host, guest, other] = await match(t, relay(), {}, {});
    await host.accepted("action", { type: "publish", state: { round: 3 } });
    host.drop();
    for (const one of [guest, other]) await one.change("host", { seat: 1 });
    const { view } = await guest.state("of the new host", (state) => state.view.host === 1);
    equal(view.state, { round: 3 }, "the state");
    await other.accepted("action", send("host", "is it you?"));
    await hears(guest, "is it you?");
    await guest.accepted("action", { type: "publish", state: { round: 4 } });
    await other.state("published", (state) => state.view.state.round === 4);
    const back = await Player.open(t);
    equal((await back.resume(host.token)).lobby.host, 1, "the host, for who is back");
    await back.refused("E_FORBIDDEN", "action", { type: "publish", state: 0 });
    await guest.accepted("leave");
    const next = await other.change("host");
    that([0, 2].includes(next.seat), "the next host", "one who is there", next);
  });
});
