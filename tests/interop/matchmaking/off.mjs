// A server without a matchmaker.

import { io } from "socket.io-client";
import { WAIT_MS, check, equal, group, within } from "../harness.mjs";
import { Player, address } from "../lobbies/player.mjs";

group("off", () => {
  check("there is no /matchmaking, and all the rest is there", async (t) => {
    const socket = io(`${address()}/matchmaking`, { forceNew: true, reconnection: false });
    t.defer(() => socket.disconnect());
    const refused = new Promise((resolve) => socket.once("connect_error", resolve));
    const { message } = await within(WAIT_MS, "the refusal", refused);
    equal(message, "Invalid namespace", "what it says");
    const player = await Player.open(t);
    await player.create({ game: "chess" });
  });
});
