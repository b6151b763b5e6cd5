// Parties: friends gather by a code, their leader seeks for all of them, and whatever becomes of
// the ticket becomes of all; any change of who is in it ends the ticket.

import { check, equal, group, that } from "../harness.mjs";
import { follow, found, gathered, seekTogether, sees, seesReady, waiting } from "./gathered.mjs";
import { BY_WAY, Seeker, TICKET_ID, guest, playing, seekers } from "./seeker.mjs";

const CODE = /^[A-Z0-9]{6}$/;
const names = ({ members }) => members.map(({ name }) => name);

const kick = (leader, { member }) => leader.accepted("party:kick", { member });

/** All of these hear that their ticket has ended, and why. */
async function over(all, reason) {
  for (const one of all) await one.told("ended", { reason });
}

/** So many accounts, for those who gather. */
async function guests(n) {
  const accounts = [];
  for (let i = 0; i < n; i += 1) accounts.push({ account: await guest() });
  return accounts;
}

group("parties", () => {
  for (const [way, options] of BY_WAY) {
    check(`two parties play two against two to the end, ${way}`, async (t) => {
      const blue = await waiting(t, 2, "teams", options);
      const red = await waiting(t, 2, "teams", options);
      const all = [...blue, ...red];
      equal(new Set(all.map(({ ticket }) => ticket)).size, 4, "tickets, each a secret of its own");
      for (const one of all) await one.assigned();
      equal(new Set(all.map(({ assignment }) => assignment.lobby)).size, 1, "the lobbies");
      for (const party of [blue, red]) {
        const [one, two] = party.map(({ assignment }) => assignment);
        equal([one.team, Math.abs(one.seat - two.seat)], [two.team, 1], "the team, side by side");
      }
      that(blue[0].assignment.team !== red[0].assignment.team, "the teams", "two", all);
      const players = await playing(t, all);
      equal(players.map(({ seat }) => seat), [0, 1, 2, 3], "the seats");
      const { seats } = await players[0].look(t);
      for (const one of all) {
        const own = one.party.members[one.member].name;
        equal(seats[one.assignment.seat].name, own, "the name, as in the party");
      }
      await players[3].accepted("action", { type: "send", to: "all", data: "good luck" });
      for (const player of players) {
        const heard = await player.next("event");
        equal([heard.event.from, heard.event.data], [3, "good luck"], "what all hear");
      }
      const winners = blue.map(({ assignment }) => assignment.seat).toSorted();
      const { view } = await players[0].state("of the match");
      await players[view.host].accepted("action", { type: "finish", winners });
      for (const player of players) {
        equal((await player.change("finished")).outcome.winners, winners, "who has won");
      }
    });
  }

  check("after a match the party is there, and nobody is ready for the next", async (t) => {
    const [blue, red] = [await waiting(t, 2, "teams"), await waiting(t, 2, "teams")];
    await playing(t, [...blue, ...red]);
    for (const one of blue) await seesReady(one, 0);
    await blue[0].refused("E_NOT_READY", "create", { queue: "teams", party: true });
    for (const [, friend] of [blue, red]) await friend.accepted("party:ready", { ready: true });
    for (const party of [blue, red]) {
      for (const one of party) await seesReady(one, 1);
      await seekTogether(party, "teams");
    }
    for (const one of [...blue, ...red]) await one.assigned();
    await playing(t, [...blue, ...red]);
  });

  check("a party and two who seek alone are a match in which friends are together", async (t) => {
    const [one] = await seekers(t, "teams", 1);
    const party = await waiting(t, 2, "teams");
    const [two] = await seekers(t, "teams", 1);
    const all = [one, two, ...party];
    for (const each of all) await each.assigned();
    const teams = all.map(({ assignment }) => assignment.team);
    equal([teams[0], teams[2]], [teams[1], teams[3]], "the teams");
    await playing(t, all);
  });

  check("who founds a party leads it, and all hear who comes, is ready, or goes", async (t) => {
    const [ada, bob, eve] = [await Seeker.open(t), await Seeker.open(t), await Seeker.open(t)];
    const { party, member } = await found(ada, "Ada");
    that(CODE.test(party.code), "the code", "six letters", party.code);
    equal([party.leader, names(party), party.max_members], [member, ["Ada"], 16], "the party");
    const typed = ` ${party.code.slice(0, 3).toLowerCase()}-${party.code.slice(3)} `;
    const joined = await bob.accepted("party:join", { code: typed, name: "Bob" });
    equal(names(joined.party), ["Ada", "Bob"], "what the second finds");
    equal(joined.party.leader, member, "who leads");
    that(joined.party.version > party.version, "the version", "a newer one", joined.party);
    await sees(ada, "of two", (now) => names(now).join() === "Ada,Bob");
    await follow(eve, ada, "ada");
    const isThree = ({ members }) => members.length === 3;
    for (const one of [ada, bob]) await sees(one, "of three", isThree);
    const { members } = await sees(eve, "of three", isThree);
    equal(new Set(members.map(({ name }) => name.toLowerCase())).size, 3, "names that look alike");
    await bob.accepted("party:ready", { ready: true });
    for (const one of [ada, bob, eve]) {
      const { members } = await seesReady(one, 1);
      equal(members.find(({ ready }) => ready).name, "Bob", "who is ready");
    }
    await bob.accepted("party:ready", { ready: false });
    await seesReady(ada, 0);
    await bob.accepted("party:leave");
    equal(await bob.next("party:left"), { reason: "left" }, "what who leaves hears");
    for (const one of [ada, eve]) {
      await sees(one, "without Bob", (now) => !names(now).includes("Bob"));
    }
    await bob.refused("E_PARTY", "party");
    const versions = eve.all("party").map(({ version }) => version);
    equal(versions, versions.toSorted((a, b) => a - b), "versions, in order");
    equal((await ada.accepted("party")).party, ada.all("party").at(-1), "what is asked for");
  });

  check("nobody is in two parties, and who is in none has nothing to say", async (t) => {
    const [ada, bob] = [await Seeker.open(t), await Seeker.open(t)];
    await found(ada);
    await found(bob);
    await ada.refused("E_PARTY", "party:create", {});
    await ada.refused("E_PARTY", "party:join", { code: bob.party.code });
    await bob.accepted("party:leave");
    for (const [event, ...request] of [
      ["party"],
      ["party:leave"],
      ["party:ready", { ready: true }],
      ["party:kick", { member: 0 }],
      ["party:promote", { member: 0 }],
      ["create", { queue: "teams", party: true }],
    ]) {
      await bob.refused("E_PARTY", event, ...request);
    }
    await bob.refused("E_NAME", "party:create", { name: " " });
    await bob.refused("E_NAME", "party:join", { code: ada.party.code, name: "x".repeat(65) });
    await bob.refused("E_BAD_REQUEST", "party:join", {});
  });

  check("a party of whom the last has left is no more", async (t) => {
    const [ada, bob] = [await Seeker.open(t), await Seeker.open(t)];
    const { party } = await found(ada);
    await ada.accepted("party:leave");
    await bob.refused("E_NOT_FOUND", "party:join", { code: party.code });
  });

  check("codes are not guessed: after twenty wrong ones an address waits", async (t) => {
    const [ada, thief] = [await Seeker.open(t), await Seeker.open(t)];
    const { party } = await found(ada);
    const wrong = (party.code.startsWith("B") ? "C" : "B") + party.code.slice(1);
    const guesses = Array.from({ length: 21 }, () => thief.ask("party:join", { code: wrong }));
    const codes = (await Promise.all(guesses)).map(({ code }) => code);
    equal(codes.filter((code) => code === "E_NOT_FOUND").length, 20, "guesses");
    equal(codes.at(-1), "E_RATE", "the last");
    await thief.refused("E_RATE", "party:join", { code: party.code });
    const tab = await thief.again(t);
    await tab.refused("E_RATE", "party:join", { code: party.code });
    await follow(await Seeker.open(t), ada);
    const other = await Seeker.open(t);
    for (const code of ["", "ÄÖ", "x".repeat(1_000), `${party.code}${party.code}`]) {
      await other.refused("E_NOT_FOUND", "party:join", { code });
    }
  });

  check("the leader alone seeks, sends away and makes leader", async (t) => {
    const [ada, bob, eve] = await gathered(t, 3);
    await bob.refused("E_PARTY", "create", { queue: "teams", party: true });
    await bob.refused("E_PARTY", "party:kick", { member: eve.member });
    await bob.refused("E_PARTY", "party:promote", { member: bob.member });
    await ada.refused("E_NOT_FOUND", "party:kick", { member: 99 });
    await ada.refused("E_NOT_FOUND", "party:kick", { member: ada.member });
    await ada.accepted("party:promote", { member: bob.member });
    for (const one of [ada, bob, eve]) {
      await sees(one, "that Bob leads", ({ leader }) => leader === bob.member);
    }
    await ada.refused("E_PARTY", "party:kick", { member: eve.member });
    await bob.accepted("party:kick", { member: eve.member });
    equal(await eve.next("party:left"), { reason: "kicked" }, "what who is sent away hears");
    await ada.accepted("party:ready", { ready: true });
    await seesReady(bob, 2);
    await seekTogether([bob, ada], "teams");
  });

  check("who was sent away does not come back by the old code", async (t) => {
    const [ada, bob] = await gathered(t, 2);
    const { code } = ada.party;
    await ada.accepted("party:kick", { member: bob.member });
    const { party } = await ada.accepted("party");
    that(CODE.test(party.code) && party.code !== code, "the code", "another", party.code);
    await bob.refused("E_NOT_FOUND", "party:join", { code });
    await follow(bob, { party });
  });

  check("the ticket waits for all: who is not ready is named", async (t) => {
    const [ada, bob] = [await Seeker.open(t), await Seeker.open(t)];
    await found(ada);
    await follow(bob, ada, "Bob");
    const { message } = await ada.refused("E_NOT_READY", "create", { queue: "teams", party: true });
    that(message.includes("Bob"), "who is not ready", "Bob", message);
    await bob.accepted("party:ready", { ready: true });
    await seekTogether([ada, bob], "teams");
  });

  check("a queue takes no party that is larger than a team", async (t) => {
    const party = await gathered(t, 3);
    const { queues } = await party[0].accepted("queues");
    const most = Object.fromEntries(queues.map(({ name, max_party }) => [name, max_party]));
    equal([most.duel, most.teams, most.trio, most.ranked], [1, 2, 3, 2], "what queues tell of it");
    for (const queue of ["teams", "duel"]) {
      const { message } = await party[0].refused("E_QUERY", "create", { queue, party: true });
      that(/1 to \d/.test(message), "what is said", "how many", message);
    }
    await seekTogether(party, "trio");
    for (const one of party) await one.assigned();
    await playing(t, party);
  });

  for (const [what, act, reason] of [
    ["a member leaves", (_, bob) => bob.accepted("party:leave"), "left"],
    ["a member is sent away", (ada, bob) => kick(ada, bob), "kicked"],
    ["the leader leaves", (ada) => ada.accepted("party:leave"), undefined],
    ["somebody comes", async (ada, _, t) => follow(await Seeker.open(t), ada), undefined],
  ]) {
    check(`the ticket ends when ${what}`, async (t) => {
      const party = await waiting(t, 2, "teams");
      const [ada, bob] = party;
      await act(ada, bob, t);
      await over(party, "party_changed");
      if (reason) equal(await bob.next("party:left"), { reason }, "what the member hears");
      equal((await ada.accepted("ticket")).reason, "party_changed", "what is told who asks");
      const [other] = await seekers(t, "teams", 1);
      equal((await other.next("progress", {})).why.code, "alone", "who still waits");
    });
  }

  check("when the leader leaves, the first who came leads those who stay", async (t) => {
    const [ada, bob, eve] = await gathered(t, 3);
    await ada.accepted("party:leave");
    for (const one of [bob, eve]) {
      await sees(one, "that Bob leads", ({ leader }) => leader === bob.member);
    }
    await seekTogether([bob, eve], "teams");
    await ada.refused("E_PARTY", "party");
  });

  check("a new leader and who is not ready any more leave the ticket as it is", async (t) => {
    const [ada, bob] = await waiting(t, 2, "teams");
    await ada.accepted("party:promote", { member: bob.member });
    await bob.accepted("party:ready", { ready: false });
    await sees(ada, "that Bob leads", ({ leader }) => leader === bob.member);
    for (const one of [ada, bob]) {
      const { state } = await one.accepted("ticket", { ticket: one.ticket });
      equal(state, "queued", "where it stands");
    }
  });

  check("who waits with a party does not wait alone beside", async (t) => {
    const [, bob] = await waiting(t, 2, "teams");
    await bob.refused("E_PARTY", "create", { queue: "lonely" });
    equal((await bob.accepted("ticket")).state, "queued", "where it stands");
  });

  check("a member may cancel for all", async (t) => {
    const [ada, bob] = await waiting(t, 2, "teams");
    const gone = await bob.accepted("cancel");
    equal([gone.state, gone.reason], ["ended", "cancelled"], "the answer");
    await over([ada], "cancelled");
    await seekTogether([ada, bob], "teams");
  });

  check("all of a party say yes, and one who says no ends it for the party alone", async (t) => {
    const blue = await waiting(t, 2, "squads");
    const red = await waiting(t, 2, "squads", await guests(2));
    const all = [...blue, ...red];
    for (const one of all) equal((await one.told("proposed")).proposal.players, 4, "how many");
    for (const one of blue) await one.accepted("accept");
    await red[0].accepted("accept");
    const no = await red[1].accepted("decline");
    equal([no.state, no.reason], ["ended", "declined"], "the answer to a no");
    await over([red[0]], "declined");
    for (const one of blue) {
      const again = await one.told("queued", { reason: "other_declined" });
      equal(again.position, 1, "the place of who said yes");
    }
    const request = { queue: "squads", party: true };
    const { message } = await red[0].refused("E_COOLDOWN", "create", request);
    that(message.startsWith("one of your party"), "who has to wait", "one of the party", message);
    await red[0].accepted("party:leave");
    await red[0].seek("lonely");
    await red[1].refused("E_COOLDOWN", "create", { queue: "lonely" });
    const green = await waiting(t, 2, "squads");
    for (const one of [...blue, ...green]) await one.told("proposed");
    for (const one of [...blue, ...green]) await one.accepted("accept");
    await playing(t, [...blue, ...green]);
  });

  check("who of a party leaves while all are asked has said no", async (t) => {
    const blue = await waiting(t, 2, "squads");
    const red = await waiting(t, 2, "squads");
    for (const one of [...blue, ...red]) await one.told("proposed");
    await red[1].accepted("party:leave");
    await over(red, "party_changed");
    for (const one of blue) await one.told("queued", { reason: "other_declined" });
    await red[1].refused("E_COOLDOWN", "create", { queue: "lonely" });
    await red[0].seek("lonely");
  });

  check("an account whose connection is lost keeps the party and the ticket", async (t) => {
    const ada = await Seeker.open(t);
    await found(ada);
    const bob = await Seeker.known(t);
    await follow(bob, ada, "Bob");
    await bob.accepted("party:ready", { ready: true });
    await seesReady(ada, 1);
    bob.drop();
    const isAway = ({ members }) => members.some(({ away }) => away);
    await sees(ada, "of which one is away", isAway);
    const { message } = await ada.refused("E_NOT_READY", "create", { queue: "teams", party: true });
    that(message.includes("Bob") && message.includes("away"), "who is missing", "Bob", message);
    const next = await bob.again(t);
    const own = await next.accepted("party");
    equal([own.member, own.party.members[1].name], [bob.member, "Bob"], "who one is");
    await sees(ada, "of which nobody is away", (now) => !isAway(now));
    await seekTogether([ada, next], "teams");
    const again = await next.back(t);
    equal((await again.accepted("ticket")).state, "queued", "where the ticket stands");
    const both = await seekers(t, "teams", 2);
    const all = [ada, again, ...both];
    for (const one of all) await one.assigned();
    equal(ada.assignment.team, again.assignment.team, "the team");
    await playing(t, all);
  });

  check("who has no account comes back by a token, which is nobody else's", async (t) => {
    const [ada, bob] = await gathered(t, 2);
    const { token } = await bob.accepted("party");
    that(TICKET_ID.test(token), "the token", "24 letters", token);
    bob.drop();
    await sees(ada, "of which one is away", ({ members }) => members.some(({ away }) => away));
    const next = await bob.again(t);
    await next.refused("E_PARTY", "party");
    await next.refused("E_PARTY", "party", { token: "A".repeat(24) });
    const thief = await Seeker.known(t);
    await thief.refused("E_PARTY", "party", { token });
    const own = await next.accepted("party", { token });
    equal([own.member, own.party.members.length], [bob.member, 2], "who one is");
    equal((await ada.accepted("party")).token === token, false, "whether others know it");
    await sees(ada, "of which nobody is away", ({ members }) => !members.some(({ away }) => away));
    await next.accepted("party:ready", { ready: true });
    await seesReady(ada, 1);
    await seekTogether([ada, next], "teams");
  });

  check("a second tab of a member hears all, and may lead", async (t) => {
    const ada = await Seeker.known(t);
    await found(ada);
    const tab = await ada.again(t);
    equal((await tab.accepted("party")).member, ada.member, "who one is");
    const bob = await Seeker.open(t);
    await follow(bob, ada);
    await bob.accepted("party:ready", { ready: true });
    for (const one of [ada, tab]) await seesReady(one, 1);
    await seekTogether([tab, bob], "teams");
    equal((await ada.told("queued", { ticket: tab.ticket })).queue, "teams", "what it hears");
  });
});

group("rated parties", () => {
  check("friends do not meet for points by seeking alone, whichever comes first", async (t) => {
    const [ada, bob] = await gathered(t, 2, await guests(2));
    for (const one of [ada, bob]) await one.refused("E_PARTY", "create", { queue: "ladder" });
    await bob.seek("lonely");
    await bob.accepted("cancel");
    const eve = await Seeker.known(t);
    await eve.seek("ladder");
    await follow(eve, ada);
    await eve.told("ended", { reason: "party_changed" });
    await eve.refused("E_PARTY", "create", { queue: "ladder" });
    for (const one of [ada, bob]) await one.accepted("party:leave");
    await eve.seek("ladder");
    await bob.seek("ladder");
    for (const one of [eve, bob]) await one.assigned();
    await playing(t, [eve, bob]);
  });

  check("a team wins or loses rating together, and needs accounts", async (t) => {
    const half = await gathered(t, 2, [{ account: await guest() }, {}]);
    await half[0].refused("E_AUTH", "create", { queue: "ranked", party: true });
    const known = async () => waiting(t, 2, "ranked", await guests(2));
    const [blue, red] = [await known(), await known()];
    const players = await playing(t, [...blue, ...red]);
    const winners = blue.map(({ assignment }) => assignment.seat).toSorted();
    const { view } = await players[0].state("of the match");
    await players[view.host].accepted("action", { type: "finish", winners });
    for (const one of [...blue, ...red]) {
      const { rating, before } = await one.next("rated");
      equal([before, rating.ladder, rating.games], [1500, "relay/ranked", 1], "of which kind");
      const hasWon = blue.includes(one);
      that(hasWon ? rating.rating > 1500 : rating.rating < 1500, "the rating", "moved", rating);
    }
  });
});
