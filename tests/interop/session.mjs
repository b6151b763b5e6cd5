// Engine.IO sessions as a client sees them, over polling and over WebSocket, for both suites.

import http from "node:http";
import { equal, fail, pause, within } from "./harness.mjs";
import { SEPARATOR } from "./wire.mjs";

export const POLLING = "EIO=4&transport=polling";
export const WEBSOCKET = "EIO=4&transport=websocket";

/** Reads the open packet `0{…}`. */
export function parseOpen(packet) {
  if (typeof packet !== "string" || packet[0] !== "0") fail("the first packet", "0{…}", packet);
  return JSON.parse(packet.slice(1));
}

/** A session over long-polling. Its requests share a pool of connections, as a browser's do. */
export class Polling {
  static async open(t, server, extra = "") {
    const agent = new http.Agent({ keepAlive: true });
    t.defer(() => agent.destroy());
    const session = new Polling(t, server, agent);
    session.askedAt = performance.now();
    const answer = await session.#request("GET", POLLING + extra);
    equal(answer.status, 200, "the status of the handshake");
    session.handshake = answer;
    session.open = parseOpen(answer.text);
    session.sid = session.open.sid;
    return session;
  }

  #kept = [];
  #posting = Promise.resolve();

  constructor(t, server, agent) {
    this.t = t;
    this.server = server;
    this.agent = agent;
  }

  #request(method, query, options) {
    return this.server.request(this.t, method, query, { agent: this.agent, ...options });
  }

  get query() {
    return `${POLLING}&sid=${this.sid}`;
  }

  /** One GET. */
  get(options) {
    return this.#request("GET", this.query, options);
  }

  /** One GET that can be aborted. */
  beginGet(options) {
    return this.server.begin(this.t, "GET", this.query, { agent: this.agent, ...options });
  }

  /**
   * One POST of a body as it is, after the one before it: pongs share the session with the case.
   */
  post(body, options) {
    const posted = this.#posting.then(() =>
      this.#request("POST", this.query, { body, ...options }),
    );
    this.#posting = posted.catch(() => {});
    return posted;
  }

  /** One POST of packets that must be answered 200 `ok`. */
  async send(...packets) {
    const answer = await this.post(packets.join(SEPARATOR));
    equal([answer.status, answer.text], [200, "ok"], "the answer to a POST");
  }

  /** The packets of one GET that must be answered 200; pings are answered and left out. */
  async poll(options) {
    const answer = await this.get(options);
    equal(answer.status, 200, "the status of a poll");
    const packets = answer.text.split(SEPARATOR);
    if (packets.includes("2")) await this.send("3");
    return packets.filter((packet) => packet !== "2");
  }

  /** The next `count` packets besides pings and noops, over as many GETs as it takes. */
  async take(count) {
    while (this.#kept.length < count) {
      const packets = await this.poll();
      if (packets.includes("1")) fail("a poll", "messages", packets);
      this.#kept.push(...packets.filter((packet) => packet !== "6"));
    }
    return this.#kept.splice(0, count);
  }

  /** Waits until the server no longer knows the session, while its pings are answered. */
  async gone(ms = 1_000) {
    const watch = async () => {
      for (;;) {
        const answer = await this.get();
        if (answer.status === 400) {
          equal(answer.text, '{"code":1,"message":"Session ID unknown"}', "an unknown session");
          return;
        }
        if (answer.text.split(SEPARATOR).includes("2")) await this.post("3");
        else await pause(5);
      }
    };
    await within(ms, "the session is gone", watch());
  }

  /** Fails unless the session still echoes. */
  async echoes(word = "still here") {
    await this.send(`4${word}`);
    equal(await this.take(1), [`4${word}`], "the echo of a living session");
  }
}

/** A session over WebSocket, its open packet read. */
export async function openWs(t, server, { query = WEBSOCKET, ...options } = {}) {
  const askedAt = performance.now();
  const client = await server.ws(t, query, options);
  client.open = parseOpen(await client.next());
  client.askedAt = askedAt;
  client.sid = client.open.sid;
  return client;
}

/** Opens the candidate of an upgrade and has its probe answered. */
export async function probe(t, session, options) {
  const candidate = await session.server.ws(t, `${WEBSOCKET}&sid=${session.sid}`, options);
  candidate.send("2probe");
  equal(await candidate.next(), "3probe", "the answer to the probe");
  return candidate;
}

/** A session that was opened over polling and upgraded. */
export async function openUpgraded(t, server) {
  const session = await Polling.open(t, server);
  const socket = await probe(t, session);
  socket.send("5");
  socket.sid = session.sid;
  socket.polling = session;
  return socket;
}
