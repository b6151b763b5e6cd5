// What people say to each other, and how much of it.

import { between, check, equal, group, that } from "../harness.mjs";
import { gather } from "./player.mjs";

group("talk", () => {
  check("what is said reaches everybody, with who said it and when", async (t) => {
    const joins = [{ name: "Bob" }, { name: "Eve", role: "spectator" }];
    const [host, guest, watcher] = await gather(t, {}, ...joins);
    const text = "<b>Good luck</b>, ‏أهلا 🎲";
    const before = Date.now();
    await guest.accepted("chat", { text });
    for (const one of [host, guest, watcher]) {
      const { name, seat, at_ms, ...said } = await one.change("chat");
      equal([name, seat, said.text], ["Bob", 1, text], "what was said");
      between(at_ms, before - 5_000, Date.now() + 5_000, "when");
    }
    await watcher.accepted("chat", { text: "hello" });
    const { name, seat } = await host.change("chat");
    equal([name, seat], ["Eve", undefined], "who only watches");
  });

  check("what is empty or too long is not said", async (t) => {
    const [host, guest] = await gather(t);
    for (const text of ["", "x".repeat(501)]) await host.refused("E_BAD_REQUEST", "chat", { text });
    await host.refused("E_BAD_REQUEST", "chat", "hello");
    await host.accepted("chat", { text: "é".repeat(500) });
    equal((await guest.change("chat")).text.length, 500, "letters");
    equal(guest.changes("chat").length, 1, "what was said");
  });

  check("who floods the chat is told to wait", async (t) => {
    const [host, guest] = await gather(t);
    const say = (_, i) => host.ask("chat", { text: `number ${i}` });
    const replies = await Promise.all(Array.from({ length: 60 }, say));
    const said = replies.filter((reply) => reply.ok).length;
    between(said, 5, 40, "what was said");
    const codes = new Set(replies.filter((reply) => !reply.ok).map((reply) => reply.code));
    equal([...codes], ["E_RATE"], "refusals");
    await guest.accepted("chat", { text: "quiet" });
    await guest.change("chat", { text: "quiet" });
    equal(guest.changes("chat").length, said + 1, "what was heard");
  });

  check("others see who is typing, and that they stopped", async (t) => {
    const [host, guest] = await gather(t, {}, { name: "Bob" });
    await guest.accepted("typing", { typing: true });
    equal(await host.next("typing"), { name: "Bob", seat: 1, typing: true }, "typing");
    await guest.accepted("typing", { typing: false });
    equal((await host.next("typing")).typing, false, "typing");
    that(guest.version !== undefined, "versions", "as before", guest.version);
  });

  check("reactions are seen by all, and are words or signs", async (t) => {
    const joins = [{ name: "Bob" }, { role: "spectator", name: "Eve" }];
    const [host, guest, watcher] = await gather(t, {}, ...joins);
    await host.change("spectators");
    const before = host.version;
    await guest.accepted("react", { reaction: "👩‍🚀" });
    for (const one of [host, guest, watcher]) {
      const bob = { name: "Bob", seat: 1, reaction: "👩‍🚀" };
      equal(await one.next("reaction"), bob, "the reaction");
    }
    equal(host.version, before, "the version");
    for (const reaction of ["", "two words", "x".repeat(33), 7])
      await host.refused("E_BAD_REQUEST", "react", { reaction });
    const again = () => host.ask("react", { reaction: "GG" });
    const replies = await Promise.all(Array.from({ length: 30 }, again));
    const codes = replies.map((reply) => (reply.ok ? "ok" : reply.code));
    between(codes.filter((code) => code === "ok").length, 1, 20, "reactions at once");
    equal([...new Set(codes)].toSorted(), ["E_RATE", "ok"], "answers");
  });

  check("texts do not turn what is around them", async (t) => {
    const [host] = await gather(t);
    for (const text of ["a\u202eb", "a\u0000b", "a\u2066b"])
      await host.refused("E_BAD_REQUEST", "chat", { text });
    await host.accepted("chat", { text: "two\nlines" });
  });
});
