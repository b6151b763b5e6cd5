// Who is online, as those see it who want to know: guests with tokens, on whichever connection.

import { check, equal, group } from "../harness.mjs";
import { Player } from "./player.mjs";

/** A guest who can be known again, and by which id. */
const guest = async (t, auth = { guest: true }) => {
  const player = await Player.open(t, { auth });
  if (auth.guest) Object.assign(player, await player.next("auth:guest"));
  return player;
};

group("presence", () => {
  check("who comes and goes is told to who wants to know", async (t) => {
    const [ada, watcher] = [await guest(t), await Player.open(t)];
    const players = [ada.account, "nobody"];
    const { online } = await watcher.accepted("presence", { players });
    equal(online, [ada.account], "who is online");
    const tab = await guest(t, { token: ada.token });
    ada.drop();
    tab.drop();
    await watcher.next("presence", { player: ada.account, online: false });
    await guest(t, { token: ada.token });
    await watcher.next("presence", { player: ada.account, online: true });
    equal(watcher.all("presence").length, 2, "what was told");
  });

  check("nobody is watched any more after an empty list", async (t) => {
    const [ada, watcher] = [await guest(t), await Player.open(t)];
    await watcher.accepted("presence", { players: [ada.account] });
    const { online } = await watcher.accepted("presence", { players: [] });
    equal(online, [], "who is online");
    const players = Array.from({ length: 101 }, (_, i) => `${i}`);
    await watcher.refused("E_BAD_REQUEST", "presence", { players });
    await watcher.refused("E_BAD_REQUEST", "presence", { players: ["x".repeat(257)] });
    await watcher.refused("E_BAD_REQUEST", "presence", {});
  });
});
