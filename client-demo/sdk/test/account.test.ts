// Accounts by the SDK: tokens that are fetched, and fetched again before they expire.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { happens, Server, until } from "./server.js";

const SECRET = "a secret of thirty-two bytes or so";

function token(sub: string, seconds: number): string {
  const write = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
  const head = write({ alg: "HS256", typ: "JWT" });
  const body = `${head}.${write({ sub, exp: Math.floor(Date.now() / 1000) + seconds })}`;
  return `${body}.${createHmac("sha256", SECRET).update(body).digest("base64url")}`;
}

function withKeys(t: { after: (done: () => void) => void }): string[] {
  const folder = mkdtempSync(join(tmpdir(), "parlor-client-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const keys = join(folder, "keys.json");
  const k = Buffer.from(SECRET).toString("base64url");
  writeFileSync(keys, JSON.stringify({ keys: [{ kty: "oct", alg: "HS256", k }] }), { mode: 0o600 });
  return ["--auth-keys", keys, "--auth-lobby", "required"];
}

test("a token is fetched for each connection, and before the last one expires", async (t) => {
  const server = await Server.start(t, withKeys(t));
  const lives = [30, 600, 600];
  let n_fetched = 0;
  const fetch = (): Promise<string> => Promise.resolve(token("ada", lives[n_fetched++] ?? 600));
  const ada = await server.player(t, "Ada", { token: fetch });
  // Of the first one less than a minute is left.
  await until("a new one", (again) => ada.socket.on("auth:expiring", () => setImmediate(again)), () => n_fetched === 2);
  const lobby = await ada.lobbies.create({ game: "chess" });
  const back = happens(lobby, "back");
  ada.socket.io.engine.close();
  await back;
  assert.equal(n_fetched, 3);
});

test("a token that is given once is told to expire, and is renewed by hand", async (t) => {
  const server = await Server.start(t, withKeys(t));
  // It is told a minute ahead.
  const ada = await server.player(t, "Ada", { token: token("ada", 64) });
  const { in_ms } = await happens(ada, "expiring");
  assert.ok(in_ms > 50_000 && in_ms <= 60_000, `${in_ms}`);
  const { expires } = await ada.renew(token("ada", 600));
  assert.ok(expires > Date.now() / 1000 + 500);
  await assert.rejects(ada.renew("no token"), { code: "E_AUTH" });
});

test("whose token cannot be fetched, or who has none, is told so", async (t) => {
  const server = await Server.start(t, withKeys(t));
  await assert.rejects(server.player(t, "Ada"), { code: "E_AUTH" });
  const failing = server.player(t, "Ada", { token: () => Promise.reject(new Error("no session")) });
  await assert.rejects(failing, { code: "E_AUTH", message: /no session/ });
});
