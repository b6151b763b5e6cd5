// A Parlor server of its own for a test, and waiting for what happens with a deadline.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TestContext } from "node:test";
import { connect, type Options, type Parlor } from "../src/index.js";

/** How long anything may take: a busy machine is slow, a broken one never done. */
export const WAIT_MS = 15_000;

const ROOT = new URL("../../../../", import.meta.url);
const BINARY = process.env["PARLOR"] ?? fileURLToPath(new URL("target/debug/parlor", ROOT));

/** A server that listens on a port of its own. */
export class Server {
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.url = url;
  }

  /** Starts one; `port` 0: a free one. */
  static async start(t: TestContext, port = 0, ...flags: string[]): Promise<Server> {
    const all = ["dev", "--server-port", String(port), "--server-shards", "2", ...flags];
    const child = spawn(BINARY, all, { stdio: ["ignore", "pipe", "pipe"] });
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
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await ended;
  }

  /** Somebody who is connected until the test ends. */
  async player(t: TestContext, player: string, options: Options = {}): Promise<Parlor> {
    const parlor = await connect(this.url, { player, timeoutMs: WAIT_MS, ...options });
    t.after(() => parlor.close());
    return parlor;
  }
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
