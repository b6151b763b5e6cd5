// What goes through the server: reliable frames in order, volatile ones only while they are new, as
// much as may be, and nothing that is no frame.

import { check, equal, group, pause, that } from "../harness.mjs";
import { unique } from "../lobbies/player.mjs";
import { KIND, Peer, WAYS, frame, numberOf, party, payloadOf } from "./peer.mjs";
import { Polling } from "./polling.mjs";

/** Each is two messages, its head and its bytes: a session may send 5,000 messages at once. */
const N_FRAMES = 2_400;
/** At once: what a session and a link may send is more. */
const N_BURST = 100;
const HEADER_BYTES = 12;
const MAX_FRAME_BYTES = 17 * 1024;

/** Sends so many numbered frames, as fast as their end hears them. */
async function stream(from, to) {
  await from.linked(to);
  for (let n = 0; n < N_FRAMES; n += 1) {
    if (n % N_BURST === 0) await to.frames("reliable", n - 2 * N_BURST);
    from.send("reliable", to, frame(KIND.reliable, n, { payload: `number ${n}` }));
  }
  return (await to.frames("reliable", N_FRAMES)).map(([, bytes]) => bytes);
}

/** A peer of somebody's lobby that polls only when it is told to. */
async function slowPeer(t, host) {
  const polling = await Polling.open(t);
  await polling.connect("/lobby");
  const { code } = host.player.lobby;
  await polling.ask("/lobby", "join", { code, name: unique("slow") });
  const { token } = await polling.ask("/lobby", "peer");
  await polling.connect("/signal");
  polling.number = (await polling.ask("/signal", "join", { token })).peer;
  await host.linked(polling);
  return polling;
}

group("frames", () => {
  for (const [way, options] of WAYS) {
    check(`${N_FRAMES} reliable ones each way come in order, ${way}`, { ms: 90_000 }, async (t) => {
      const [one, two] = await party(t, 2, options);
      const heard = await Promise.all([stream(one, two), stream(two, one)]);
      const expected = Array.from({ length: N_FRAMES }, (_, n) => n);
      for (const frames of heard) {
        equal(frames.map(numberOf), expected, "the numbers");
        equal(payloadOf(frames[7]), "number 7", "a payload");
      }
      for (const peer of [one, two]) equal(peer.signals.all("refused"), [], "what was refused");
    });

    check(`all bytes, and the longest frame, come as they were, ${way}`, async (t) => {
      const [one, two] = await party(t, 2, options);
      const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      const longest = Buffer.alloc(MAX_FRAME_BYTES - HEADER_BYTES, 7);
      for (const [field, payload] of [all, "", longest].entries()) {
        two.send("reliable", one, frame(KIND.reliable, 1, { payload }));
        two.send("volatile", one, frame(KIND.volatile, 1, { channel: 9, field, payload }));
      }
      for (const kind of ["reliable", "volatile"]) {
        const frames = await one.frames(kind, 3);
        const nBytes = frames.map(([, bytes]) => bytes.length - HEADER_BYTES);
        equal(nBytes, [256, 0, longest.length], `bytes of the ${kind} ones`);
        equal(Buffer.from(frames[0][1]).subarray(HEADER_BYTES), all, "the bytes");
      }
    });
  }

  check("a client that polls seldom gets the newest of each key, if it is new", async (t) => {
    const [one] = await party(t, 1);
    const slow = await slowPeer(t, one);
    const key = (field, channel = 0) => ({ field, channel });
    for (let seq = 1; seq <= 50; seq += 1) {
      one.send("volatile", slow, frame(KIND.volatile, seq, { ...key(1), payload: "old" }));
    }
    const old = Date.now();
    // An answer behind them: the server has them, and the client does not take them.
    await one.accepted("checkpoint", { term: 1, state: 1 });
    await pause(250);
    that(Date.now() - old > 200, "the pause", "long enough", Date.now() - old);
    for (let seq = 51; seq <= 100; seq += 1) {
      one.send("volatile", slow, frame(KIND.volatile, seq, { ...key(2), payload: "a" }));
      one.send("volatile", slow, frame(KIND.volatile, seq, { ...key(2, 1), payload: "b" }));
    }
    one.send("reliable", slow, frame(KIND.reliable, 0, { payload: "kept" }));
    await one.accepted("checkpoint", { term: 1, state: 2 });
    // From another shard they may come in several turns: each answer has the newest of its own.
    const answers = [];
    const shown = () => answers.flat();
    const has = (payload, seq) => shown().some((one) => one[2] === seq && one[3] === payload);
    while (!has("kept", 0) || !has("a", 100) || !has("b", 100)) {
      const frames = (await slow.poll()).filter((packet) => packet.startsWith("b"));
      const heard = frames.map((packet) => Buffer.from(packet.slice(1), "base64"));
      answers.push(heard.map((bytes) => [bytes[0], bytes[1], numberOf(bytes), payloadOf(bytes)]));
    }
    const keys = (answer) => new Set(answer.map(([, , , payload]) => payload));
    const isOnce = (answer) => keys(answer).size === answer.length;
    that(answers.every(isOnce) && answers.length < 5, "each answer", "the newest of each", answers);
    const newest = new Map(shown().map((one) => [one[3], one]));
    const expected = [
      [KIND.reliable, 0, 0, "kept"],
      [KIND.volatile, 0, 100, "a"],
      [KIND.volatile, 1, 100, "b"],
    ];
    const inOrder = [...newest.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    equal(inOrder, expected, "what it got");
  });

  check("volatile ones of many keys cost a slow client no state of its match", async (t) => {
    const [one] = await party(t, 1);
    const slow = await slowPeer(t, one);
    await slow.ask("/lobby", "ready", { ready: true });
    await one.player.accepted("start");
    for (let field = 0; field < 300; field += 1) {
      one.send("volatile", slow, frame(KIND.volatile, 1, { field }));
    }
    await one.accepted("checkpoint", { term: 1, state: 2 });
    const packets = await slow.poll();
    that(packets.some((packet) => packet.includes('"started"')), "events", "the start", packets);
    const isState = (packet) => /^4[25]/.test(packet) && packet.includes('["state"');
    that(packets.some(isState), "what it got", "the state of the match", packets.slice(0, 9));
  });

  check("what is no frame, or too long, or for nobody, is dropped", async (t) => {
    const [one, two] = await party(t, 2);
    const { socket } = two.signals;
    const { link } = two.link(one);
    const ask = (kind, ...args) => two.signals.ask(kind, ...args);
    const bad = async (code, kind, ...args) =>
      equal((await ask(kind, ...args)).code, code, `the answer to ${kind} ${args[1]?.length}`);
    await bad("E_BAD_REQUEST", "reliable", link, frame(KIND.volatile, 1));
    await bad("E_BAD_REQUEST", "reliable", link, frame(KIND.ping, 1));
    await bad("E_BAD_REQUEST", "reliable", link, frame(KIND.reliable, 1).subarray(1));
    await bad("E_BAD_REQUEST", "volatile", link, frame(KIND.reliable, 1));
    await bad("E_BAD_REQUEST", "volatile", link, frame(KIND.volatile, 1).subarray(1));
    await bad("E_BAD_REQUEST", "volatile", link, Buffer.alloc(0));
    await bad("E_BAD_REQUEST", "reliable", link, "text");
    await bad("E_BAD_REQUEST", "reliable", link, { type: "Buffer", data: [4] });
    await bad("E_BAD_REQUEST", "reliable", link);
    await bad("E_BAD_REQUEST", "reliable");
    await bad("E_BAD_REQUEST", "reliable", -1, frame(KIND.reliable, 1));
    await bad("E_BAD_REQUEST", "reliable", "1", frame(KIND.reliable, 1));
    const long = { payload: Buffer.alloc(MAX_FRAME_BYTES - HEADER_BYTES + 1) };
    await bad("E_TOO_LARGE", "reliable", link, frame(KIND.reliable, 1, long));
    await bad("E_TOO_LARGE", "volatile", link, frame(KIND.volatile, 1, long));
    await bad("E_NOT_FOUND", "reliable", 99, frame(KIND.reliable, 1));
    socket.emit("reliable", link, frame(KIND.ack, 0), "more", { than: "wanted" });
    equal((await one.frames("reliable", 1)).length, 1, "what arrived");
    const stranger = await Peer.open(t);
    await stranger.connect(t);
    const reply = await stranger.signals.ask("reliable", link, frame(KIND.reliable, 1));
    equal(reply.code, "E_NOT_IN_LOBBY", "the answer to a stranger");
  });

  check("a link relays so much and no more, and its sender hears when to go on", async (t) => {
    const [one, two, three] = await party(t, 3);
    const payload = Buffer.alloc(16_000);
    for (let seq = 0; seq < 60; seq += 1) {
      two.send("reliable", one, frame(KIND.reliable, seq, { payload }));
    }
    const refused = await two.next("refused");
    const { link, code, message, retry_ms } = refused;
    equal([link, code], [two.link(one).link, "E_RELAY_BUDGET"], "what is refused");
    that(message.length > 5 && retry_ms > 0, "when to go on", "a sentence, a time", refused);
    // Others go on; and so does it, after that time.
    three.send("reliable", one, frame(KIND.reliable, 0, { payload: "another link" }));
    await pause(retry_ms);
    two.send("reliable", one, frame(KIND.reliable, 99, { payload: "again" }));
    const isThere = (text) => () =>
      one.signals.frames.reliable.some(([, bytes]) => payloadOf(bytes) === text);
    await one.signals.until("the other link's", isThere("another link"));
    await one.signals.until("the next", isThere("again"));
    const fromTwo = one.signals.frames.reliable.filter(([at]) => at === link).length;
    that(fromTwo > 25 && fromTwo < 60, "how many came", "those within the budget", fromTwo);
  });
});
