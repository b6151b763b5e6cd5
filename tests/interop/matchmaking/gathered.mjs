// Friends in one party, whom a queue takes together: how they gather, and seek a match.
// Source: shared/src/api/matchmaking/party.rs.

import { equal } from "../harness.mjs";
import { unique } from "../lobbies/player.mjs";
import { Seeker } from "./seeker.mjs";

/** Waits until what somebody last heard of their party is like this. */
export function sees(one, what, fits) {
  return one.until(`a party ${what}`, () => {
    const newest = one.all("party").at(-1);
    return newest && fits(newest) ? newest : undefined;
  });
}

/** Waits until somebody has heard that this number of members is ready. */
export function seesReady(one, n) {
  const nReady = ({ members }) => members.filter(({ ready }) => ready).length;
  return sees(one, `in which ${n} are ready`, (party) => nReady(party) === n);
}

/** Somebody founds a party, whose code and place they know from then on. */
export async function found(one, name = unique("leader")) {
  const own = await one.accepted("party:create", { name });
  Object.assign(one, { party: own.party, member: own.member });
  return own;
}

/** Somebody comes into the party of another. */
export async function follow(one, leader, name = unique("friend")) {
  const own = await one.accepted("party:join", { code: leader.party.code, name });
  Object.assign(one, { party: own.party, member: own.member });
  return own;
}

/** Who leads a party comes first; the others are ready. */
export async function gathered(t, n, options = {}) {
  const all = [];
  for (let i = 0; i < n; i += 1) all.push(await Seeker.open(t, options[i] ?? options));
  const [leader, ...others] = all;
  await found(leader);
  for (const one of others) {
    await follow(one, leader);
    await one.accepted("party:ready", { ready: true });
  }
  for (const one of all) if (n > 1) await seesReady(one, n - 1);
  return all;
}

/** The leader hands in a ticket, of which all of them hear. */
export async function seekTogether([leader, ...others], queue, request = {}) {
  const nBefore = others.map((one) => one.all("ticket").length);
  await leader.seek(queue, { party: true, ...request });
  for (const [i, one] of others.entries()) {
    const told = await one.until("a ticket of the party", () => one.all("ticket")[nBefore[i]]);
    equal([told.state, told.queue], ["queued", queue], "what a member hears");
    one.ticket = told.ticket;
  }
}

/** A party of so many that waits in a queue. */
export async function waiting(t, n, queue, options) {
  const all = await gathered(t, n, options);
  await seekTogether(all, queue);
  return all;
}
