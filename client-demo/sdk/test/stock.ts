// The maps of events fit the stock client: compiled, never run.

import { io, type Socket } from "socket.io-client";
import type { api, signal } from "../src/index.js";

type Lobby = Socket<api.LobbyServerToClient, api.LobbyClientToServer>;
type Signal = Socket<signal.SignalServerToClient, signal.SignalClientToServer>;

export async function lobby(): Promise<void> {
  const lobby: Lobby = io("http://127.0.0.1:3000/lobby");
  const made = await lobby.emitWithAck("create", { game: "chess", name: "Ada" });
  if (!made.ok) throw new Error(made.message);
  const code: string = made.lobby.code;
  lobby.emit("join", { code, name: "Bob" }, (reply) => reply.ok && reply.seat);
  await lobby.emitWithAck("list");
  await lobby.timeout(1000).emitWithAck("list", { metadata: { level: { min: 1 } } });
  await lobby.emitWithAck("input", 1, { type: "resign" });
  await lobby.emitWithAck("input", 2, { type: "resign" }, { tick: 3 });
  lobby.on("changed", ({ version, change }) => {
    if (change.type === "dropped") console.log(version, change.kept_until_ms);
  });
  // @ts-expect-error a game is asked for
  await lobby.emitWithAck("create", { name: "Ada" });
  // @ts-expect-error no such event
  lobby.on("change", () => undefined);
  // @ts-expect-error no such setting
  await lobby.emitWithAck("settings", { capacity: 2, colour: "red" });
}

export async function peers(token: string): Promise<void> {
  const peers: Signal = io("http://127.0.0.1:3000/signal");
  const joined = await peers.emitWithAck("join", { token });
  if (joined.ok) peers.emit("reliable", joined.links[0]?.link ?? 0, new Uint8Array(12));
  peers.on("volatile", (link, frame) => console.log(link, frame.byteLength));
}
