// Where the page begins: one place in a lobby, the views of it, and the address bar.
// Everything is drawn anew from `place` whenever something changed; views keep no copy of it.

import { ArenaView } from "./arena-view";
import { ChatView } from "./chat-view";
import { byId, setText, show } from "./dom";
import { ratedWords } from "./finding-view";
import { LobbyView } from "./lobby-view";
import { Matchmaking } from "./matchmaking";
import { MatchView } from "./match-view";
import { hideNotice, notice } from "./notice";
import { GAME, Place } from "./place";
import { PollView } from "./poll-view";
import { ReactionsView } from "./reactions-view";
import { StartView } from "./start-view";

// `?server=http://host:port` tries this page against another server.
const asked = new URLSearchParams(location.search);
const server = asked.get("server") ?? location.origin;
const { origin } = new URL(server, location.origin);

/** Behind the code in an invitation into the audience. */
const AUDIENCE = "/audience";

const place = new Place(origin, {
  changed: draw,
  entered: (lines, returned) => {
    hideNotice();
    matchmaking.entered(place.lobby?.id);
    if (returned) followHash();
    draw();
    chat.begin(lines);
    reactions.begin();
    lobby.enter();
  },
  said: (line) => chat.add(line),
  typing: (typing) => chat.typing(typing),
  reaction: (reaction) => reactions.show(reaction),
  listing: (change) => start.listing.follow(change),
  outside: (why) => {
    if (why !== undefined) notice(why);
    setHash("");
  },
  known: (isKnown) => matchmaking.known(isKnown),
});
const matchmaking = new Matchmaking(origin, {
  changed: draw,
  // Who has a place, or is on the way to one, has taken this seat or does not want it any more.
  assigned: ({ token }) => {
    if (!place.lobby && !place.returning) place.sit(token);
  },
  rated: (rated) => {
    if (place.lobby) chat.add({ kind: "happened", text: ratedWords(rated) });
  },
});
const start = new StartView(place, matchmaking);
const lobby = new LobbyView(place, ({ id }) => matchmaking.ticket?.assignment?.lobby === id);
const match = new MatchView(place);
const arena = new ArenaView(place);
const chat = new ChatView(place);
const poll = new PollView(place);
const reactions = new ReactionsView(place);

byId("reconnect", HTMLButtonElement).addEventListener("click", () => place.retry());
byId("forget", HTMLButtonElement).addEventListener("click", () => place.forget());
window.addEventListener("online", () => place.retry());
window.addEventListener("hashchange", followHash);
followHash();
let shownParty: string | undefined;
draw();
const invitation = asked.get("party");
if (invitation !== null) start.inviteToParty(invitation);

function draw(): void {
  drawLine();
  if (place.lobby) setHash(place.lobby.code + (place.attends ? AUDIENCE : ""));
  setParty(matchmaking.party.code);
  show(byId("returning", HTMLElement), place.returning);
  const isAssigned = matchmaking.ticket?.state === "assigned";
  const returning = isAssigned ? "Your match is ready…" : "Returning to your place…";
  setText(byId("returning-text", HTMLElement), returning);
  start.update(place.lobby === undefined && !place.returning);
  lobby.update();
  match.update();
  arena.update();
  chat.update();
  poll.update();
  reactions.update();
  document.title = title();
}

/** The state of the line: a word in the corner, and a banner when it is lost. */
function drawLine(): void {
  const words = { connecting: "connecting", up: "connected", lost: "offline", closed: "offline" };
  const corner = byId("line", HTMLElement);
  corner.dataset.line = place.line;
  setText(byId("line-text", HTMLElement), words[place.line]);
  const seat = place.lobby ? " Your place is kept for a while." : "";
  const texts = {
    connecting: "",
    up: "",
    lost: `The connection is lost; trying to reconnect…${seat}`,
    closed: place.lobby
      ? "The server ended this connection; perhaps your place is open in another tab."
      : `The server ended this connection (${place.lineDetail}).`,
  };
  const banner = byId("banner", HTMLElement);
  setText(byId("banner-text", HTMLElement), texts[place.line]);
  show(banner, texts[place.line] !== "");
}

function title(): string {
  const { lobby: here, seat } = place;
  const view = here?.game === GAME ? here.state?.view : undefined;
  if (here?.phase === "playing" && view && view[view.turn] === seat) return "Your move · Parlor";
  if (here) return `${here.code} · Parlor`;
  const titles: Record<string, string> = { queued: "Waiting", proposed: "Match found" };
  const waiting = titles[matchmaking.ticket?.state ?? ""];
  return waiting ? `${waiting} · Parlor` : "Parlor";
}

/** An invitation is an address with the code behind `#`, and perhaps into the audience. */
function followHash(): void {
  const invitation = location.hash.slice(1);
  const attends = invitation.endsWith(AUDIENCE);
  const code = attends ? invitation.slice(0, -AUDIENCE.length) : invitation;
  if (code === "" || code === place.lobby?.code) return;
  if (place.lobby) {
    notice(`You are still in lobby ${place.lobby.code}. Leave it first to join ${code}.`);
    setHash(place.lobby.code);
  } else {
    start.invite(code, attends);
  }
}

/** The address of who is in a party brings friends into it. */
function setParty(code: string | undefined): void {
  if (code === shownParty) return;
  shownParty = code;
  const url = new URL(location.href);
  if (code === undefined) url.searchParams.delete("party");
  else url.searchParams.set("party", code);
  history.replaceState(null, "", url);
}

function setHash(code: string): void {
  if (location.hash.slice(1) === code) return;
  history.replaceState(null, "", code ? `#${code}` : location.pathname + location.search);
}
