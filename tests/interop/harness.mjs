// The small test harness of this folder: options, cases, assertions, deadlines and the closing
// line. What travels on the wire is in wire.mjs; what is demanded of a server is in the suites.
// Many cases go by time, and a machine that others share stands still now and then. What fails in
// such a time says nothing of the server: it is run again, alone (clock.mjs).

import net from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { inspect, isDeepStrictEqual } from "node:util";
import { Clock } from "./clock.mjs";

// How long everybody waits for what must come; where the time itself is claimed, the case says it.
export const WAIT_MS = 15_000;
// How long a good client may wait after somebody else's bad input (reliability.md, "Bad inputs").
const NEXT_CLIENT_MS = 100;
const NEXT_CLIENT_TRIES = 3;
const CASE_MS = 30_000;
const BESIDE_MS = 16_000;
// How often a case is run again at most; by then it is no longer the machine.
const TRIES_ALONE = 8;

const clock = new Clock();
const cases = [];
let currentGroup = "";

/** Reads the command line; every suite knows `--url`, `--reference`, `--only` and `--verbose`. */
export function readOptions(extra = {}) {
  const { values } = parseArgs({
    options: {
      url: { type: "string" },
      reference: { type: "boolean", default: false },
      only: { type: "string" },
      verbose: { type: "boolean", default: false },
      ...extra,
    },
  });
  if (!values.url) {
    console.error("usage: --url http://127.0.0.1:PORT [--reference] [--only TEXT] [--verbose]");
    process.exit(2);
  }
  return values;
}

/** All cases registered inside `body` belong to this heading. */
export function group(name, body) {
  const outer = currentGroup;
  currentGroup = outer ? `${outer} › ${name}` : name;
  body();
  currentGroup = outer;
}

/**
 * Registers a case: `check("a sentence", [options], async (t) => …)`.
 * Options: `ours` (why only Parlor, not the reference, answers like this), `beside` (mostly waits,
 * so all of these run at once, before the others), `ms` (its deadline as a whole).
 */
export function check(name, ...rest) {
  const fn = rest.pop();
  const options = rest[0] ?? {};
  cases.push({ name: currentGroup ? `${currentGroup}: ${name}` : name, fn, ...options });
}

/** What a case gets: a place to register what must be closed when it ends, however it ends. */
class Scope {
  #undo = [];

  defer(undo) {
    this.#undo.push(undo);
  }

  async close() {
    for (const undo of this.#undo.reverse()) {
      try {
        await undo();
      } catch {
        // What is closed already needs no closing.
      }
    }
  }
}

/** A failed expectation; printed as expected and seen. */
export class Mismatch extends Error {
  constructor(what, expected, seen) {
    super(what);
    this.expected = expected;
    this.seen = seen;
  }
}

const show = (value) => {
  const text = typeof value === "string" ? JSON.stringify(value) : inspect(value, { depth: 6 });
  return text.length > 600 ? `${text.slice(0, 600)}… (${text.length} characters)` : text;
};

export function equal(seen, expected, what) {
  if (!isDeepStrictEqual(seen, expected)) throw new Mismatch(what, show(expected), show(seen));
}

export function oneOf(seen, choices, what) {
  if (!choices.some((choice) => isDeepStrictEqual(seen, choice))) {
    throw new Mismatch(what, `one of ${show(choices)}`, show(seen));
  }
}

export function between(seen, low, high, what) {
  if (!(seen >= low && seen <= high)) throw new Mismatch(what, `${low} to ${high}`, show(seen));
}

export function that(holds, what, expected, seen) {
  if (!holds) throw new Mismatch(what, expected, show(seen));
}

/** Fails the case: `expected` is what should have happened instead. */
export function fail(what, expected, seen) {
  throw new Mismatch(what, expected, typeof seen === "string" ? seen : show(seen));
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * `promise`, or a Mismatch that says `what` did not happen within `ms`. It may be left without
 * being awaited.
 */
export function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    const mismatch = new Mismatch(what, `within ${ms} ms`, `nothing in ${ms} ms`);
    timer = setTimeout(() => reject(mismatch), ms);
  });
  const first = Promise.race([promise, late]).finally(() => clearTimeout(timer));
  first.catch(() => {});
  return first;
}

/** Runs a case: how long it took, and if it failed the error, and the `stall` in its time if any. */
async function runCase(one) {
  const scope = new Scope();
  const mark = clock.mark();
  try {
    await within(one.ms ?? CASE_MS, "the whole case", one.fn(scope));
    return { one, ms: performance.now() - mark.at };
  } catch (error) {
    return { one, error, stall: clock.since(mark), ms: performance.now() - mark.at };
  } finally {
    await scope.close();
  }
}

function report(result, verbose) {
  const { one, error, ms } = result;
  if (!error) {
    if (verbose) console.log(`ok   ${one.name} (${ms.toFixed(0)} ms)`);
    return;
  }
  console.log(`FAIL ${one.name}`);
  if (error instanceof Mismatch) {
    console.log(`       ${error.message}`);
    console.log(`       expected: ${error.expected}`);
    console.log(`       seen:     ${error.seen}`);
  } else {
    const lines = String(error?.stack ?? error).split("\n");
    console.log(`       ${lines.slice(0, 4).join("\n       ")}`);
  }
}

/** How long a good client waits for its handshake, less what this process itself was late. */
async function nextClientMs(probe) {
  const lag = monitorEventLoopDelay({ resolution: 5 });
  lag.enable();
  const start = performance.now();
  await within(5_000, "serving the next client", probe());
  lag.disable();
  return performance.now() - start - lag.max / 1e6;
}

/** Runs a case; bad input may cost its sender only, so the next client must be served at once. */
async function runAndProbe(one, probe) {
  const result = await runCase(one);
  if (!probe || result.error) return [result];
  const mark = clock.mark();
  const ms = [];
  try {
    // A busy machine is slow once in a while; a server that stalls does it each time.
    for (;;) {
      ms.push(await nextClientMs(probe));
      if (ms.at(-1) <= NEXT_CLIENT_MS) return [result];
      if (ms.length === NEXT_CLIENT_TRIES) break;
      await runCase(one);
    }
    const seen = ms.map((one) => `${one.toFixed(0)} ms`).join(", ");
    throw new Mismatch("time to serve", `within ${NEXT_CLIENT_MS} ms`, seen);
  } catch (error) {
    const next = { name: `the next client after "${one.name}" is served` };
    return [result, { one: next, error, stall: clock.since(mark) }];
  }
}

const isRefused = ({ error }) => error?.code === "ECONNREFUSED";

/** Whether nobody listens there any more. */
function isGone(url) {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port || 80), hostname);
  return new Promise((resolve) => {
    socket.on("connect", () => resolve(false));
    socket.on("error", (error) => resolve(isRefused({ error })));
  }).finally(() => socket.destroy());
}

/** Runs everything registered, prints the closing line and ends the process. */
export async function run(options, { probe } = {}) {
  const chosen = cases.filter(
    (one) => !(options.reference && one.ours) && (!options.only || one.name.includes(options.only)),
  );
  const counts = { passed: 0, failed: 0 };
  const note = (result) => {
    counts[result.error ? "failed" : "passed"] += 1;
    report(result, options.verbose);
  };
  const aside = [];
  /** Runs a case and counts it, or puts it aside if the machine stood still when it failed. */
  const settle = async (one, tries = 0) => {
    const results = one.beside ? [await runCase(one)] : await runAndProbe(one, probe);
    const stalled = results.find((result) => result.stall && !isRefused(result));
    if (stalled && tries < TRIES_ALONE) {
      console.log(`again ${stalled.one.name}: the machine stood still (${stalled.stall})`);
      aside.push({ one, results, tries });
    } else results.forEach(note);
    return results;
  };
  if (probe) await within(WAIT_MS, "the first answer of the server", probe());
  const beside = chosen.filter((one) => one.beside).map((one) => settle(one));
  // The waiting ones must answer heartbeats in time: most are over before the busy ones begin.
  await Promise.race([Promise.all(beside), pause(BESIDE_MS)]);
  for (const one of chosen.filter((one) => !one.beside)) {
    const results = await settle(one);
    if (results.some(isRefused)) {
      console.log(`the server is gone after "${one.name}"; the rest is not run`);
      break;
    }
  }
  await Promise.all(beside);
  while (aside.length > 0) {
    const { one, results, tries } = aside.shift();
    if (await isGone(options.url)) results.forEach(note);
    else {
      await clock.quiet();
      await settle(one, tries + 1);
    }
  }
  const skipped = cases.filter((one) => options.reference && one.ours).length;
  if (skipped) console.log(`${skipped} cases ask more than the reference does and were skipped`);
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
}
