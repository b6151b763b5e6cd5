// A server without peers.

import { io } from "socket.io-client";
import { WAIT_MS, check, equal, group, within } from "../harness.mjs";
import { Player, address } from "../lobbies/player.mjs";

group("off", () => {
  check("there is no /signal, and no token for it", async (t) => {
    const player = await Player.open(t);
    await player.create({ game: "relay" });
    await player.refused("E_UNKNOWN_EVENT", "peer");
    const socket = io(`${address()}/signal`, { forceNew: true, transports: ["websocket"] });
    t.defer(() => socket.disconnect());
    const refused = new Promise((resolve) => socket.once("connect_error", resolve));
    const { message } = await within(WAIT_MS, "the refusal", refused);
    equal(message, "Invalid namespace", "what it says");
  });
});
