// How a copy of a lobby follows the changes that are told of it. Pure: when to apply one is decided
// in `lobby`.

import type { Change, Lobby, Phase, Poll, Seat } from "./generated/api.js";

/** Changes that lead to another phase. */
const PHASES: { [Type in Change["type"]]?: Phase } = {
  starting: "starting",
  stopped: "open",
  opened: "open",
  started: "playing",
  finished: "finished",
};

/** @internal The lobby after this change, or after none of it; `lobby` stays as it is. */
export function follow(lobby: Lobby, version: number, change = {} as Change): Lobby {
  const next: Lobby = { ...lobby, version };
  const { type, ...told } = change;
  const { seat } = change as { seat?: number };
  const others = lobby.seats.filter((one) => one.seat !== seat);
  /** Of the seat, or all where the change is about none. */
  const patch = (fields: Partial<Seat>): void => {
    const isMeant = (one: Seat): boolean => one.seat === (seat ?? one.seat);
    next.seats = lobby.seats.map((one) => (isMeant(one) ? { ...one, ...fields } : one));
  };
  const phase = PHASES[type];
  if (phase) {
    next.phase = phase;
    delete next.starts_at_ms;
  }
  switch (change.type) {
    case "joined":
      next.seats = [...others, told as Seat].sort((a, b) => a.seat - b.seat);
      break;
    case "settings":
      Object.assign(next, told);
      break;
    case "host":
      next.host = change.seat;
      break;
    case "colour":
    case "ready":
      patch(told as Partial<Seat>);
      break;
    case "dropped":
      // That they are not ready, in an open lobby, is told before.
      patch({ connected: false });
      break;
    case "overdue":
      patch({ overdue: true });
      break;
    case "returned":
      patch({ connected: true, overdue: false });
      break;
    case "left":
      next.seats = others;
      if (next.host === seat) delete next.host;
      break;
    case "spectators":
      next.spectators = change.count;
      break;
    case "starting":
      next.starts_at_ms = change.at_ms;
      break;
    case "started":
      // Bots are ready always.
      next.seats = lobby.seats.map((one) => ({ ...one, ready: !!one.bot }));
      break;
    case "finished":
      patch({ overdue: false });
      break;
    case "poll":
      next.poll = told as Poll;
      break;
    case "poll_ended":
      delete next.poll;
      break;
  }
  return next;
}
