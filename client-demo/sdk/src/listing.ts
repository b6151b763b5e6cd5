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
  return [...all.values()].sort(by(sort ?? "newest"));
}

/** Which of two comes first; of equals the newest. */
function by(sort: NonNullable<Filter["sort"]>): (one: Listed, other: Listed) => number {
  const newest = (one: Listed, other: Listed): number => other.made_ms - one.made_ms;
  if (sort === "newest") return newest;
  if (sort === "players") return (one, other) => other.players - one.players || newest(one, other);
  const [sign, name] = [sort[0] === "-" ? -1 : 1, sort.slice(1)];
  return (one, other) => {
    const [a, b] = [one.metadata?.[name], other.metadata?.[name]];
    if (a === undefined || b === undefined) {
      return Number(a === undefined) - Number(b === undefined) || newest(one, other);
    }
    return sign * compare(a, b) || newest(one, other);
  };
}

const RANKS = ["boolean", "number", "string"];

/** Truths come before numbers, these before texts. */
function compare(a: Scalar, b: Scalar): number {
  const ranks = RANKS.indexOf(typeof a) - RANKS.indexOf(typeof b);
  return ranks || (a < b ? -1 : a > b ? 1 : 0);
}
