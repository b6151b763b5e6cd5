// One Socket.IO client written by hand, over any transport: packets go out as they are given and
// come in decoded. Engine.IO below it is taken for granted; see engine.mjs.

import { Mismatch, WAIT_MS, equal, fail, pause, within } from "../harness.mjs";
import { Polling, WEBSOCKET, parseOpen } from "../session.mjs";
import { Inbox, OPCODE, RawWs, SEPARATOR, closeBody, frame } from "../wire.mjs";

export const TRANSPORTS = ["polling", "websocket", "upgraded"];

/** Opens a connection over the named transport; no namespace is joined yet. */
export async function connect(t, server, transport) {
  const connection = await { polling: overPolling, websocket: overWebSocket, upgraded }[transport](
    t,
    server,
  );
  connection.transport = transport === "polling" ? "polling" : "websocket";
  return connection;
}

/** Opens a connection, joins a namespace and reads the answer and the `auth` event. */
export async function join(t, server, transport, nsp = "/", auth) {
  const connection = await connect(t, server, transport);
  connection.socketId = await connection.join(nsp, auth);
  return connection;
}

async function overPolling(t, server) {
  const session = await Polling.open(t, server);
  return new PollingConnection(session);
}

async function overWebSocket(t, server) {
  const raw = await RawWs.open(t, server, WEBSOCKET);
  const open = parseOpen(await raw.text("the open packet"));
  return new WsConnection(raw, open.sid);
}

async function upgraded(t, server) {
  const session = await Polling.open(t, server);
  const raw = await RawWs.open(t, server, `${WEBSOCKET}&sid=${session.sid}`);
  await raw.send(OPCODE.text, "2probe");
  equal(await raw.text(), "3probe", "the answer to the probe");
  await raw.send(OPCODE.text, "5");
  return new WsConnection(raw, session.sid);
}

/** What both transports share: the queue of messages, and reading it as packets. */
class Connection {
  inbox = new Inbox();

  constructor(engineSid) {
    this.engineSid = engineSid;
    this.ended = new Promise((resolve) => (this.end = resolve));
    this.ended.then((how) =>
      this.inbox.finish(
        new Mismatch("the connection", "stays open", `closed: ${JSON.stringify(how)}`),
      ),
    );
  }

  /** Sends one packet; a Buffer is an attachment. */
  send(packet) {
    return this.burst([packet]);
  }

  /** The next message: text without its Engine.IO type, or a Buffer. */
  next(what = "the next packet", ms = WAIT_MS) {
    return this.inbox.take(ms, what);
  }

  /** The next packet, decoded, its attachments in their places. */
  async packet(what) {
    const head = await this.next(what);
    if (typeof head !== "string") fail(what ?? "the next packet", "text", head);
    const decoded = decode(head);
    const attachments = [];
    while (attachments.length < decoded.attachments)
      attachments.push(await this.next("an attachment"));
    if (decoded.attachments > 0) decoded.data = fill(decoded.data, attachments);
    delete decoded.attachments;
    return decoded;
  }

  /** Expects an event of this namespace and gives its arguments. */
  async event(name, nsp = "/") {
    const packet = await this.packet(`the event ${name}`);
    equal([packet.type, packet.nsp, packet.data?.[0]], [2, nsp, name], `the event ${name}`);
    return packet.data.slice(1);
  }

  /** Joins a namespace; gives the id of its socket. */
  async join(nsp = "/", auth) {
    const where = nsp === "/" ? "" : `${nsp},`;
    await this.send(`0${where}${auth === undefined ? "" : JSON.stringify(auth)}`);
    const answer = await this.packet("the answer to CONNECT");
    equal([answer.type, answer.nsp], [0, nsp], "the answer to CONNECT");
    equal(await this.event("auth", nsp), [auth ?? {}], "the auth event");
    return answer.data.sid;
  }

  /** Fails unless the main namespace still echoes. */
  async echoes() {
    await this.send('2["message","still here"]');
    equal(await this.next("the echo"), '2["message-back","still here"]', "the echo");
  }

  /** Waits for the end: `{code}` over WebSocket, `{status}` over polling. */
  closed(ms = 2_000) {
    return within(ms, "the connection is closed", this.ended);
  }

  rest() {
    return this.inbox.takeAll();
  }
}

class WsConnection extends Connection {
  constructor(raw, engineSid) {
    super(engineSid);
    this.raw = raw;
    this.#read();
  }

  async #read() {
    try {
      for (;;) {
        const { opcode, payload } = await this.raw.frame("a frame", 600_000);
        if (opcode === OPCODE.close) {
          const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
          await this.raw.send(OPCODE.close, closeBody(1000));
          return this.end({ code, reason: payload.subarray(2).toString() });
        }
        if (opcode === OPCODE.binary) this.inbox.push(Buffer.from(payload));
        else if (payload.toString() === "2") await this.raw.send(OPCODE.text, "3");
        else this.inbox.push(payload.toString().slice(1));
      }
    } catch {
      this.end({ code: 1006, reason: "" });
    }
  }

  /** Sends packets in one TCP segment (if it can hold them). */
  burst(packets) {
    const frames = packets.map((packet) =>
      typeof packet === "string" ? frame(OPCODE.text, `4${packet}`) : frame(OPCODE.binary, packet),
    );
    return this.raw.write(Buffer.concat(frames));
  }
}

class PollingConnection extends Connection {
  constructor(session) {
    super(session.sid);
    this.session = session;
    this.#read();
  }

  async #read() {
    try {
      for (;;) {
        const { status, text } = await this.session.get({ ms: 60_000 });
        if (status !== 200) return this.end({ status });
        const packets = text.split(SEPARATOR);
        for (const packet of packets) {
          if (packet[0] === "4") this.inbox.push(packet.slice(1));
          else if (packet[0] === "b") this.inbox.push(Buffer.from(packet.slice(1), "base64"));
        }
        if (packets.includes("1")) return this.end({ status, text });
        if (packets.includes("2")) await this.post(["3"]);
      }
    } catch (error) {
      this.end({ error: String(error.message) });
    }
  }

  /** Sends packets in one payload. */
  burst(packets) {
    return this.post(
      packets.map((packet) =>
        typeof packet === "string" ? `4${packet}` : `b${packet.toString("base64")}`,
      ),
    );
  }

  async post(packets) {
    return (await this.session.post(packets.join(SEPARATOR))).status;
  }
}

/** Decodes the text of a packet (Socket.IO protocol v5, "Packet encoding"). */
export function decode(text) {
  const shape = /^([0-6])(?:(\d+)-)?(?:(\/[^,]*),)?(\d+)?(.*)$/s.exec(text);
  // `4/nsp` without a comma does not occur in what a server sends: CONNECT answers carry data.
  if (!shape) fail("a packet of the server", "type, namespace, id, JSON", text);
  const [, type, attachments, nsp, id, json] = shape;
  const packet = { type: Number(type), nsp: nsp ?? "/", attachments: 0 };
  if (packet.type >= 5) {
    packet.type -= 3;
    packet.attachments = Number(attachments);
  } else if (attachments !== undefined) {
    fail("a packet of the server", "no attachments", text);
  }
  if (id !== undefined) packet.id = Number(id);
  if (json !== "") packet.data = JSON.parse(json);
  return packet;
}

function fill(value, attachments) {
  if (value?._placeholder === true) return attachments[value.num];
  if (Array.isArray(value)) return value.map((item) => fill(item, attachments));
  if (value && typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, fill(item, attachments)]),
    );
  }
  return value;
}

/** Nothing more may come: `pause` is the time it would have taken. */
export async function staysSilent(connection, what, ms = 50) {
  await pause(ms);
  equal(connection.rest(), [], what);
}
