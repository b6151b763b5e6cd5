// Peers in Chromium against `parlor dev`, by the SDK: found directly, relayed, and changing between
// the two in mid-stream while UDP is cut and restored. Runs in a network namespace of its own:
//   python tests/run.py links
//   node links.mjs --url http://127.0.0.1:PORT --out DIR [--only TEXT] [--repeat 20]
// How Chromium is made to find candidates where there is only loopback: two switches, below.

import { mkdir } from "node:fs/promises";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

import { Clock } from "../interop/clock.mjs";
import { begin, cutUdp, loseUdp, restoreUdp } from "./links/network.mjs";
import { Person, bundle } from "./links/person.mjs";

const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    out: { type: "string" },
    only: { type: "string", default: "" },
    repeat: { type: "string", default: "20" },
  },
});
const { url } = options;
await mkdir(options.out, { recursive: true });

const QUIET = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  // Timers of pages that nobody looks at are slowed down otherwise.
  ...["--disable-background-timer-throttling", "--disable-renderer-backgrounding"],
  "--disable-backgrounding-occluded-windows",
];
const LOOPBACK = ["--allow-loopback-in-peer-connection", "--use-fake-ui-for-media-stream"];
const SOUND = ["--use-fake-device-for-media-stream"];
const launch = (...args) =>
  chromium.launch({ executablePath: "/usr/bin/chromium", args: [...QUIET, ...args] });

await begin();
const script = await bundle();
const browser = await launch(...LOOPBACK, ...SOUND);
const errors = [];
let [passed, failed] = [0, 0];

/** The longest that nothing may arrive when the direct path dies. */
const MAX_GAP_MS = 1500;
/** Silence says nothing of peers if even this idle process had to wait for so long meanwhile. */
const STALL_MS = 300;
const clock = new Clock();

/** Nothing arrived for too long. */
class Silence extends Error {}

function assert(holds, message) {
  if (!holds) throw new Error(message);
}

/** People in one lobby, each linked with each, who leave in the end. */
async function gathered(n, play, { create, peers = {}, without = [], by = browser } = {}) {
  const people = [];
  try {
    let code;
    for (let seat = 0; seat < n; seat += 1) {
      const missing = seat === 0 ? without : [];
      const how = { url, name: `P${seat}`, script, without: missing, errors };
      const person = await Person.open(by, how);
      people.push(person);
      code = await person.enter({ code, create, options: peers });
    }
    // In a star they wait for what they expect.
    if (!create?.links?.topology) for (const person of people) await person.until("nPeers", n - 1);
    return await play(people);
  } finally {
    await restoreUdp();
    for (const person of people) await person.close().catch(() => undefined);
  }
}

const pair = (play, how) => gathered(2, ([ada, bob]) => play(ada, bob), how);

async function bothDirect(ada, bob, timeout) {
  await Promise.all([ada.until("isDirect", 1, timeout), bob.until("isDirect", 0, timeout)]);
}

/** Each sends the other numbers, and `meanwhile` something happens. */
async function streams(ada, bob, { n, perSecond }, meanwhile) {
  const sent = Promise.all([
    ada.do("stream", { to: 1, n, perSecond }),
    bob.do("stream", { to: 0, n, perSecond }),
  ]);
  await Promise.all([sent, meanwhile()]);
  await Promise.all([ada.until("hasAll", [1, n], 30_000), bob.until("hasAll", [0, n], 30_000)]);
  return Promise.all([ada.do("numbers", [1]), bob.do("numbers", [0])]);
}

function expectAll(numbers, n) {
  for (const { next, wrong } of numbers)
    assert(next === n && wrong.length === 0, `${next} of ${n}, wrong: ${JSON.stringify(wrong)}`);
}

function expectNoSilence(gaps) {
  const longest = Math.max(...gaps);
  if (longest >= MAX_GAP_MS) throw new Silence(`silent for ${longest} ms`);
}

/** Nothing but the passing of time is what these wait for. */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const cases = {
  "two are linked directly, and talk from the first moment on": () =>
    pair(async (ada, bob) => {
      await ada.do("say", { data: { hello: "at once" } });
      await bob.until("hasHeard", [0, { hello: "at once" }]);
      await bothDirect(ada, bob);
      await bob.do("say", { data: { hello: "directly" } });
      await ada.until("hasHeard", [1, { hello: "directly" }]);
      const { via, rtt_ms, bytes_direct } = await bob.do("stats", 0);
      assert(via === "host" || via === "prflx", `by ${via}`);
      assert(rtt_ms >= 0 && bytes_direct > 0, `${rtt_ms} ms, ${bytes_direct} bytes`);
    }),

  "four are a mesh, and what one says reaches each other one once": () =>
    gathered(4, async (people) => {
      for (const [seat, person] of people.entries())
        for (const other of [0, 1, 2, 3].filter((one) => one !== seat))
          await person.until("isDirect", other);
      await Promise.all(people.map((person, seat) => person.do("say", { data: { from: seat } })));
      for (const [seat, person] of people.entries())
        for (const other of [0, 1, 2, 3].filter((one) => one !== seat)) {
          await person.until("hasHeard", [other, { from: other }]);
          assert((await person.do("nHeard", [other, { from: other }])) === 1, "more than once");
        }
    }),

  "a star has another centre when its host goes, with what that one kept": () =>
    gathered(
      3,
      async ([host, ada, bob]) => {
        await host.until("nPeers", 2);
        await ada.until("nPeers", 1);
        await ada.until("isDirect", 0);
        await host.do("checkpoint", { round: 7 });
        await host.close();
        await ada.until("isHost");
        await bob.until("nPeers", 1);
        await bob.until("isDirect", 1);
        const [told] = (await ada.do("hosts")).slice(-1);
        assert(told.isHost && told.checkpoint?.round === 7, JSON.stringify(told));
        await bob.do("say", { data: { to: "the new host" } });
        await ada.until("hasHeard", [2, { to: "the new host" }]);
      },
      { create: { links: { topology: "star" } } },
    ),

  "who has no WebRTC is linked all the same": () =>
    pair(
      async (ada, bob) => {
        const n = 1000;
        const numbers = await streams(ada, bob, { n, perSecond: 1000 }, async () => {});
        expectAll(numbers, n);
        assert((await bob.do("iceState", 0)) === "none", "nobody tried");
        assert(await ada.do("isRelayed", 1), "and all is relayed");
      },
      { without: ["RTCPeerConnection", "webkitRTCPeerConnection"] },
    ),

  "where a browser finds no candidate all stays relayed": async () => {
    const bare = await launch();
    try {
      await pair(
        async (ada, bob) => {
          const n = 500;
          expectAll(await streams(ada, bob, { n, perSecond: 500 }, async () => {}), n);
          assert(await ada.do("isRelayed", 1), "there is no network");
        },
        { by: bare },
      );
    } finally {
      await bare.close();
    }
  },

  "in a private lobby nobody learns an address, and all is relayed": () =>
    pair(
      async (ada, bob) => {
        const n = 500;
        expectAll(await streams(ada, bob, { n, perSecond: 500 }, async () => {}), n);
        assert(await ada.do("isRelayed", 1), "there is no TURN server");
      },
      { create: { links: { private: true } } },
    ),

  "what is encrypted arrives by either path, and both see the same safety code": () =>
    pair(
      async (ada, bob) => {
        const codes = [await ada.do("safetyCode", 1), await bob.do("safetyCode", 0)];
        assert(codes[0] && codes[0] === codes[1], JSON.stringify(codes));
        const n = 2000;
        const numbers = await streams(ada, bob, { n, perSecond: 500 }, async () => {
          await bothDirect(ada, bob);
          await ada.do("force", [1, "relay"]);
        });
        expectAll(numbers, n);
      },
      { peers: { encrypt: true } },
    ),

  "UDP is cut and restored while 10,000 messages go each way": () =>
    pair(async (ada, bob) => {
      await bothDirect(ada, bob);
      const n = 10_000;
      const numbers = await streams(ada, bob, { n, perSecond: 800 }, async () => {
        await pause(2000);
        await cutUdp();
        await Promise.all([ada.until("isRelayed", 1), bob.until("isRelayed", 0)]);
        await pause(2000);
        await restoreUdp();
        await bothDirect(ada, bob);
        await loseUdp(20);
        await pause(2000);
        await restoreUdp();
      });
      expectAll(numbers, n);
      const gaps = numbers.map(({ longestGapMs }) => Math.round(longestGapMs));
      console.log(`   longest silence: ${gaps.join(" and ")} ms`);
      expectNoSilence(gaps);
    }),

  "UDP is cut in mid-stream, again and again: the relay carries on": async () => {
    const gaps = [];
    for (let time = 0; time < Number(options.repeat); time += 1) {
      await pair(async (ada, bob) => {
        await bothDirect(ada, bob);
        const n = 2000;
        const numbers = await streams(ada, bob, { n, perSecond: 1000 }, async () => {
          // At another moment each time, so that it meets everything.
          await pause(300 + 37 * time);
          await cutUdp();
          await Promise.all([ada.until("isRelayed", 1), bob.until("isRelayed", 0)]);
        });
        expectAll(numbers, n);
        gaps.push(...numbers.map(({ longestGapMs }) => Math.round(longestGapMs)));
      });
    }
    gaps.sort((one, other) => one - other);
    console.log(`   longest silences: median ${gaps[gaps.length >> 1]}, at most ${gaps.at(-1)} ms`);
    expectNoSilence(gaps);
  },

  "ICE begins anew after an outage that browsers give up in": () =>
    pair(async (ada, bob) => {
      await bothDirect(ada, bob);
      const n = 3000;
      const numbers = await streams(ada, bob, { n, perSecond: 100 }, async () => {
        await cutUdp();
        await pause(18_000);
        await restoreUdp();
        await bothDirect(ada, bob, 20_000);
      });
      expectAll(numbers, n);
      const ways = (await ada.do("paths")).map(([, path]) => path).join(" ");
      assert(ways.includes("direct relay direct"), ways);
    }),

  "signaling is lost for a while: the direct path lives on, and one is the same peer": () =>
    pair(async (ada, bob) => {
      await bothDirect(ada, bob);
      const id = await ada.do("id");
      const n = 3000;
      const numbers = await streams(ada, bob, { n, perSecond: 1000 }, async () => {
        await ada.do("lose");
        await pause(1500);
        assert(await bob.do("isDirect", 0), "nobody has touched the direct path");
        await ada.do("reconnect");
        await ada.until("isOnline");
      });
      expectAll(numbers, n);
      assert((await ada.do("id")) === id, "it is another peer");
    }),

  "a voice goes over the link beside the messages": () =>
    pair(async (ada, bob) => {
      await bothDirect(ada, bob);
      await ada.do("voice", 1);
      await bob.until("nTracks", 1);
      const before = await bob.do("sound", 0);
      const n = 1000;
      expectAll(await streams(ada, bob, { n, perSecond: 500 }, async () => {}), n);
      const packets = (await bob.do("sound", 0)) - before;
      assert(packets > 20, `${packets} packets of sound in two seconds`);
    }),

  "a client in Node and a browser are linked, by the server": () =>
    pair(async (ada) => {
      const { connect } = await import("../../client-demo/sdk/dist/index.js");
      const parlor = await connect(url, { player: "Node" });
      try {
        const code = await ada.page.evaluate(() => window.me.code());
        const lobby = await parlor.lobbies.join({ code, rename: true });
        const peers = await lobby.peers();
        const heard = [];
        const n = 1000;
        const done = new Promise((resolve) => {
          peers.on("message", ({ peer, data }) => {
            if (peer.seat === 0 && heard.push(data.n) === n) resolve();
          });
        });
        await ada.until("nPeers", 2);
        await ada.do("stream", { to: lobby.seat, n, perSecond: 1000 });
        await done;
        assert(heard.every((number, at) => number === at), "in order, each once");
        for (let number = 0; number < n; number += 1)
          await peers.at(0).send("reliable", { n: number });
        await ada.until("hasAll", [lobby.seat, n]);
        expectAll([await ada.do("numbers", [lobby.seat])], n);
        assert(peers.at(0).path === "relay", "Node has no WebRTC");
        await lobby.leave();
      } finally {
        parlor.close();
      }
    }),

  "the page of peer links shows two tabs, the relay and the way back": async () => {
    const context = await browser.newContext({ viewport: { width: 1100, height: 900 } });
    const open = async (hash) => {
      const page = await context.newPage();
      page.setDefaultTimeout(10_000);
      page.on("pageerror", (error) => errors.push(`/links: ${error.stack ?? error}`));
      await page.goto(`${url}/links${hash}`);
      return page;
    };
    const card = (page, path) => page.locator(`[data-testid=peer][data-path=${path}]`);
    const number = async (page, field) =>
      Number(await page.locator(`[data-field=${field}]`).first().textContent());
    try {
      const ada = await open("");
      await ada.waitForFunction(() => location.hash.length > 2);
      const bob = await open(await ada.evaluate(() => location.hash));
      for (const page of [ada, bob]) await card(page, "direct").waitFor();
      for (const page of [ada, bob]) await page.click("#relay");
      for (const page of [ada, bob]) await card(page, "relay").waitFor();
      await pause(1500);
      await ada.screenshot({ path: `${options.out}/links-relay.png`, fullPage: true });
      for (const page of [ada, bob]) await page.click("#direct");
      for (const page of [ada, bob]) await card(page, "direct").waitFor();
      await ada.check("#voice");
      await bob.waitForFunction(() => document.querySelector("audio")?.srcObject);
      await pause(1500);
      await ada.locator("summary").click();
      await ada.locator("[data-field=pair]", { hasText: "⇄" }).waitFor();
      for (const page of [ada, bob]) {
        assert((await number(page, "received")) > 40, "messages came all the time");
        for (const bad of ["lost", "doubled", "late"])
          assert((await number(page, bad)) === 0, `${await number(page, bad)} are ${bad}`);
      }
      await ada.screenshot({ path: `${options.out}/links-direct.png`, fullPage: true });
      await bob.setViewportSize({ width: 390, height: 844 });
      await bob.screenshot({ path: `${options.out}/links-phone.png`, fullPage: true });
      const width = await bob.evaluate(() => document.documentElement.scrollWidth);
      assert(width <= 390, `the page is ${width} pixels wide`);
    } finally {
      await context.close();
    }
  },
};

/** Plays a case; once more, if it was silent for too long while the machine stood still. */
async function settle(sentence, play) {
  const mark = clock.mark();
  try {
    await play();
  } catch (error) {
    const lateMs = clock.lateMs(mark);
    if (!(error instanceof Silence) || lateMs < STALL_MS) throw error;
    console.log(`again - ${sentence}: ${error.message}, the machine for ${lateMs.toFixed(0)} ms`);
    await clock.quiet();
    await play();
  }
}

for (const [sentence, play] of Object.entries(cases)) {
  if (!sentence.includes(options.only)) continue;
  const start = performance.now();
  try {
    await settle(sentence, play);
    assert(errors.length === 0, errors.join("\n"));
    passed += 1;
    console.log(`ok - ${sentence}, ${((performance.now() - start) / 1000).toFixed(1)} s`);
  } catch (error) {
    failed += 1;
    errors.length = 0;
    console.log(`not ok - ${sentence}\n${error.stack ?? error}`);
  }
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
