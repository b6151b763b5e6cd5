// Who comes in, and how a lobby is run: visibility, password, lock, seats, colours, host, names.

import { between, check, equal, group, that } from "../harness.mjs";
import { Player, gather, match, unique } from "./player.mjs";

const listed = async (player, lobby) =>
  (await player.accepted("list", { game: lobby.game })).lobbies.find(({ id }) => id === lobby.id);

group("entrance", () => {
  check("a lobby has a code that can be read aloud, and says all there is to it", async (t) => {
    const host = await Player.open(t);
    const { lobby, seat, token } = await host.create({ name: "Ada" });
    equal([seat, lobby.host, lobby.phase, lobby.visibility], [0, 0, "open", "private"], "lobby");
    that(/^[A-Z0-9]{4,6}$/.test(lobby.code), "the code", "4 to 6 letters", lobby.code);
    that(!/[01OIL]/.test(lobby.code), "the code", "no look-alikes", lobby.code);
    that(token.length >= 20, "the token", "a long one", token);
    const ada = { seat: 0, name: "Ada", connected: true, ready: false };
    const [{ colour, ...rest }] = lobby.seats;
    equal([lobby.seats.length, rest], [1, ada], "seats");
    equal(typeof colour, "string", "its colour");
  });

  check("codes are read in any case, with blanks around them", async (t) => {
    const [host] = await gather(t);
    const code = ` ${host.lobby.code.toLowerCase()} `;
    const guest = await Player.open(t);
    await guest.join({ code }, { role: "spectator" });
    equal(guest.lobby.id, host.lobby.id, "the lobby");
  });

  check("public ones are listed, unlisted ones joined by id, private ones by code", async (t) => {
    const guest = await Player.open(t);
    for (const visibility of ["public", "unlisted", "private"]) {
      const host = await Player.open(t);
      const { lobby } = await host.create({ visibility });
      equal(Boolean(await listed(guest, lobby)), visibility === "public", `${visibility}: listed`);
      const byId = { id: lobby.id, name: "Bob" };
      if (visibility === "private") await guest.refused("E_NOT_FOUND", "join", byId);
      else await guest.accepted("join", byId);
      if (visibility !== "private") await guest.accepted("leave");
      await guest.accepted("join", { code: lobby.code, name: "Bob" });
      await guest.accepted("leave");
    }
  });

  check("a password is asked for, from players and spectators", async (t) => {
    const host = await Player.open(t);
    const { lobby } = await host.create({ password: "pâté", visibility: "public" });
    equal(lobby.password, true, "the lobby says that it has one");
    that(!JSON.stringify(lobby).includes("pâté"), "the lobby", "no word of it", lobby);
    const guest = await Player.open(t);
    equal((await listed(guest, lobby)).password, true, "and so does the list");
    const join = { code: lobby.code, name: "Bob" };
    await guest.refused("E_PASSWORD", "join", join);
    await guest.refused("E_PASSWORD", "join", { ...join, password: "pâte" });
    await guest.refused("E_PASSWORD", "join", { ...join, role: "spectator", password: "" });
    await guest.join(lobby, { password: "pâté" });
    // Who comes back has a token.
    guest.drop();
    await host.change("dropped", { seat: 1 });
    const again = await Player.open(t);
    await again.resume(guest.token);
    await host.accepted("settings", { password: "" });
    equal((await again.change("settings")).password, false, "after it was taken away");
    await (await Player.open(t)).join(lobby, { role: "spectator" });
  });

  check("nobody comes in while the host keeps it locked", async (t) => {
    const [host, guest] = await gather(t, { visibility: "public" }, { role: "spectator" });
    await host.accepted("settings", { locked: true });
    equal((await guest.change("settings")).locked, true, "what those inside hear");
    const late = await Player.open(t);
    const join = { code: host.lobby.code, name: "Bob" };
    await late.refused("E_LOCKED", "join", join);
    await late.refused("E_LOCKED", "join", { ...join, role: "spectator" });
    await host.accepted("settings", { locked: false });
    await late.accepted("join", join);
  });

  check("seats are limited, and the host changes how many there are", async (t) => {
    const host = await Player.open(t);
    const create = { game: "circles", capacity: 2, max_spectators: 1, name: "Ada" };
    const { lobby } = await host.create(create);
    equal([lobby.capacity, lobby.max_spectators], [2, 1], "seats and spectators");
    const guests = [];
    for (const role of ["player", "spectator"]) {
      guests.push(await Player.open(t));
      await guests.at(-1).join(lobby, { role });
    }
    const late = await Player.open(t);
    for (const role of ["player", "spectator"])
      await late.refused("E_FULL", "join", { code: lobby.code, name: "Eve", role });
    await guests[0].refused("E_FORBIDDEN", "settings", { capacity: 3 });
    await host.refused("E_BAD_REQUEST", "settings", { capacity: 1 });
    await host.refused("E_BAD_REQUEST", "settings", { capacity: 200 });
    await host.refused("E_BAD_REQUEST", "settings", { size: 3 });
    await host.accepted("settings", { capacity: 3, max_spectators: 2 });
    const terms = { capacity: 3, max_spectators: 2 };
    for (const one of guests) await one.change("settings", terms);
    equal((await late.join(lobby)).seat, 2, "the third seat");
    await (await Player.open(t)).join(lobby, { role: "spectator" });
  });

  check("no two seats have the same colour", async (t) => {
    const host = await Player.open(t);
    const { lobby } = await host.create({ colour: "teal" });
    equal(lobby.seats[0].colour, "teal", "as it was chosen");
    const guest = await Player.open(t);
    const taken = (await guest.join(lobby, { colour: "teal" })).lobby.seats[1].colour;
    that(taken && taken !== "teal", "for the second who wants it", "another", taken);
    await guest.refused("E_COLOUR", "colour", { colour: "teal" });
    await guest.refused("E_BAD_REQUEST", "colour", { colour: "octarine" });
    await guest.accepted("colour", { colour: "navy" });
    await host.change("colour", { seat: 1, colour: "navy" });
    await host.accepted("colour", { colour: taken });
    await guest.change("colour", { seat: 0, colour: taken });
    await guest.accepted("colour", { colour: "teal" });
  });

  check("names are names", async (t) => {
    const player = await Player.open(t);
    const create = { game: "chess" };
    for (const name of ["", "   ", "a\u0000b", "tab\tbed", "x".repeat(65), "li\u2028ne"]) {
      await player.refused("E_NAME", "create", { ...create, name });
    }
    await player.refused("E_BAD_REQUEST", "create", { ...create, name: 7 });
    await player.refused("E_BAD_REQUEST", "create", create);
    await player.refused("E_UNKNOWN_GAME", "create", { game: "ludo", name: "Ada" });
    await player.create({ name: "É".repeat(64) });
  });

  check("names lose blanks that do not show, and no two look the same", async (t) => {
    const host = await Player.open(t);
    const { lobby } = await host.create({ name: "  Ada   Lovelace " });
    equal(lobby.seats[0].name, "Ada Lovelace", "the name");
    const guest = await Player.open(t);
    for (const name of ["Ada Lovelace", "ada lovelace", "Ａda Lovelace"])
      await guest.refused("E_NAME_TAKEN", "join", { code: lobby.code, name });
    for (const name of ["Ada\u200b", "Ada\u202e", "\u2800", "a" + "\u0301".repeat(9)])
      await guest.refused("E_NAME", "join", { code: lobby.code, name });
    await guest.join(lobby, { name: "Ада" });
  });

  check("one socket is in one lobby", async (t) => {
    const [host] = await gather(t);
    await host.refused("E_IN_LOBBY", "create", { game: "chess", name: "Ada" });
    await host.refused("E_IN_LOBBY", "join", { code: host.lobby.code, name: "Ada" });
    await host.accepted("leave");
    for (const event of ["ready", "chat", "start", "leave", "settings"]) {
      const takes = { ready: { ready: true }, chat: { text: "hi" }, settings: {} }[event];
      await host.refused("E_NOT_IN_LOBBY", event, ...(takes ? [takes] : []));
    }
    await host.create();
  });

  check("of a hundred who want the last seat, one has it", async (t) => {
    const host = await Player.open(t);
    await host.create();
    const guests = await Promise.all(Array.from({ length: 20 }, () => Player.open(t)));
    const { code } = host.lobby;
    const five = Array.from({ length: 5 }, () => ({ code, name: unique("guest") }));
    const all = guests.flatMap((guest) => five.map((join) => guest.ask("join", join)));
    const replies = await Promise.all(all);
    equal(replies.filter((reply) => reply.ok).length, 1, "who came in");
    const codes = new Set(replies.filter((reply) => !reply.ok).map((reply) => reply.code));
    codes.delete("E_FULL");
    codes.delete("E_IN_LOBBY");
    equal([...codes], [], "other refusals");
    equal((await host.look(t)).seats.length, 2, "seats taken");
  });
});

group("host", () => {
  check("the host hands the lobby over, and only to who is there", async (t) => {
    const [host, guest, other] = await gather(t, { game: "circles" }, {}, {});
    await guest.refused("E_FORBIDDEN", "host", { seat: 1 });
    await host.refused("E_SEAT", "host", { seat: 7 });
    other.drop();
    await host.change("dropped", { seat: 2 });
    await host.refused("E_SEAT", "host", { seat: 2 });
    await host.accepted("host", { seat: 1 });
    for (const one of [host, guest]) await one.change("host", { seat: 1 });
    await host.refused("E_FORBIDDEN", "settings", { locked: true });
    await guest.accepted("settings", { locked: true });
  });

  check("who leads leaves or is lost, and who sits there longest leads", async (t) => {
    const [host, guest, other] = await gather(t, { game: "circles" }, {}, {});
    host.drop();
    await other.change("dropped", { seat: 0 });
    await other.change("host", { seat: 1 });
    await guest.accepted("leave");
    await other.change("left", { seat: 1, reason: "left" });
    await other.change("host", { seat: 2 });
    equal((await other.look(t)).host, 2, "the host");
  });

  check("only the host starts, when enough are there and all the others are ready", async (t) => {
    const host = await Player.open(t);
    await host.create();
    await host.refused("E_NOT_READY", "start");
    const guest = await Player.open(t);
    await guest.join(host.lobby);
    await guest.refused("E_FORBIDDEN", "start");
    await host.refused("E_NOT_READY", "start");
    const watcher = await Player.open(t);
    await watcher.join(host.lobby, { role: "spectator" });
    await watcher.refused("E_FORBIDDEN", "ready", { ready: true });
    await guest.accepted("ready", { ready: true });
    await host.change("ready", { seat: 1, ready: true });
    await host.accepted("start");
    for (const one of [host, guest, watcher]) await one.change("started", { number: 1 });
    await host.refused("E_PHASE", "start");
    await guest.refused("E_PHASE", "ready", { ready: false });
    await host.refused("E_PHASE", "settings", { capacity: 2 });
  });

  check("a lobby of somebody else is nobody's to run, also in a match", async (t) => {
    const [, guest, watcher] = await match(t, {}, {}, { role: "spectator" });
    for (const one of [guest, watcher]) {
      await one.refused("E_FORBIDDEN", "settings", { locked: true });
      await one.refused("E_FORBIDDEN", "host", { seat: 1 });
    }
    between(watcher.changes("settings").length, 0, 0, "changes of the settings");
  });
});
