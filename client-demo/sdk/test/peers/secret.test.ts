// What encryption keeps a server from.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Label, Secret } from "../../src/peers/secret.js";

const LABEL: Label = { class: "reliable", key: 0, number: 3, flags: 4 };
const TEXT = new TextEncoder().encode("a move");

async function pair() {
  const [one, two] = [await Secret.make(), await Secret.make()];
  const [a, b] = [await one.seal(two.key, "lobby 1"), await two.seal(one.key, "lobby 1")];
  return { one, two, a, b };
}

test("the other end reads what was sealed, both ways", async () => {
  const { a, b } = await pair();
  assert.deepEqual(await b.open(LABEL, await a.seal(LABEL, TEXT)), TEXT);
  assert.deepEqual(await a.open(LABEL, await b.seal(LABEL, TEXT)), TEXT);
});

test("a message opens as nothing but what it was sealed as", async () => {
  const { a, b } = await pair();
  const sealed = await a.seal(LABEL, TEXT);
  const changes: Partial<Label>[] = [
    { class: "volatile" },
    { key: 1 },
    { number: 4 },
    { number: 3 + 2 ** 32 },
    { flags: 6 },
  ];
  for (const change of changes)
    await assert.rejects(b.open({ ...LABEL, ...change }, sealed), JSON.stringify(change));
  for (let i = 0; i < sealed.length; i++) {
    const changed = sealed.slice();
    changed[i] = (changed[i] ?? 0) ^ 1;
    await assert.rejects(b.open(LABEL, changed), `byte ${i}`);
  }
  await assert.rejects(b.open(LABEL, sealed.subarray(0, 8)));
});

test("a message does not open for who sent it, on another link, or for another peer", async () => {
  const { one, two, a } = await pair();
  const sealed = await a.seal(LABEL, TEXT);
  await assert.rejects(a.open(LABEL, sealed), "echoed");
  const elsewhere = await two.seal(one.key, "lobby 2");
  await assert.rejects(elsewhere.open(LABEL, sealed), "on another link");
  const third = await (await Secret.make()).seal(one.key, "lobby 1");
  await assert.rejects(third.open(LABEL, sealed), "by another key");
});

test("a key that is one's own, or none, is refused", async () => {
  const { one } = await pair();
  for (const key of [one.key, "", "AAAA", "not base64!", btoa("x".repeat(65))])
    await assert.rejects(one.seal(key, "lobby 1"), key);
});

test("players see the same code unless their keys were swapped", async () => {
  const { one, two } = await pair();
  const code = await one.safetyCode(two.key);
  assert.match(code, /^(\d{5} ){7}\d{5}$/);
  assert.equal(await two.safetyCode(one.key), code);
  assert.notEqual(await one.safetyCode((await Secret.make()).key), code);
});
