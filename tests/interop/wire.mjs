// What travels: HTTP requests, raw TCP, WebSocket frames written by hand, and the two Engine.IO
// transports as sessions with deadlines. No rule of a protocol is judged here.

import http from "node:http";
import net from "node:net";
import { createHash, randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import { Mismatch, WAIT_MS, fail, within } from "./harness.mjs";

export const SEPARATOR = "\x1e";
// How long an end may take that is at once: less than the timers that would bring it as well.
const END_MS = 3_000;

/** The server under test and the path of its Engine.IO. */
export class Server {
  constructor(url, path) {
    const { hostname, port } = new URL(url);
    this.host = hostname;
    this.port = Number(port || 80);
    this.path = path;
  }

  /** Path and query; `query` is a string, or an object of parameters. */
  address(query, path = this.path) {
    const text = typeof query === "string" ? query : new URLSearchParams(query).toString();
    return text === "" ? path : `${path}?${text}`;
  }

  /** One HTTP request; resolves with status, headers and body as bytes and text. */
  request(t, method, query, options = {}) {
    return this.begin(t, method, query, options).answer;
  }

  /** Like `request`, but gives `{answer, abort}`, so that the client can walk away. */
  begin(
    t,
    method,
    query,
    { body, chunks, headers = {}, agent = false, path, ms = WAIT_MS } = {},
  ) {
    const request = http.request({
      host: this.host,
      port: this.port,
      method,
      path: this.address(query, path),
      headers,
      agent,
    });
    t.defer(() => request.destroy());
    const answer = new Promise((resolve, reject) => {
      request.on("error", reject);
      request.on("response", (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          const bytes = Buffer.concat(parts);
          const { statusCode: status, headers } = response;
          resolve({ status, headers, bytes, text: bytes.toString() });
        });
      });
    });
    if (chunks) {
      for (const chunk of chunks) request.write(chunk);
      request.end();
    } else {
      request.end(body);
    }
    return {
      answer: within(
        ms,
        `an answer to ${method} ${this.address(query, path).slice(0, 120)}`,
        answer,
      ),
      abort: () => request.destroy(),
    };
  }

  /** A TCP connection for bytes that no library would send. */
  tcp(t) {
    return Tcp.open(t, this);
  }

  /** A `ws` client; Engine.IO pings are answered unseen unless `heartbeat` is false. */
  ws(t, query, options = {}) {
    return WsClient.open(t, this, query, options);
  }
}

/** The two ends of a queue: what arrives is kept until somebody asks for it. */
export class Inbox {
  #items = [];
  #waiting = [];
  #end = null;

  push(item) {
    const taker = this.#waiting.shift();
    if (taker) taker.resolve(item);
    else this.#items.push(item);
  }

  finish(why) {
    this.#end ??= why;
    for (const taker of this.#waiting.splice(0)) taker.reject(this.#end);
  }

  take(ms, what) {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    const taken = this.#end
      ? Promise.reject(this.#end)
      : new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    return within(ms, what, taken);
  }

  takeAll() {
    return this.#items.splice(0);
  }
}

/** A WebSocket of the `ws` package, seen as a queue of messages and one end. */
export class WsClient {
  static async open(t, server, query, { heartbeat = true, headers, protocols, path } = {}) {
    const url = `ws://${server.host}:${server.port}${server.address(query, path)}`;
    const socket = new WebSocket(url, protocols, { headers, maxPayload: 0 });
    t.defer(() => socket.terminate());
    const client = new WsClient(socket, heartbeat);
    await within(WAIT_MS, "the WebSocket opens", client.opened);
    return client;
  }

  /** Tries to open and gives the HTTP answer `{status, headers, text}` that refused it. */
  static async refused(t, server, query, options = {}) {
    const url = `ws://${server.host}:${server.port}${server.address(query, options.path)}`;
    const socket = new WebSocket(url, { headers: options.headers });
    t.defer(() => socket.terminate());
    const refusal = new Promise((resolve, reject) => {
      socket.on("error", () => {});
      socket.on("open", () => reject(new Mismatch("the WebSocket", "refused", "opened")));
      socket.on("close", () => reject(new Mismatch("the refusal", "an HTTP answer", "none")));
      socket.on("unexpected-response", (_request, response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("end", () => {
          const text = Buffer.concat(parts).toString();
          resolve({ status: response.statusCode, headers: response.headers, text });
        });
      });
    });
    return within(WAIT_MS, "the WebSocket is refused", refusal);
  }

  #inbox = new Inbox();

  constructor(socket, heartbeat) {
    this.socket = socket;
    this.heartbeat = heartbeat;
    this.opened = new Promise((resolve, reject) => {
      socket.on("open", resolve);
      socket.on("error", reject);
    });
    this.ended = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on("message", (data, isBinary) => this.#onMessage(data, isBinary));
    this.ended.then((end) =>
      this.#inbox.finish(new Mismatch("the WebSocket", "stays open", `closed ${end.code}`)),
    );
  }

  #onMessage(data, isBinary) {
    const message = isBinary ? data : data.toString();
    if (this.heartbeat && message === "2") this.send("3");
    else this.#inbox.push(message);
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(message);
  }

  next(ms = WAIT_MS) {
    return this.#inbox.take(ms, "the next message");
  }

  async take(count, ms = WAIT_MS) {
    const messages = [];
    while (messages.length < count) messages.push(await this.next(ms));
    return messages;
  }

  /** What arrived and was not asked for. */
  rest() {
    return this.#inbox.takeAll();
  }

  /** Waits for the end of the connection: `{code, reason}`. */
  closed(ms = 1_000) {
    return within(ms, "the WebSocket closes", this.ended);
  }

  close(code, reason) {
    this.socket.close(code, reason);
  }

  /** The TCP connection breaks off without a word. */
  drop() {
    this.socket.terminate();
  }
}

/** A TCP connection and everything that came in so far. */
export class Tcp {
  static async open(t, { host, port }) {
    const socket = net.connect({ host, port, noDelay: true });
    t.defer(() => socket.destroy());
    const tcp = new Tcp(socket);
    await within(WAIT_MS, "the TCP connection", tcp.connected);
    return tcp;
  }

  #wake = () => {};
  #parts = [];

  constructor(socket) {
    this.socket = socket;
    this.over = false;
    this.connected = new Promise((resolve, reject) => {
      socket.on("connect", resolve);
      socket.on("error", reject);
    });
    this.connected.catch(() => {});
    socket.on("data", (data) => {
      this.#parts.push(data);
      this.#wake();
    });
    socket.on("close", () => {
      this.over = true;
      this.#wake();
    });
    socket.on("end", () => {
      this.over = true;
      this.#wake();
    });
  }

  /** What came in and was not taken off yet. */
  get seen() {
    if (this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0] ?? Buffer.alloc(0);
  }

  set seen(rest) {
    this.#parts = [rest];
  }

  /** Writes; resolves when the kernel has it (or the connection is gone). */
  write(data) {
    return new Promise((resolve) => {
      if (this.socket.destroyed || !this.socket.writable) resolve(false);
      else this.socket.write(data, (error) => resolve(!error));
    });
  }

  /** Waits until `ready()` gives something, or the peer ends the connection. */
  async until(ready, what, ms = WAIT_MS) {
    const settled = (async () => {
      for (;;) {
        const found = ready();
        if (found !== undefined) return found;
        if (this.over) fail(what, "before the connection ends", "the connection ended");
        await new Promise((resolve) => (this.#wake = resolve));
      }
    })();
    return within(ms, what, settled);
  }

  /** Waits until the peer ends the connection; gives everything it said. */
  async end(ms = END_MS) {
    await this.until(() => (this.over ? true : undefined), "the server ends the connection", ms);
    return this.seen.toString("latin1");
  }

  /** Reads one HTTP answer off the front: `{status, headers, text}`. */
  async httpAnswer(ms = WAIT_MS) {
    const { head, after } = await this.until(() => splitHead(this.seen), "an HTTP answer", ms);
    const { status, headers } = parseHead(head);
    const bodyless = status === 101 || status === 204 || status === 100;
    const length = bodyless ? 0 : Number(headers["content-length"] ?? NaN);
    if (Number.isNaN(length)) {
      const chunked = /chunked/i.test(headers["transfer-encoding"] ?? "");
      const body = await this.until(() => readUnsized(this, after, chunked), "the body", ms);
      this.seen = this.seen.subarray(body.end);
      return { status, headers, text: body.text };
    }
    await this.until(() => (this.seen.length >= after + length ? true : undefined), "the body", ms);
    const text = this.seen.subarray(after, after + length).toString();
    this.seen = this.seen.subarray(after + length);
    return { status, headers, text };
  }
}

function splitHead(bytes) {
  const at = bytes.indexOf("\r\n\r\n");
  return at < 0 ? undefined : { head: bytes.subarray(0, at).toString("latin1"), after: at + 4 };
}

function parseHead(head) {
  const [first, ...lines] = head.split("\r\n");
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(first.split(" ")[1]), headers };
}

function readUnsized(tcp, after, chunked) {
  if (!chunked) {
    if (!tcp.over) return undefined;
    return { text: tcp.seen.subarray(after).toString(), end: tcp.seen.length };
  }
  let at = after;
  const parts = [];
  for (;;) {
    const line = tcp.seen.indexOf("\r\n", at);
    if (line < 0) return undefined;
    const size = parseInt(tcp.seen.subarray(at, line).toString(), 16);
    if (tcp.seen.length < line + 4 + size) return undefined;
    parts.push(tcp.seen.subarray(line + 2, line + 2 + size));
    at = line + 4 + size;
    if (size === 0) return { text: Buffer.concat(parts).toString(), end: at };
  }
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** One WebSocket frame; every field can be set wrong on purpose. */
export function frame(
  opcode,
  payload = "",
  { fin = true, rsv = 0, mask = true, declare, key } = {},
) {
  const body = Buffer.from(payload);
  const length = declare ?? BigInt(body.length);
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const maskBit = mask ? 0x80 : 0;
  const extended = Buffer.alloc(length < 126n ? 0 : length < 65536n ? 2 : 8);
  if (length < 126n) head.push(maskBit | Number(length));
  else if (length < 65536n) {
    head.push(maskBit | 126);
    extended.writeUInt16BE(Number(length));
  } else {
    head.push(maskBit | 127);
    extended.writeBigUInt64BE(length);
  }
  if (!mask) return Buffer.concat([Buffer.from(head), extended, body]);
  const maskKey = key ?? randomBytes(4);
  const masked = Buffer.from(body.map((byte, index) => byte ^ maskKey[index & 3]));
  return Buffer.concat([Buffer.from(head), extended, maskKey, masked]);
}

export const closeBody = (code, reason = "") => {
  const body = Buffer.alloc(2 + Buffer.byteLength(reason));
  body.writeUInt16BE(code);
  body.write(reason, 2);
  return body;
};

/** Takes one server frame off `bytes`; undefined while it is incomplete. */
export function parseFrame(bytes) {
  if (bytes.length < 2) return undefined;
  let length = bytes[1] & 0x7f;
  let at = 2;
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  if (bytes.length < at + length) return undefined;
  return {
    fin: (bytes[0] & 0x80) !== 0,
    rsv: (bytes[0] >> 4) & 7,
    opcode: bytes[0] & 0x0f,
    masked: (bytes[1] & 0x80) !== 0,
    headLength: at,
    payload: bytes.subarray(at, at + length),
    end: at + length,
  };
}

export const WS_KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** The `Sec-WebSocket-Accept` that answers `key` (RFC 6455, 4.2.2). */
export const acceptFor = (key) =>
  createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

/** The text of an upgrade request; a header set to null is left out. */
export function upgradeRequest(server, query, { method = "GET", headers = {}, path } = {}) {
  const all = {
    Host: `${server.host}:${server.port}`,
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": WS_KEY,
    ...headers,
  };
  const lines = Object.entries(all)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${server.address(query, path)} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** A WebSocket on raw TCP: frames go out as they are given and come in as they are. */
export class RawWs {
  static async open(t, server, query = "EIO=4&transport=websocket", options = {}) {
    const tcp = await server.tcp(t);
    await tcp.write(upgradeRequest(server, query, options));
    const answer = await tcp.httpAnswer();
    if (answer.status !== 101) fail("the upgrade", "101", answer);
    return new RawWs(tcp);
  }

  constructor(tcp) {
    this.tcp = tcp;
  }

  write(data) {
    return this.tcp.write(data);
  }

  send(opcode, payload, options) {
    return this.write(frame(opcode, payload, options));
  }

  /** The next frame of any kind. */
  async frame(what = "a frame", ms = WAIT_MS) {
    const found = await this.tcp.until(() => parseFrame(this.tcp.seen), what, ms);
    this.tcp.seen = this.tcp.seen.subarray(found.end);
    return found;
  }

  /** The next frame that is no Engine.IO ping (those are answered). */
  async next(what = "a frame", ms = WAIT_MS) {
    for (;;) {
      const found = await this.frame(what, ms);
      if (found.opcode !== OPCODE.text || found.payload.toString() !== "2") return found;
      await this.send(OPCODE.text, "3");
    }
  }

  /** The next message as text, which must be one whole text frame. */
  async text(what = "a text message", ms = WAIT_MS) {
    const found = await this.next(what, ms);
    if (found.opcode !== OPCODE.text) fail(what, "a text frame", found);
    return found.payload.toString();
  }

  /** Waits for the close frame, skipping data: its code (1005 if it has none) and reason. */
  async closeFrame(ms = END_MS) {
    for (;;) {
      const found = await this.next("a close frame", ms);
      if (found.opcode !== OPCODE.close) continue;
      if (found.payload.length < 2) return { code: 1005, reason: "" };
      return { code: found.payload.readUInt16BE(0), reason: found.payload.subarray(2).toString() };
    }
  }
}
