// How lobbies are found: what hosts say of them, and the list by filter.

import { isDeepStrictEqual } from "node:util";
import { between, check, equal, group, that } from "../harness.mjs";
import { Player, unique } from "./player.mjs";

/** Public lobbies that only filters with this mark find, each with more metadata. */
async function market(t, ...all) {
  const mark = unique("mark");
  const hosts = [];
  for (const { metadata, ...create } of all) {
    const host = await Player.open(t);
    await host.create({ visibility: "public", metadata: { mark, ...metadata }, ...create });
    hosts.push(host);
  }
  const viewer = await Player.open(t);
  const ids = hosts.map((host) => host.lobby.id);
  /** Which of them a filter finds, by number, in the order in which they are told. */
  const found = async ({ metadata, ...filter } = {}) => {
    const all = { metadata: { mark, ...metadata }, ...filter };
    const { lobbies } = await viewer.accepted("list", all);
    return lobbies.map(({ id }) => ids.indexOf(id));
  };
  return { hosts, viewer, found, mark };
}

group("finding", () => {
  check("hosts say what their lobby is like, and it is found by that", async (t) => {
    const { hosts, found } = await market(
      t,
      { metadata: { mode: "blitz", rating: 1500 } },
      { metadata: { mode: "blitz", rating: 1900.5 } },
      { metadata: { mode: "slow", rated: true } },
    );
    const cases = [
      [{}, [0, 1, 2]],
      [{ mode: "blitz" }, [0, 1]],
      [{ rating: { min: 1500, max: 1900 } }, [0]],
      [{ rating: { min: 1501 } }, [1]],
      [{ rating: { max: 2000 }, mode: "blitz" }, [0, 1]],
      [{ mode: { in: ["slow", "quick"] } }, [2]],
      [{ rated: true }, [2]],
      [{ rated: false }, []],
      [{ rating: "1500" }, []],
    ];
    for (const [metadata, expected] of cases) {
      equal((await found({ metadata })).toSorted(), expected, JSON.stringify(metadata));
    }
    equal(hosts[0].lobby.metadata.rating, 1500, "in the lobby");
  });

  check("the list is sorted, and as long as one wants it", async (t) => {
    const { hosts, found } = await market(
      t,
      { metadata: { rating: 1200 } },
      { metadata: { rating: 1800 } },
      { metadata: { rating: 1500 } },
    );
    await (await Player.open(t)).join(hosts[2].lobby);
    equal(await found({ sort: "+rating" }), [0, 2, 1], "rising");
    equal(await found({ sort: "-rating" }), [1, 2, 0], "falling");
    equal((await found({ sort: "players" }))[0], 2, "who has most players");
    equal(await found({ sort: "-rating", limit: 1 }), [1], "the first");
  });

  check("the list tells phases, free seats, passwords and locks", async (t) => {
    const { hosts, found } = await market(t, {}, { password: "x" }, { locked: true }, {});
    equal((await found({ has_password: true })).toSorted(), [1], "with a password");
    equal((await found({ has_password: false, locked: false })).toSorted(), [0, 3], "open to all");
    equal((await found({ locked: true })).toSorted(), [2], "locked");
    const guest = await Player.open(t);
    await guest.join(hosts[3].lobby);
    await hosts[3].change("joined");
    equal((await found({ free: 1, locked: false })).toSorted(), [0, 1], "with a free seat");
    await guest.accepted("ready", { ready: true });
    await hosts[3].accepted("start");
    await guest.change("started");
    equal(await found({ phase: "playing" }), [3], "with a match on");
  });

  check("what a host changes is found anew, and what is hidden is not found", async (t) => {
    const { hosts, found, mark } = await market(t, { metadata: { mode: "blitz" } });
    const [host] = hosts;
    await host.accepted("settings", { metadata: { mark, mode: "slow" } });
    equal((await host.change("settings")).metadata.mode, "slow", "what those inside hear");
    equal(await found({ metadata: { mode: "blitz" } }), [], "by the old word");
    equal(await found({ metadata: { mode: "slow" } }), [0], "by the new one");
    for (const [visibility, expected] of [["unlisted", []], ["private", []], ["public", [0]]]) {
      await host.accepted("settings", { visibility });
      equal(await found(), expected, visibility);
    }
    await host.accepted("leave");
    equal(await found(), [], "when it is no more");
  });

  check("hosts are found by their names, whatever the case", async (t) => {
    const name = unique("Zoë");
    const { found, viewer } = await market(t, { name });
    const lower = name.toLowerCase();
    equal(await found({ text: lower }), [0], "in small letters");
    equal(await found({ text: `${lower}x` }), [], "something else");
    equal((await viewer.accepted("list", { text: lower })).lobbies[0].host, name, "the name");
  });

  check("what makes no sense is refused", async (t) => {
    const player = await Player.open(t);
    const bad = (filter) => player.refused("E_BAD_REQUEST", "list", filter);
    for (const filter of [{ gmae: "chess" }, { limit: 0 }, { limit: 101 }, { sort: "best" }, 7])
      await bad(filter);
    await bad({ metadata: { a: { above: 3 } } });
    await bad({ text: "x".repeat(1025) });
    const create = { game: "chess", name: "Ada" };
    const long = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`name${i}`, i]));
    for (const metadata of [long, { a: "x".repeat(129) }, { a: [1] }, { a: null }, "blitz"])
      await player.refused("E_BAD_REQUEST", "create", { ...create, metadata });
    that((await player.accepted("list", {})).lobbies.length <= 100, "lobbies", "at most 100");
  });
});

group("quick play", () => {
  /** A game that only those of this case play: others look for other words. */
  const quick = (mark, more = {}) => ({
    metadata: { mark },
    filter: { metadata: { mark } },
    ...more,
  });

  check("the first opens a public lobby, and the next ones fill it", async (t) => {
    const mark = unique("mark");
    const created = [];
    for (let i = 0; i < 4; i++) {
      const player = await Player.open(t);
      const reply = await player.quick(quick(mark, { game: "circles", capacity: 2 }));
      created.push([reply.created, reply.seat, reply.lobby.visibility]);
    }
    const [first, second] = [[true, 0, "public"], [false, 1, "public"]];
    equal(created, [first, second, first, second], "who opened a lobby, and which seat");
  });

  check("of two who come at once one opens it, and both are in it", async (t) => {
    for (let round = 0; round < 10; round++) {
      const mark = unique("mark");
      const two = await Promise.all([Player.open(t), Player.open(t)]);
      const [one, other] = await Promise.all(two.map((player) => player.quick(quick(mark))));
      equal(one.lobby.id, other.lobby.id, `the lobby, in round ${round}`);
      equal([one.created, other.created].toSorted(), [false, true], "who opened it");
      for (const player of two) player.socket.disconnect();
    }
  });

  check("twenty at once make ten pairs", { ms: 60_000 }, async (t) => {
    const mark = unique("mark");
    const all = await Promise.all(Array.from({ length: 20 }, () => Player.open(t)));
    const replies = await Promise.all(all.map((player) => player.quick(quick(mark))));
    const ids = new Set(replies.map(({ lobby }) => lobby.id));
    equal([ids.size, replies.filter(({ created }) => created).length], [10, 10], "lobbies");
  });

  check("nobody is sent where they cannot or do not want to be", async (t) => {
    const mark = unique("mark");
    const rating = (n) => ({ metadata: { mark, rating: n } });
    const hosts = [];
    for (const create of [
      { ...rating(1500), password: "x" },
      { ...rating(1500), locked: true },
      { ...rating(1500), visibility: "unlisted" },
      { ...rating(2000) },
    ]) {
      hosts.push(await Player.open(t));
      await hosts.at(-1).create({ visibility: "public", ...create });
    }
    const filter = { metadata: { mark, rating: { min: 1400, max: 1600 } } };
    const player = await Player.open(t);
    equal((await player.quick({ ...rating(1500), filter })).created, true, "it opened its own");
    const wide = await Player.open(t);
    const { lobby } = await wide.quick({ filter: { metadata: { mark, rating: { min: 1900 } } } });
    equal(lobby.id, hosts[3].lobby.id, "who asks for others");
  });

  check("a quick play that makes no sense is refused", async (t) => {
    const player = await Player.open(t);
    const request = { game: "chess", name: "Ada" };
    for (const more of [{ visibility: "private" }, { password: "x" }, { filter: { limit: 3 } }])
      await player.refused("E_BAD_REQUEST", "quick", { ...request, ...more });
    await player.refused("E_UNKNOWN_GAME", "quick", { ...request, game: "ludo" });
    await player.refused("E_NAME", "quick", { ...request, name: "" });
  });
});

group("watching", () => {
  check("who watches hears of what comes, changes and goes", async (t) => {
    const mark = unique("mark");
    const watcher = await Player.open(t);
    const filter = { metadata: { mark } };
    equal((await watcher.accepted("watch", filter)).lobbies, [], "at first");
    const host = await Player.open(t);
    const { lobby } = await host.create({ visibility: "public", metadata: { mark } });
    const { added } = await watcher.next("listing");
    equal(added.map(({ id, players }) => [id, players]), [[lobby.id, 1]], "what comes");
    const guest = await Player.open(t);
    await guest.join(lobby);
    const { changed } = await watcher.next("listing");
    equal(changed.map(({ id, players }) => [id, players]), [[lobby.id, 2]], "what changes");
    await host.accepted("settings", { metadata: { mark: "another" } });
    equal((await watcher.next("listing")).removed, [lobby.id], "what goes");
    await host.accepted("settings", { metadata: { mark } });
    equal((await watcher.next("listing")).added[0].id, lobby.id, "what comes again");
    await host.accepted("leave");
    await guest.accepted("leave");
    await watcher.until("the end", () =>
      watcher.all("listing").some(({ removed }, i) => i >= 3 && removed?.[0] === lobby.id),
    );
  });

  check("what watchers know at any time is what the list says", { ms: 60_000 }, async (t) => {
    const mark = unique("mark");
    const filter = { metadata: { mark }, sort: "+n" };
    const watcher = await Player.open(t);
    const known = new Map();
    for (const one of (await watcher.accepted("watch", filter)).lobbies) known.set(one.id, one);
    const hosts = await Promise.all(Array.from({ length: 20 }, () => Player.open(t)));
    await Promise.all(
      hosts.map((host, n) => host.create({ visibility: "public", metadata: { mark, n } })),
    );
    for (const [n, host] of hosts.entries()) {
      if (n % 3 === 0) await host.accepted("leave");
      if (n % 3 === 1) await host.accepted("settings", { metadata: { mark, n: -n } });
    }
    const { lobbies } = await (await Player.open(t)).accepted("list", filter);
    let seen = 0;
    const inOrder = (map) => [...map.values()].toSorted((a, b) => a.metadata.n - b.metadata.n);
    await watcher.until("what the list says", () => {
      const pushes = watcher.all("listing");
      for (const { added = [], changed = [], removed = [] } of pushes.slice(seen)) {
        for (const one of [...added, ...changed]) known.set(one.id, one);
        for (const id of removed) known.delete(id);
      }
      seen = pushes.length;
      return isDeepStrictEqual(inOrder(known), lobbies);
    });
    between(seen, 1, 40, "pushes for all of that");
  });

  check("who does not watch any more hears nothing", async (t) => {
    const mark = unique("mark");
    const [watcher, other] = [await Player.open(t), await Player.open(t)];
    for (const one of [watcher, other]) await one.accepted("watch", { metadata: { mark } });
    await watcher.accepted("unwatch");
    const host = await Player.open(t);
    await host.create({ visibility: "public", metadata: { mark } });
    await other.next("listing");
    await watcher.accepted("list", {});
    equal(watcher.all("listing"), [], "what was heard");
    await watcher.refused("E_BAD_REQUEST", "watch", { gmae: 1 });
  });
});
