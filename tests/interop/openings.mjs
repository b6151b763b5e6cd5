// Plays the lines of tests/data/chess-openings as games through a running server: white is the
// stock socket.io-client over WebSocket, black is python-socketio (openings_black.py) starting on
// long-polling.
//   node openings.mjs --url http://127.0.0.1:PORT --python PATH
//     [--count 300|all] [--tables 8] [--data DIR]
// Both sides compare the position in the end with what the PGN implies, each by a library of its
// own.
// One game in twenty also tries what must be refused. API: shared/src/api/{mod,lobby,chess}.rs.

import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Chess } from "chess.js";
import { io } from "socket.io-client";
import { WAIT_MS, equal, pause, within } from "./harness.mjs";

const PROBE_EVERY = 20;
const UCI_EVERY = 3;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    python: { type: "string", default: "python3" },
    count: { type: "string", default: "300" },
    tables: { type: "string", default: "8" },
    data: { type: "string", default: here("../data/chess-openings") },
  },
});
if (!options.url) {
  console.error(
    "usage: --url http://127.0.0.1:PORT --python PATH [--count 300|all] [--tables 8] [--data DIR]",
  );
  process.exit(2);
}

/** All lines of the collection, or `count` of them spread evenly. */
function chosenLines() {
  const files = readdirSync(options.data)
    .filter((file) => file.endsWith(".tsv"))
    .sort();
  const lines = files.flatMap((file) =>
    readFileSync(`${options.data}/${file}`, "utf8")
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => {
        const [eco, name, pgn] = line.split("\t");
        return { eco, name, moves: pgn.split(/\s+/).filter((word) => !/^\d+\.+$/.test(word)) };
      }),
  );
  if (options.count === "all") return lines;
  const count = Math.min(Number(options.count), lines.length);
  return Array.from({ length: count }, (_, i) => lines[Math.floor((i * lines.length) / count)]);
}

/** The black side: one process for all games, spoken to by JSON lines. */
class Black {
  #games = new Map();

  constructor() {
    const args = [here("openings_black.py"), "--url", options.url];
    this.process = spawn(options.python, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.process.on("exit", (code) => this.#fail(`the Python process ended with ${code}`));
    this.process.stdin.on("error", () => {}); // Its end is told by "exit".
    this.process.on("error", (error) => this.#fail(`the Python process: ${error.message}`));
    createInterface({ input: this.process.stdout }).on("line", (line) =>
      this.#onLine(JSON.parse(line)),
    );
  }

  #fail(why) {
    for (const game of this.#games.values()) game.push({ failed: why });
    this.failure = why;
  }

  #onLine({ game, ...words }) {
    this.#games.get(game)?.push(words);
  }

  /** Starts a game; gives a way to meet the other side in it. */
  begin(order) {
    const queue = [];
    let wake = () => {};
    let fail;
    const failed = new Promise((_, reject) => (fail = reject));
    failed.catch(() => {});
    const push = (words) => {
      if (words.failed) return fail(new Error(words.failed));
      queue.push(words);
      wake();
    };
    const next = async () => {
      while (queue.length === 0) await new Promise((resolve) => (wake = resolve));
      return queue.shift();
    };
    const hears = async (words, what) =>
      equal(await within(WAIT_MS, what, next()), words, "what black says");
    const write = (words) =>
      this.process.stdin.write(`${JSON.stringify({ game: order.game, ...words })}\n`);
    this.#games.set(order.game, { push });
    if (this.failure) push({ failed: this.failure });
    else write(order);
    return {
      failed, // Rejects with black's complaint.
      reached: (point) => hears({ said: point }, point),
      pass: (point) => write({ go: point }),
      left: () => hears({ left: true }, "black leaves"),
      end: () => {
        this.#games.delete(order.game);
        write({ stop: true }); // Of no consequence once black has left.
      },
    };
  }
}

/** A client in /lobby, with everything that was pushed to it since it entered its lobby. */
class Player {
  static async open() {
    const player = new Player(
      io(`${options.url}/lobby`, { transports: ["websocket"], forceNew: true }),
    );
    await within(WAIT_MS, "white connects", player.connected);
    return player;
  }

  #wake = () => {};

  constructor(socket) {
    this.socket = socket;
    this.connected = new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("connect_error", reject);
    });
    socket.on("disconnect", (reason) =>
      this.#note(() => (this.problem ??= `disconnected: ${reason}`)),
    );
    socket.on("changed", (push) =>
      this.#note(() => this.#count(push.version) && this.changes.push(push.change)),
    );
    socket.on("event", (push) =>
      this.#note(() => this.#count(push.version) && this.events.push(push)),
    );
    socket.on("state", (push) => this.#note(() => this.states.push(push)));
    this.enter(null);
  }

  /** Forgets what was pushed in the last lobby; versions now build on this one. */
  enter(version) {
    Object.assign(this, { version, problem: undefined, changes: [], events: [], states: [] });
  }

  #note(how) {
    how();
    this.#wake();
  }

  #count(version) {
    if (this.version === null) return false; // Still from the lobby that was left.
    if (version !== this.version + 1) this.problem ??= `version ${version} after ${this.version}`;
    this.version = version;
    return true;
  }

  #until(find, what) {
    const wait = async () => {
      for (;;) {
        if (this.problem) throw new Error(this.problem);
        const found = find();
        if (found !== undefined) return found;
        await new Promise((resolve) => (this.#wake = resolve));
      }
    };
    return within(WAIT_MS, what, wait());
  }

  change(type, matches = () => true) {
    return this.#until(
      () => this.changes.find((change) => change.type === type && matches(change)),
      type,
    );
  }

  event(ply) {
    return this.#until(() => this.events[ply - 1], `the event of move ${ply}`);
  }

  state(turn) {
    return this.#until(
      () => this.states.find((state) => state.turn === turn),
      `the state after ${turn} actions`,
    );
  }

  ask(event, ...args) {
    return this.socket.timeout(WAIT_MS).emitWithAck(event, ...args);
  }

  async accepted(event, ...args) {
    const reply = await this.ask(event, ...args);
    equal(
      reply.ok,
      true,
      `the reply to ${event} ${JSON.stringify(args)}: ${JSON.stringify(reply)}: ok`,
    );
    return reply;
  }

  async refused(action, code) {
    const reply = await this.ask("action", action);
    equal([reply.ok, reply.code], [false, code], `the reply to ${JSON.stringify(action)}`);
  }

  close() {
    this.socket.disconnect();
  }
}

const move = (text) => ({ type: "move", move: text });

/** Somebody who comes to look: the server's own word on whether a refusal changed anything. */
async function looksLike(code, { turn, fen, moves }) {
  const spectator = await Player.open();
  try {
    const { lobby, seat } = await spectator.accepted("join", {
      code,
      name: "spectator",
      role: "spectator",
    });
    equal(seat, undefined, "the seat of a spectator");
    const seen = {
      turn: lobby.state.turn,
      fen: lobby.state.view.fen,
      moves: lobby.state.view.moves,
    };
    equal(seen, { turn, fen, moves }, "what a spectator sees");
    equal(lobby.state.view.legal, [], "the legal moves a spectator is told");
    await spectator.accepted("leave");
  } finally {
    spectator.close();
  }
}

async function playGame(white, black, game, line) {
  const probe = game % PROBE_EVERY === 0;
  const uci = game % UCI_EVERY === 0;
  white.enter(null);
  const { lobby, seat } = await createLobby(white);
  white.enter(lobby.version);
  equal([seat, lobby.phase, lobby.host], [0, "open", 0], "seat, phase and host of a new lobby");
  await white.accepted("ready", { ready: true });
  const other = black.begin({ game, code: lobby.code, moves: line.moves, probe, uci });
  try {
    await Promise.race([
      other.failed,
      playMatch({ white, other, line, probe, uci, code: lobby.code }),
    ]);
  } finally {
    other.end();
  }
}

let timesToldToWait = 0;

/**
 * One socket may not open lobbies as fast as this script plays: told so, it waits, as a good client
 * does.
 */
async function createLobby(white) {
  const request = { game: "chess", name: "white" };
  const start = performance.now();
  while (performance.now() - start < WAIT_MS) {
    const reply = await white.ask("create", request);
    if (reply.code !== "E_RATE") {
      equal(reply.ok, true, `the reply to create: ${JSON.stringify(reply)}: ok`);
      return reply;
    }
    timesToldToWait += 1;
    await pause(200);
  }
  throw new Error(`create: still E_RATE after ${WAIT_MS} ms`);
}

/** From both at the table to both gone. */
async function playMatch({ white, other, line, probe, uci, code }) {
  const board = new Chess();
  await white.change("ready", (change) => change.seat === 1 && change.ready);
  await white.accepted("start");
  await white.change("started");
  if (probe) await probesBefore(white, other, code, board);
  for (const [i, san] of line.moves.entries()) {
    const ply = i + 1;
    const [expected, side] = [board.move(san), i % 2 === 0 ? "white" : "black"];
    if (side === "white") {
      const reply = await white.accepted("action", move(uci ? expected.lan : san));
      equal(reply.turn, ply, "the turn of the ack");
    }
    const { turn, event } = await white.event(ply);
    const told = { type: "moved", side, san: expected.san, uci: expected.lan, ply };
    equal([turn, event], [ply, told], `the event of move ${ply}`);
    if (probe && ply === 1) await probesAfterMove(white, other, code, board, line);
  }
  const total = line.moves.length;
  const { view } = await white.state(total);
  equal(view.fen, board.fen(), "the position in the end");
  equal(view.moves, board.history(), "the moves in the end");
  equal([view.white, view.black], [0, 1], "the seats of white and black");
  if (probe) await probesAtEnd(white, board, total);
  equal(white.events.length, total, "the number of moves pushed");
  await other.reached("position compared");
  other.pass("position compared");
  await other.left();
  await white.accepted("leave");
}

/** Before the first move: illegal ones of white, and black out of turn; nothing changes. */
async function probesBefore(white, other, code, board) {
  for (const nonsense of ["e2e5", "Ke2", "e9", "", "Qd8#", "O-O"]) {
    await white.refused(move(nonsense), "E_ILLEGAL_MOVE");
  }
  await other.reached("black tried out of turn");
  await looksLike(code, { turn: 0, fen: board.fen(), moves: [] });
  other.pass("black tried out of turn");
}

/** After the first move: white once more, out of turn. */
async function probesAfterMove(white, other, code, board, line) {
  await white.refused(move("a2a4"), "E_TURN");
  await white.refused(move(line.moves[0]), "E_TURN");
  await other.reached("white tried out of turn");
  await looksLike(code, { turn: 1, fen: board.fen(), moves: board.history() });
  other.pass("white tried out of turn");
}

/** After black gave up: nothing is accepted any more, and the position stays. */
async function probesAtEnd(white, board, total) {
  const { outcome } = await white.change("finished");
  equal(outcome, { winners: [0], reason: "resignation" }, "the outcome");
  for (const action of [move("e2e4"), move("xyz"), { type: "resign" }]) {
    await white.refused(action, "E_MATCH_OVER");
  }
  const state = await white.state(total + 1);
  equal([state.view.fen, state.outcome], [board.fen(), outcome], "the state after the end");
}

async function main() {
  const lines = chosenLines();
  const black = new Black();
  const start = performance.now();
  const counts = { passed: 0, failed: 0 };
  let next = 0;
  const table = async () => {
    let white = null;
    while (next < lines.length) {
      const game = next++;
      const line = lines[game];
      try {
        white ??= await Player.open();
        await playGame(white, black, game, line);
        counts.passed += 1;
      } catch (error) {
        counts.failed += 1;
        console.log(`FAIL game ${game}: ${line.eco} ${line.name}: ${line.moves.join(" ")}`);
        console.log(`       ${error.message}`);
        if (error.expected)
          console.log(`       expected: ${error.expected}\n       seen:     ${error.seen}`);
        white?.close();
        white = null;
      }
      const done = counts.passed + counts.failed;
      if (done % 250 === 0) {
        console.log(
          `${done} of ${lines.length} games, ${((performance.now() - start) / 1_000).toFixed(0)} s`,
        );
      }
    }
    white?.close();
  };
  await Promise.all(Array.from({ length: Number(options.tables) }, table));
  black.process.stdin.end();
  black.process.removeAllListeners("exit");
  const moves = lines.reduce((sum, line) => sum + line.moves.length, 0);
  const seconds = (performance.now() - start) / 1_000;
  if (timesToldToWait)
    console.log(`${timesToldToWait} times told to wait before opening a lobby (E_RATE)`);
  console.log(`${lines.length} games with ${moves} moves in ${seconds.toFixed(1)} s`);
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
}

await main();
