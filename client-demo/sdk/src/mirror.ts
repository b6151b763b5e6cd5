// How a copy of a lobby follows the changes that are told of it. Pure: when to apply one is decided
// in `lobby`.

import type { Change, Lobby, Seat } from "./generated/api.js";

/** The lobby after this change; `lobby` stays as it is. */
export function follow(lobby: Lobby, version: number, change: Change): Lobby {
  const next: Lobby = { ...lobby, version };
  const patch = (seat: number, fields: Partial<Seat>): void => {
    next.seats = lobby.seats.map((one) => (one.seat === seat ? { ...one, ...fields } : one));
  };
  const { type: _, ...told } = change;
  switch (change.type) {
    case "joined": {
      const others = lobby.seats.filter((one) => one.seat !== change.seat);
      next.seats = [...others, told as Seat].sort((one, other) => one.seat - other.seat);
      break;
    }
    case "settings":
      Object.assign(next, told);
      break;
    case "colour":
      patch(change.seat, { colour: change.colour });
      break;
    case "ready":
      patch(change.seat, { ready: change.ready });
      break;
    case "dropped":
      // Who is away is not ready for a first match; a wish for a rematch stands.
      patch(change.seat, { connected: false, ...(isOpen(lobby) && { ready: false }) });
      break;
    case "overdue":
      patch(change.seat, { overdue: true });
      break;
    case "returned":
      patch(change.seat, { connected: true, overdue: false });
      break;
    case "left":
      next.seats = lobby.seats.filter((one) => one.seat !== change.seat);
      if (next.host === change.seat) delete next.host;
      break;
    case "host":
      next.host = change.seat;
      break;
    case "spectators":
      next.spectators = change.count;
      break;
    case "starting":
      next.phase = "starting";
      next.starts_at_ms = change.at_ms;
      break;
    case "stopped":
    case "opened":
      next.phase = "open";
      delete next.starts_at_ms;
      break;
    case "started":
      next.phase = "playing";
      delete next.starts_at_ms;
      // Bots are ready always.
      next.seats = lobby.seats.map((one) => ({ ...one, ready: one.bot ?? false }));
      break;
    case "finished":
      next.phase = "finished";
      next.seats = lobby.seats.map((one) => ({ ...one, overdue: false }));
      break;
    case "poll":
      next.poll = told as NonNullable<Lobby["poll"]>;
      break;
    case "poll_ended":
      delete next.poll;
      break;
  }
  return next;
}

/** True before a match, and while one is about to begin. */
export const isOpen = ({ phase }: Lobby): boolean => phase === "open" || phase === "starting";
