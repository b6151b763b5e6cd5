// What the README says, by the package as it is installed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, ParlorError } from "parlor-client";
import { Server } from "./server.js";

declare module "parlor-client" {
  interface Games {
    tictactoe: { config: null; action: { square: number }; view: string[]; event: never };
  }
}

test("the package is what it exports, and one's own game has its types", async (t) => {
  const server = await Server.start(t);
  const parlor = await connect(server.url, { player: "Ada" });
  t.after(() => parlor.close());
  const lobby = parlor.in("chess") ?? (await parlor.lobbies.create({ game: "chess" }));
  assert.match(lobby.code, /^\w{5}$/);
  await assert.rejects(lobby.match.input({ type: "resign" }), ParlorError);
  // @ts-expect-error no action of chess
  await assert.rejects(lobby.match.input({ type: "resigned" }), ParlorError);
  const own = parlor.lobbies.create({ game: "tictactoe" });
  own.then((lobby) => {
    void lobby.match.input({ square: 4 });
    // @ts-expect-error no action of one's own game
    void lobby.match.input({ square: "middle" });
  }, () => undefined);
  await assert.rejects(own, { code: "E_IN_LOBBY" });
});
