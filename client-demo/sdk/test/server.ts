// A Parlor server of its own for a test, and waiting for what happens with a deadline.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TestContext } from "node:test";
import {
  connect, type CreateRequest, type Emitter, type GameTypes, type Lobby, type Match, type MatchState,
  type Options, type Parlor, type TypesOf,
} from "../src/index.js";

/** How long anything may take: a busy machine is slow, a broken one never done. */
export const WAIT_MS = 15_000;

const ROOT = new URL("../../../../", import.meta.url);
const BINARY = process.env["PARLOR"] ?? fileURLToPath(new URL("target/debug/parlor", ROOT));

/** The countdown to a match is nothing to wait for here. */
const FAST = ["--lobbies-countdown-ms", "50"];

/** Nor is the way back. */
const SOON = { reconnectionDelay: 10, reconnectionDelayMax: 100 };

/** A server that listens on a port of its own. */
export class Server {
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.url = url;
  }

  /** Starts one; `port` 0: a free one. */
  static async start(t: TestContext, flags: string[] = [], port = 0): Promise<Server> {
    const all = ["dev", "--server-port", String(port), "--server-shards", "2", ...FAST, ...flags];
    const child = spawn(BINARY, all, { stdio: ["ignore", "pipe", "pipe"] });
    // However the test ends, and when.
    process.once("exit", () => child.kill());
    t.after(() => child.kill());
    const said: string[] = [];
    const url = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no server: ${said.join("\n")}`)), WAIT_MS);
      const listen = (line: string): void => {
        said.push(line);
        const address = /\b(127\.0\.0\.1:\d+)\b/.exec(line)?.[1];
        if (address === undefined) return;
        clearTimeout(timer);
        resolve(`http://${address}`);
      };
      createInterface({ input: child.stdout }).on("line", listen);
      createInterface({ input: child.stderr }).on("line", listen);
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`no server: ${said.join("\n")}`)));
    });
    const server = new Server(child, url);
    t.after(() => server.stop());
    return server;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Ends it, and waits until it is gone. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit", { signal: AbortSignal.timeout(WAIT_MS) });
    this.#process.kill("SIGTERM");
    await ended;
  }

  /** Somebody who is connected until the test ends. */
  async player(t: TestContext, player: string, options: Options = {}): Promise<Parlor> {
    const parlor = await connect(this.url, { player, timeoutMs: WAIT_MS, socket: SOON, ...options });
    t.after(() => parlor.close());
    return parlor;
  }
}

/** Two players in a match that is on, the first of whom hosts. */
export async function match<Name extends string>(
  t: TestContext,
  server: Server,
  request: CreateRequest<Name>,
): Promise<[Lobby<TypesOf<Name>>, Lobby<TypesOf<Name>>, Parlor, Parlor]> {
  const [ada, bob] = [await server.player(t, "Ada"), await server.player(t, "Bob")];
  const host = await ada.lobbies.create(request);
  const guest = await bob.lobbies.join<TypesOf<Name>>(host.code);
  await guest.ready();
  const began = [host, guest].map((one) => happens(one, "started"));
  await host.start();
  await Promise.all(began);
  return [host, guest, ada, bob];
}

/** Loses the connection as when a cable is pulled: nobody says good-bye. */
export function cut(parlor: Parlor): void {
  const { engine } = parlor.socket.io;
  const { transport } = engine as unknown as { transport: { readyState: string; close(): void } };
  // Between two transports there is none that could be closed.
  if (transport.readyState === "open") transport.close();
  else engine.once("upgrade", () => cut(parlor));
}

/** What comes with an event, when it happens next. */
export function happens<Events, Name extends keyof Events>(
  of: Emitter<Events>,
  name: Name,
): Promise<Events[Name]> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new Error(`${String(name)}: not in time`));
    const timer = setTimeout(late, WAIT_MS);
    of.once(name, (event) => {
      clearTimeout(timer);
      resolve(event);
    });
  });
}

/** The state that fits, as soon as there is one. */
export function state<Types extends GameTypes>(
  of: Match<Types>,
  what: string,
  fits: (state: MatchState<Types>) => boolean,
): Promise<MatchState<Types>> {
  const look = (): MatchState<Types> | false => of.state !== undefined && fits(of.state) && of.state;
  return until(what, (again) => of.onState(again), look);
}

/** Waits until `look` gives something; `hear` calls its argument whenever that may be so. */
export function until<T>(
  what: string,
  hear: (again: () => void) => unknown,
  look: () => T | undefined | false,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what}: not in time`)), WAIT_MS);
    const again = (): void => {
      const found = look();
      if (found === undefined || found === false) return;
      clearTimeout(timer);
      resolve(found);
    };
    hear(again);
    again();
  });
}
