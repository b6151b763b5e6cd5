// How our copy of a lobby follows the server's, and how its changes read as sentences.
// Pure: takes values, gives values. When to apply what is decided in `place`.

import type { Change, ChessEvent, LeaveReason, Lobby, Outcome, Seat } from "./types";

/** One line of the chat: something said, or something that happened. */
export type ChatLine =
  | { kind: "said"; name: string; seat?: number; text: string; at_ms: number }
  | { kind: "happened"; text: string };

/** The lobby after this change. */
export function apply(lobby: Lobby, version: number, change: Change): Lobby {
  const next: Lobby = { ...lobby, version };
  const patch = (seat: number, fields: Partial<Seat>): Seat[] =>
    lobby.seats.map((other) => (other.seat === seat ? { ...other, ...fields } : other));
  const nobodyReady = (): Seat[] =>
    lobby.seats.map((seat) => ({ ...seat, ready: seat.bot ?? false }));

  switch (change.type) {
    case "joined": {
      const { type: _, ...taken } = change;
      const others = lobby.seats.filter((other) => other.seat !== taken.seat);
      next.seats = [...others, taken].sort((a, b) => a.seat - b.seat);
      break;
    }
    case "settings": {
      const { type: _, ...terms } = change;
      Object.assign(next, terms);
      break;
    }
    case "colour":
      next.seats = patch(change.seat, { colour: change.colour });
      break;
    case "dropped":
      // Who is away is not ready for a first match; a wish for a rematch stands.
      next.seats = patch(change.seat, {
        connected: false,
        ...((lobby.phase === "open" || lobby.phase === "starting") && { ready: false }),
      });
      break;
    case "overdue":
      next.seats = patch(change.seat, { overdue: true });
      break;
    case "returned":
      next.seats = patch(change.seat, { connected: true, overdue: false });
      break;
    case "left":
      next.seats = lobby.seats.filter((seat) => seat.seat !== change.seat);
      if (next.host === change.seat) delete next.host;
      break;
    case "host":
      next.host = change.seat;
      break;
    case "ready":
      next.seats = patch(change.seat, { ready: change.ready });
      break;
    case "spectators":
      next.spectators = change.count;
      break;
    case "starting":
      next.phase = "starting";
      next.starts_at_ms = change.at_ms;
      break;
    case "stopped":
      next.phase = "open";
      delete next.starts_at_ms;
      break;
    case "opened":
      next.phase = "open";
      delete next.state;
      break;
    case "started":
      next.phase = "playing";
      delete next.starts_at_ms;
      next.seats = nobodyReady();
      // The old match's board is no longer true; the new one's `state` follows.
      if (lobby.state?.number !== change.number) delete next.state;
      break;
    case "finished":
      next.phase = "finished";
      next.seats = nobodyReady();
      if (lobby.state) next.state = { ...lobby.state, outcome: change.outcome };
      break;
    case "poll": {
      const { type: _, ...poll } = change;
      next.poll = poll;
      next.votes = poll.options.map(() => 0);
      break;
    }
    case "poll_ended":
      delete next.poll;
      delete next.votes;
      break;
    case "chat":
      break;
  }
  return next;
}

/** The line that a change adds to the chat, if any. `lobby` is the one before the change. */
export function chatLine(lobby: Lobby, change: Change): ChatLine | undefined {
  const name = (seat: number): string => seatName(lobby, seat);
  const happened = (text: string): ChatLine => ({ kind: "happened", text });
  switch (change.type) {
    case "chat": {
      const { type: _, ...said } = change;
      return { kind: "said", ...said };
    }
    case "joined":
      return happened(change.bot ? `${change.name} takes a seat` : `${change.name} joined`);
    case "dropped":
      return happened(`${name(change.seat)} lost the connection`);
    case "overdue":
      return happened(`${name(change.seat)} is away for long`);
    case "returned": {
      // Where seats are kept for who was matched, they had not been there before.
      const gathers = lobby.phase === "open" && !lobby.state;
      return happened(`${name(change.seat)} is ${gathers ? "here" : "back"}`);
    }
    case "left":
      return happened(`${name(change.seat)} ${WENT[change.reason] ?? "left"}`);
    case "host":
      return happened(`${name(change.seat)} is host now`);
    case "starting":
      return happened("The match begins in a moment");
    case "stopped":
      return happened("The match does not begin yet");
    case "opened":
      return happened("The lobby is open again");
    case "started":
      return happened(change.number === 1 ? "The match begins" : `Match ${change.number} begins`);
    case "finished": {
      if (change.outcome.winners.length === 0 && lobby.game !== "chess") {
        return happened("The match is over");
      }
      const { title, how } = result(change.outcome, undefined, name);
      return happened(`${title} ${how}`);
    }
    case "poll": {
      const asks = lobby.host === undefined ? "Somebody" : name(lobby.host);
      return happened(`${asks} asks those who watch: ${change.question}`);
    }
    case "poll_ended": {
      if (lobby.poll?.number !== change.number) return undefined;
      return happened(`${lobby.poll.question} — ${ranking(lobby.poll.options, change.votes)}`);
    }
    case "settings": {
      if (change.locked === (lobby.locked ?? false)) return undefined;
      return happened(change.locked ? "The lobby is locked" : "The lobby is unlocked");
    }
    default:
      return undefined;
  }
}

/** The line that an event of the match adds to the chat, if any. */
export function eventLine(lobby: Lobby, event: ChessEvent): ChatLine | undefined {
  switch (event.type) {
    case "draw_offered":
      return { kind: "happened", text: `${seatName(lobby, event.seat)} offers a draw` };
    case "draw_declined":
      return { kind: "happened", text: `${seatName(lobby, event.seat)} declines the draw` };
    case "moved":
      return undefined;
  }
}

/** What was voted for, the most first. */
function ranking(options: string[], votes: number[]): string {
  const all = options.map((option, i) => ({ option, n: votes[i] ?? 0 }));
  return all
    .sort((a, b) => b.n - a.n)
    .map(({ option, n }) => `${option}: ${n}`)
    .join(", ");
}

/** Who sits there; a seat that is free by now is named by its number. */
export function seatName(lobby: Lobby, seat: number): string {
  return lobby.seats.find((other) => other.seat === seat)?.name ?? `Seat ${seat + 1}`;
}

/** An outcome as two parts of a sentence, from the seat `mine` or from outside. */
export function result(
  outcome: Outcome,
  mine: number | undefined,
  name: (seat: number) => string,
): { title: string; how: string; kind: "won" | "lost" | "even" } {
  const how = REASONS[outcome.reason] ?? `(${outcome.reason.replaceAll("_", " ")})`;
  if (outcome.winners.length === 0) {
    const nobody = ["crashed", "abandoned", "no_start", "timeout"].includes(outcome.reason);
    return { title: nobody ? "The match ended" : "Draw", how, kind: "even" };
  }
  if (mine === undefined) {
    return { title: `${outcome.winners.map(name).join(" and ")} won`, how, kind: "even" };
  }
  const won = outcome.winners.includes(mine);
  return { title: won ? "You won" : "You lost", how, kind: won ? "won" : "lost" };
}

const WENT: Record<LeaveReason, string> = {
  left: "left",
  expired: "did not come back",
  kicked: "was sent away",
  banned: "was sent away",
  made_way: "makes way",
};

const REASONS: Record<string, string> = {
  checkmate: "by checkmate",
  stalemate: "by stalemate",
  resignation: "by resignation",
  agreement: "by agreement",
  insufficient_material: "because neither side can mate",
  threefold_repetition: "by threefold repetition",
  fivefold_repetition: "by fivefold repetition",
  fifty_moves: "by the fifty-move rule",
  seventy_five_moves: "by the seventy-five-move rule",
  abandonment: "because the other side left",
  time: "on time",
  no_start: "because nobody moved",
  abandoned: "because nobody was left",
  timeout: "because it took too long",
  crashed: "because the game failed",
};
