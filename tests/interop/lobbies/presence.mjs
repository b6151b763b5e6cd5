// Who is online, as those see it who want to know, and who is blocked: guests with tokens, on
// whichever connection.

import { check, equal, group } from "../harness.mjs";
import { Player, unique } from "./player.mjs";

/** A guest who can be known again, and by which id. */
const guest = async (t, auth = { guest: true }) => {
  const player = await Player.open(t, { auth });
  const { account, token: pass } = auth.guest ? await player.next("auth:guest") : {};
  return Object.assign(player, { account, pass });
};

group("presence", () => {
  check("who comes and goes is told to who wants to know", async (t) => {
    const [ada, watcher] = [await guest(t), await Player.open(t)];
    const players = [ada.account, "nobody"];
    const { online } = await watcher.accepted("presence", { players });
    equal(online, [ada.account], "who is online");
    const tab = await guest(t, { token: ada.pass });
    ada.drop();
    tab.drop();
    await watcher.next("presence", { player: ada.account, online: false });
    await guest(t, { token: ada.pass });
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

  check("nothing of who is blocked is heard, and nothing of who blocks is seen", async (t) => {
    const [ada, bob, eve] = [await guest(t), await guest(t), await Player.open(t)];
    await ada.create();
    await bob.join(ada.lobby);
    const watcher = unique("eve");
    await eve.join(ada.lobby, { role: "spectator", name: watcher });
    await bob.accepted("presence", { players: [ada.account] });
    const { number, name } = await ada.accepted("block", { seat: 1 });
    equal(name, bob.lobby.seats[1].name, "who is blocked");
    await bob.next("presence", { player: ada.account, online: false });
    const speak = async (who, text) => {
      await who.accepted("chat", { text });
      await who.accepted("react", { reaction: "!" });
    };
    await speak(bob, "unheard");
    await speak(eve, "heard");
    await ada.next("reaction");
    equal(ada.changes("chat").map(({ text }) => text), ["heard"], "what was heard");
    equal(ada.all("reaction").length, 1, "reactions");
    await eve.change("chat", { text: "unheard" });
    ada.drop();
    await bob.change("dropped", { seat: 0 });
    await speak(bob, "unheard, too");
    await speak(eve, "heard, too");
    const back = await guest(t, { token: ada.pass });
    equal((await back.accepted("blocks")).blocks, [{ number, name }], "the list");
    await back.resume(ada.token, { version: ada.version });
    await back.change("returned");
    equal(back.changes("chat").map(({ text }) => text), ["heard, too"], "what was missed");
    await back.accepted("unblock", { number });
    await bob.next("presence", { player: ada.account, online: true });
    await bob.accepted("chat", { text: "at last" });
    await back.change("chat", { text: "at last" });
    await eve.refused("E_FORBIDDEN", "block", { seat: 0 });
    await bob.refused("E_FORBIDDEN", "block", { spectator: watcher });
  });
});
