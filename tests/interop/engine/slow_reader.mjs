// A client that asks and does not read (ws-23; DESIGN.md, slow readers).

import { check, equal, that, within } from "../harness.mjs";
import { OPCODE, RawWs, frame, parseFrame } from "../wire.mjs";

const PIECE = 100_000;

/** The number at the front of an echo, which tells that nothing is lost or out of order. */
const numberOf = (payload) => Number(payload.subarray(1, 9).toString());
const message = (i) => `4${String(i).padStart(8, "0")}${"a".repeat(PIECE - 9)}`;

export function slowReaderCases(server) {
  check("a client that pauses gets everything it asked for when it reads on", async (t) => {
    const raw = await RawWs.open(t, server);
    await raw.text("the open packet");
    raw.tcp.socket.pause();
    for (let i = 0; i < 5; i++) await raw.send(OPCODE.text, message(i));
    await new Promise((resolve) => setTimeout(resolve, 100));
    raw.tcp.socket.resume();
    for (let i = 0; i < 5; i++) equal(numberOf(Buffer.from(await raw.text())), i, "the echo");
  });

  check(
    "a client that never reads is cut off, and what it did get is whole and in order",
    { ours: "ws-23; the reference queues without bound", ms: 40_000 },
    async (t) => {
      const raw = await RawWs.open(t, server);
      await raw.text("the open packet");
      raw.tcp.socket.pause();
      const flood = async () => {
        // Far more than two kernels buffer; ends when the server is no longer there.
        for (let i = 0; i < 2_000; i++) {
          if (!(await raw.write(frame(OPCODE.text, message(i))))) return;
          if (raw.tcp.over) return;
        }
      };
      const gone = new Promise((resolve) => raw.tcp.socket.once("close", resolve));
      // The queue overflows at once, or nothing is taken for write_stall_timeout (10 s).
      const flooding = flood();
      await within(
        20_000,
        "the server cuts the connection",
        Promise.race([flooding, gone, stalled(raw)]),
      );
      raw.tcp.socket.resume();
      await raw.tcp.end(5_000);
      let at = 0;
      let seen = 0;
      let code = null;
      for (;;) {
        const found = parseFrame(raw.tcp.seen.subarray(at));
        if (!found) break;
        at += found.end;
        if (found.opcode === OPCODE.close) code = found.payload.readUInt16BE(0);
        else if (found.payload.length > 9) equal(numberOf(found.payload), seen++, "the echo");
      }
      that(seen < 2_000, "echoes", "less than all", seen);
      that(
        code === null || code === 1013,
        "the close code, if one could still be sent",
        "1013",
        code,
      );
    },
  );
}

/**
 * Resolves when nothing was written for 12 s: the server has stopped reading and must have closed.
 */
async function stalled({ tcp: { socket } }) {
  let last = socket.bytesWritten;
  for (let quiet = 0; quiet < 12;) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const pending = socket.bytesWritten - socket.writableLength;
    quiet = pending === last ? quiet + 1 : 0;
    last = pending;
  }
}
