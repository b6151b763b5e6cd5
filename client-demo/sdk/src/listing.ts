// A list of lobbies that follows what is told of its changes, in the order that was asked for. Pure.

import type { Filter, Listed, ListingChange, Scalar } from "./generated/api.js";

/** The list after a change. */
export function followListing(
  lobbies: readonly Listed[],
  { added = [], changed = [], removed = [] }: ListingChange,
  sort: Filter["sort"],
): Listed[] {
  const all = new Map(lobbies.map((one) => [one.id, one]));
  for (const id of removed) all.delete(id);
  for (const one of [...changed, ...added]) all.set(one.id, one);
  return [...all.values()].sort(by(sort));
}

/** Which of two comes first; of equals the newest, and last what has no value. */
function by(sort: Filter["sort"] = "newest"): (one: Listed, other: Listed) => number {
  const sign = sort[0] === "-" ? -1 : 1;
  const value = ({ players, metadata }: Listed): Scalar | undefined =>
    sort === "newest" ? 0 : sort === "players" ? -players : metadata?.[sort.slice(1)];
  return (one, other) => {
    const [a, b] = [value(one), value(other)];
    return (
      order(a === undefined, b === undefined) ||
      // Truths come before numbers, these before texts.
      sign * (order(typeof a, typeof b) || order(a, b)) ||
      other.made_ms - one.made_ms
    );
  };
}

const order = (a: any, b: any): number => (a < b ? -1 : +(a > b));
