// A TCP proxy whose network can fail: cut, refuse, fall silent. JavaScript suites make one of their
// own; others start `node proxy.mjs HOST:PORT`, read `READY PORT`, write the name of a verb in a
// line, and read `ok` when it is done.

import net from "node:net";
import readline from "node:readline";

export class Proxy {
  #target;
  #server;
  #links = new Set();
  #isSilent = false;

  /** Listens on a port of its own for connections to `host:port`. */
  static async open(target) {
    const proxy = new Proxy(target);
    await proxy.listen();
    return proxy;
  }

  constructor(target) {
    const [host, port] = target.split(":");
    this.#target = { host, port: Number(port) };
    this.port = 0;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends every connection at once, on both sides. */
  cut() {
    for (const { near, far } of this.#links) {
      near.resetAndDestroy();
      far?.resetAndDestroy();
    }
    this.#links.clear();
  }

  /** Ends the clients' side of every connection; the server does not hear of it. */
  lose() {
    for (const link of this.#links) {
      link.isDead = true;
      link.near.resetAndDestroy();
    }
  }

  /** From now on nothing gets through, in either direction, and nobody is told. */
  silence() {
    this.#isSilent = true;
    for (const link of this.#links) link.isDead = true;
  }

  /** New connections get through again. Those that were silent stay so. */
  resume() {
    this.#isSilent = false;
  }

  /** Cuts, and refuses connections from now on. */
  async refuse() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  /** Takes connections, after `refuse` on the same port as before. */
  async listen() {
    this.#server = net.createServer((near) => this.#link(near));
    await new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.port, "127.0.0.1", resolve);
    });
    this.port = this.#server.address().port;
  }

  async close() {
    if (this.#server.listening) await this.refuse();
  }

  #link(near) {
    const link = { near, far: null, isDead: this.#isSilent };
    this.#links.add(link);
    near.setNoDelay(true);
    // A reset is what this is for.
    near.on("error", () => {});
    if (link.isDead) return near.resume();
    const far = net.connect(this.#target).setNoDelay(true);
    link.far = far;
    far.on("error", () => {});
    const pass = (from, to) => {
      from.on("data", (bytes) => {
        if (link.isDead) return;
        if (to.write(bytes)) return;
        from.pause();
        to.once("drain", () => from.resume());
      });
      from.on("close", () => {
        if (link.isDead) return;
        this.#links.delete(link);
        to.destroySoon();
      });
    };
    pass(near, far);
    pass(far, near);
  }
}

async function main(target) {
  const proxy = await Proxy.open(target);
  console.log(`READY ${proxy.port}`);
  for await (const verb of readline.createInterface({ input: process.stdin })) {
    await proxy[verb]();
    console.log("ok");
  }
  // Nobody is there any more to end it.
  process.exit();
}

if (process.argv[1] === import.meta.filename) await main(process.argv[2]);
