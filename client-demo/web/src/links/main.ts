// The page of peer links: a lobby of its own, everybody in it as a peer, and a card for each.
// What goes over a link is the cards' business; how it goes there, the library's.

import { connect, type Peer, type Peers } from "parlor-client";

import { byId, setText, show } from "../dom";
import { PeerCard } from "./peer-card";
import { Voice } from "./voice";

// `?server=http://host:port` tries this page against another server.
const query = new URLSearchParams(location.search);
const { origin } = new URL(query.get("server") ?? location.origin, location.origin);
const cards = new Map<Peer, PeerCard>();
const template = byId("peer-template", HTMLTemplateElement);
const buttons = (["relay", "direct"] as const).map((id) => byId(id, HTMLButtonElement));

begin().catch((error: Error) => {
  const problem = byId("problem", HTMLElement);
  setText(problem, `It did not work: ${error.message}`);
  show(problem, true);
});

/** Into the lobby that the address names, or into a new one, whose address is shown. */
async function begin(): Promise<void> {
  const parlor = await connect(origin, { player: "Tab" });
  const drawLine = (): void => {
    byId("line", HTMLElement).dataset.line = parlor.isOnline ? "up" : "connecting";
    setText(byId("line-text", HTMLElement), parlor.isOnline ? "connected" : "connecting");
  };
  parlor.on("online", drawLine);
  parlor.on("offline", drawLine);
  drawLine();
  const code = location.hash.slice(1);
  // After a reload one is back in one's place already.
  const isBack = parlor.lobby !== undefined && (code === "" || parlor.lobby.code === code);
  if (parlor.lobby && !isBack) await parlor.lobby.leave();
  const lobby =
    (isBack ? parlor.lobby : undefined) ??
    (code === ""
      ? await parlor.lobbies.create({ game: "relay", visibility: "unlisted" })
      : await parlor.lobbies.join({ code, rename: true }));
  history.replaceState(null, "", `#${lobby.code}`);
  const invitation = byId("invitation", HTMLAnchorElement);
  invitation.href = location.href;
  lobby.on("over", ({ reason }) => {
    setText(byId("line-text", HTMLElement), `the lobby is over (${reason})`);
  });
  follow(await lobby.peers(), (seat) => lobby.seats.find((one) => one.seat === seat)?.name);
}

/** A card for each peer, from when it comes until it goes. */
function follow(peers: Peers, nameOf: (seat: number) => string | undefined): void {
  const voice = new Voice(peers);
  const add = (peer: Peer): void => {
    if (cards.has(peer)) return;
    const name = `${nameOf(peer.seat) ?? "Tab"}, seat ${peer.seat + 1}`;
    const card = new PeerCard(peer, name, template);
    cards.set(peer, card);
    byId("peers", HTMLElement).append(card.element);
    voice.meet(peer);
    update();
  };
  peers.on("peer", add);
  peers.list.forEach(add);
  peers.on("gone", ({ peer }) => {
    cards.get(peer)?.end();
    cards.delete(peer);
    update();
  });
  peers.on("message", ({ peer, data, channel }) => cards.get(peer)?.heard(data, channel));
  peers.on("path", ({ peer, reason }) => cards.get(peer)?.switched(reason));
  peers.on("track", ({ peer, track }) => cards.get(peer)?.plays(track));
  const force = (path: "relay" | "auto"): void => peers.list.forEach((peer) => peer.forcePath(path));
  buttons[0]?.addEventListener("click", () => force("relay"));
  buttons[1]?.addEventListener("click", () => force("auto"));
}

function update(): void {
  show(byId("alone", HTMLElement), cards.size === 0);
  for (const button of buttons) button.disabled = cards.size === 0;
}
