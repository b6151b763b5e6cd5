// The audience: thousands without names, who are counted, see what there is to see, and vote.

import { check, equal, group, that } from "../harness.mjs";
import { Player, gather, match } from "./player.mjs";

/** Somebody who watches from afar. */
async function fan(t, lobby, more = {}) {
  const one = await Player.open(t, more);
  await one.join(lobby, { role: "audience", name: undefined });
  return one;
}

const poll = { question: "Who wins?", options: ["White", "Black"], seconds: 3 };

group("audience", () => {
  check("it needs no name, is counted, and has no place to come back to", async (t) => {
    const [host, guest] = await gather(t);
    const fans = [await fan(t, host.lobby), await fan(t, host.lobby, { transports: ["polling"] })];
    for (const one of fans) equal([one.seat, one.token], [undefined, ""], "seat and token");
    for (const one of [host, guest, ...fans])
      await one.until("the count", () => one.all("audience").at(-1)?.count === 2);
    equal(host.changes("spectators").length, 0, "as spectators they are not told");
    equal((await host.look(t)).audience, 2, "how many the lobby tells of");
    await fans[0].refused("E_IN_LOBBY", "create", { game: "chess", name: "Ada" });
    await fans[0].accepted("leave");
    await host.until("the count", () => host.all("audience").at(-1)?.count === 1);
    fans[1].socket.disconnect();
    await host.until("the count", () => host.all("audience").at(-1)?.count === 0);
  });

  check("it sees the match and what happens, but hears nobody and says nothing", async (t) => {
    const [host, guest] = await gather(t, { config: { white: "host" } });
    const one = await fan(t, host.lobby);
    await host.accepted("chat", { text: "not for everybody" });
    await host.accepted("react", { reaction: "GG" });
    await guest.accepted("ready", { ready: true });
    await one.change("ready", { seat: 1, ready: true });
    await host.accepted("start");
    await one.change("started", { number: 1 });
    await host.accepted("action", { type: "move", move: "e4" });
    equal((await one.next("event")).event.san, "e4", "the move");
    const { view } = await one.state("after it", (state) => state.turn === 1);
    equal(view.legal, [], "what it may move");
    for (const [event, what] of [
      ["chat", { text: "bravo" }],
      ["react", { reaction: "GG" }],
      ["typing", { typing: true }],
      ["ready", { ready: true }],
      ["action", { type: "resign" }],
      ["poll", poll],
    ])
      await one.refused("E_FORBIDDEN", event, what);
    const heard = [one.changes("chat"), one.all("reaction"), one.all("typing")];
    equal(heard, [[], [], []], "what was heard of talk");
  });

  check("a password is asked for, and nobody comes into a locked lobby", async (t) => {
    const host = await Player.open(t);
    const { lobby } = await host.create({ password: "sesame" });
    const one = await Player.open(t);
    const join = { code: lobby.code, role: "audience" };
    await one.refused("E_PASSWORD", "join", join);
    await one.accepted("join", { ...join, password: "sesame" });
    await one.accepted("leave");
    await host.accepted("settings", { locked: true, password: "" });
    await one.refused("E_LOCKED", "join", join);
  });

  check("when everybody has left the lobby is closed for it", async (t) => {
    const [host, guest] = await gather(t);
    const one = await fan(t, host.lobby);
    for (const player of [host, guest]) await player.accepted("leave");
    equal(await one.next("closed"), { reason: "deserted" }, "what it hears");
    await one.refused("E_NOT_IN_LOBBY", "vote", { option: 0 });
  });
});

group("polls", () => {
  check("who watches votes, once each, and everybody sees how it stands", async (t) => {
    const [host, guest, watcher] = await match(t, {}, {}, { role: "spectator" });
    const fans = [await fan(t, host.lobby), await fan(t, host.lobby)];
    await host.accepted("poll", poll);
    for (const one of [host, guest, watcher, ...fans]) {
      const { ends_ms, ...asked } = await one.change("poll");
      const { question, options } = poll;
      equal(asked, { type: "poll", number: 1, question, options }, "the question");
      that(Math.abs(ends_ms - Date.now() - 3_000) < 2_500, "its end", "in three seconds", ends_ms);
    }
    await host.refused("E_PHASE", "poll", poll);
    for (const player of [host, guest])
      await player.refused("E_FORBIDDEN", "vote", { option: 0 });
    await watcher.refused("E_BAD_REQUEST", "vote", { option: 2 });
    await watcher.accepted("vote", { option: 0 });
    await fans[0].accepted("vote", { option: 0 });
    await fans[1].accepted("vote", { option: 0 });
    // Who changes their mind has one vote still.
    await fans[1].accepted("vote", { option: 1 });
    const late = await fan(t, host.lobby);
    equal(late.lobby.poll.question, poll.question, "what who comes now is asked");
    for (const one of [host, guest, watcher, ...fans]) {
      const { number, votes } = await one.change("poll_ended");
      equal([number, votes], [1, [2, 1]], "the result");
      const tally = one.all("tally").at(-1);
      equal(tally, { number: 1, votes: [2, 1] }, "the last tally");
    }
    await fans[0].refused("E_PHASE", "vote", { option: 0 });
    equal((await host.look(t)).poll, undefined, "the question that is asked");
  });

  check("questions are the host's, and have two to eight options", async (t) => {
    const [host, guest] = await gather(t);
    await guest.refused("E_FORBIDDEN", "poll", poll);
    const options = (n) => ({ ...poll, options: Array.from({ length: n }, (_, i) => `${i}`) });
    for (const bad of [
      options(1),
      options(9),
      { ...poll, options: ["", "b"] },
      { ...poll, options: ["x".repeat(65), "b"] },
      { ...poll, question: " " },
      { ...poll, question: "x".repeat(201) },
      { ...poll, seconds: 0 },
      { ...poll, seconds: 3601 },
      { ...poll, seconds: "2" },
    ])
      await host.refused("E_BAD_REQUEST", "poll", bad);
    await host.accepted("poll", { ...options(8), question: "é".repeat(200), seconds: 1 });
    equal((await guest.change("poll_ended")).votes, Array(8).fill(0), "the result");
  });

  check("the vote of who leaves goes with them", async (t) => {
    const [host] = await gather(t);
    const fans = [await fan(t, host.lobby), await fan(t, host.lobby)];
    await host.accepted("poll", poll);
    for (const [option, one] of fans.entries()) await one.accepted("vote", { option });
    await host.until("both votes", () => `${host.all("tally").at(-1)?.votes}` === "1,1");
    await fans[0].accepted("leave");
    equal((await host.change("poll_ended")).votes, [0, 1], "the result");
  });
});
