// WebSocket frames one by one, good and bad (RFC 6455 sections 5 and 7; ws-07 to ws-21).

import { check, equal, fail, group, oneOf, that } from "../harness.mjs";
import { OPCODE, RawWs, closeBody, frame } from "../wire.mjs";

const { continuation, text, binary, close, ping, pong } = OPCODE;

export function frameCases(server) {
  const open = async (t) => {
    const raw = await RawWs.open(t, server);
    equal((await raw.text("the open packet"))[0], "0", "the open packet");
    return raw;
  };

  /** These bytes are answered by a close frame with one of these codes, and the end of TCP. */
  const closes = (name, bytes, codes, { ours, ms = 2_000 } = {}) =>
    check(name, { ours }, async (t) => {
      const raw = await open(t);
      raw.write(typeof bytes === "function" ? bytes() : bytes);
      oneOf((await raw.closeFrame(ms)).code, [codes].flat(), "the close code");
      // The server closes TCP once the client has answered the close (RFC 6455, 7.1.1).
      raw.send(close, closeBody(1000));
      await raw.tcp.end(2_000);
    });

  group("well formed", () => {
    check("server frames are unmasked, whole, and as short as can be", async (t) => {
      const raw = await open(t);
      const heads = new Map([
        [1, 2],
        [125, 2],
        [126, 4],
        [127, 4],
        [65_535, 4],
        [65_536, 10],
        [65_537, 10],
      ]);
      for (const [length, headLength] of heads) {
        const word = `4${"a".repeat(length - 1)}`;
        await raw.send(text, word);
        const echo = await raw.next();
        equal(
          { ...echo, payload: echo.payload.length, end: 0 },
          { fin: true, rsv: 0, opcode: text, masked: false, headLength, payload: length, end: 0 },
          `the frame of ${length} bytes`,
        );
        that(echo.payload.toString() === word, "the echo", "the same text", "another");
      }
    });

    check("a mask of zeros is a mask", async (t) => {
      const raw = await open(t);
      await raw.send(text, "4plain", { key: Buffer.alloc(4) });
      equal(await raw.text(), "4plain", "the echo");
    });

    check("a message in fragments is one message", async (t) => {
      const raw = await open(t);
      await raw.send(text, "4he", { fin: false });
      await raw.send(continuation, "", { fin: false });
      await raw.send(continuation, "llo");
      equal(await raw.text(), "4hello", "the echo of text");
      await raw.send(binary, Buffer.from([1, 2]), { fin: false });
      await raw.send(continuation, Buffer.from([3]));
      const echo = await raw.next();
      equal([echo.opcode, ...echo.payload], [binary, 1, 2, 3], "the echo of binary");
    });

    check("fragments may cut a character, and control frames may stand between them", async (t) => {
      const raw = await open(t);
      const word = Buffer.from("4€𝒳!");
      for (let i = 0; i < word.length - 1; i++) {
        await raw.send(i === 0 ? text : continuation, word.subarray(i, i + 1), { fin: false });
        await raw.send(ping, `p${i}`);
        const answer = await raw.next();
        equal([answer.opcode, answer.payload.toString()], [pong, `p${i}`], "the pong");
      }
      await raw.send(continuation, word.subarray(word.length - 1));
      equal(await raw.text(), "4€𝒳!", "the echo");
    });

    check("a frame that comes byte by byte is understood", async (t) => {
      const raw = await open(t);
      for (const byte of frame(binary, Buffer.alloc(200, 7))) await raw.write(Buffer.from([byte]));
      equal((await raw.next()).payload, Buffer.alloc(200, 7), "the echo");
    });

    check("each ping is answered by a pong with its payload", async (t) => {
      const raw = await open(t);
      for (const payload of ["", "x", Buffer.from([0, 255, 128]), "a".repeat(125)]) {
        await raw.send(ping, payload);
        const answer = await raw.next();
        equal([answer.opcode, answer.payload], [pong, Buffer.from(payload)], "the pong");
      }
    });

    check("unasked WebSocket pongs are ignored", async (t) => {
      const raw = await open(t);
      await raw.send(pong, "what");
      await raw.send(pong);
      await raw.send(text, "4hello");
      equal(await raw.text(), "4hello", "the echo");
    });

    check("sixteen thousand empty fragments are still a message", async (t) => {
      const raw = await open(t);
      const empty = frame(continuation, "", { fin: false });
      const start = frame(text, "4many", { fin: false });
      await raw.write(
        Buffer.concat([start, ...Array(16_000).fill(empty), frame(continuation, "!")]),
      );
      equal(await raw.text(), "4many!", "the echo");
    });

    check("fifty pings in one segment keep the connection, and the last is answered", async (t) => {
      const raw = await open(t);
      await raw.write(Buffer.concat(Array.from({ length: 50 }, (_, i) => frame(ping, `p${i}`))));
      let answer;
      do answer = await raw.next("the last pong");
      while (answer.opcode === pong && answer.payload.toString() !== "p49");
      equal(answer.opcode, pong, "the last answer");
      await raw.send(text, "4hello");
      equal(await raw.text(), "4hello", "the echo");
    });
  });

  group("ill formed", () => {
    closes("an unmasked frame is closed with 1002", frame(text, "4x", { mask: false }), 1002);
    for (const rsv of [1, 2, 4]) {
      closes(`a reserved bit (${rsv}) is closed with 1002`, frame(text, "4x", { rsv }), 1002);
    }
    for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
      closes(`the reserved opcode ${opcode} is closed with 1002`, frame(opcode, "x"), 1002);
    }
    closes("a ping of 126 bytes is closed with 1002", frame(ping, Buffer.alloc(126)), 1002);
    closes("a pong of 126 bytes is closed with 1002", frame(pong, Buffer.alloc(126)), 1002);
    closes(
      "a close of 126 bytes is closed with 1002",
      frame(close, closeBody(1000, "a".repeat(124))),
      1002,
    );
    closes("a fragmented ping is closed with 1002", frame(ping, "x", { fin: false }), 1002);
    closes("a fragmented pong is closed with 1002", frame(pong, "x", { fin: false }), 1002);
    closes(
      "a fragmented close is closed with 1002",
      frame(close, closeBody(1000), { fin: false }),
      1002,
    );
    closes("a continuation without a start is closed with 1002", frame(continuation, "x"), 1002);
    closes(
      "an open continuation without a start is closed with 1002",
      frame(continuation, "x", { fin: false }),
      1002,
    );
    closes(
      "a continuation after a whole message is closed with 1002",
      Buffer.concat([frame(text, "4x"), frame(continuation, "y")]),
      1002,
    );
    for (const [kind, opcode] of [
      ["text", text],
      ["binary", binary],
    ]) {
      closes(
        `a new ${kind} message inside fragments is closed with 1002`,
        Buffer.concat([frame(text, "4x", { fin: false }), frame(opcode, "4y")]),
        1002,
      );
    }
    closes(
      "a frame that comes after a good one is judged alone",
      Buffer.concat([frame(text, "4x"), frame(3, "x")]),
      1002,
    );
  });

  group("text", () => {
    const notText = {
      "a lone continuation byte": [0x80],
      "a byte that never occurs": [0xff],
      "an overlong slash": [0xc0, 0xaf],
      "a surrogate": [0xed, 0xa0, 0x80],
      "a character past U+10FFFF": [0xf4, 0x90, 0x80, 0x80],
      "a character cut at the end": [0xe2, 0x82],
    };
    for (const [what, bytes] of Object.entries(notText)) {
      closes(`${what} is closed with 1007`, frame(text, Buffer.from([0x34, ...bytes])), 1007);
    }
    closes(
      "a bad byte in the second fragment is closed with 1007",
      Buffer.concat([frame(text, "4x", { fin: false }), frame(continuation, Buffer.from([0xff]))]),
      1007,
    );
    closes(
      "a character that the next fragment does not finish is closed with 1007",
      Buffer.concat([
        frame(text, Buffer.from([0x34, 0xe2, 0x82]), { fin: false }),
        frame(continuation, "x"),
      ]),
      1007,
    );
  });

  group("close", () => {
    for (const code of [1000, 1001, 1011, 3000, 4999]) {
      check(`a close with ${code} is answered with the same code, and TCP ends`, async (t) => {
        const raw = await open(t);
        await raw.send(close, closeBody(code, "bye"));
        equal((await raw.closeFrame()).code, code, "the close code");
        await raw.tcp.end(1_000);
      });
    }
    check("a close without a code is answered, and TCP ends", async (t) => {
      const raw = await open(t);
      await raw.send(close);
      oneOf((await raw.closeFrame()).code, [1000, 1005], "the close code");
      await raw.tcp.end(1_000);
    });
    check("nothing after the client's close is answered", async (t) => {
      const raw = await open(t);
      await raw.write(
        Buffer.concat([frame(close, closeBody(1000)), frame(text, "4late"), frame(ping, "x")]),
      );
      const first = await raw.next();
      equal(first.opcode, close, "the first answer");
      await raw.tcp.end(1_000);
      equal(raw.tcp.seen.length, 0, "bytes after the close");
    });
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535]) {
      closes(
        `a close with the code ${code} is closed with 1002`,
        frame(close, closeBody(code)),
        1002,
      );
    }
    closes("a close of one byte is closed with 1002", frame(close, Buffer.from([3])), 1002);
    closes(
      "a close reason that is no text is closed with 1007",
      frame(close, Buffer.concat([closeBody(1000), Buffer.from([0xff])])),
      1007,
    );
  });

  group("limits", () => {
    const MAX = 1_000_000n;
    closes(
      "a declared length of 2^63-1 is closed with 1009 at once",
      frame(text, "4", { declare: 2n ** 63n - 1n }),
      1009,
    );
    closes(
      "a declared length with its top bit set is closed at once",
      frame(text, "4", { declare: 2n ** 64n - 1n }),
      [1002, 1009],
    );
    closes(
      "a declared length of 2^32 is closed with 1009 at once",
      frame(binary, "4", { declare: 2n ** 32n }),
      1009,
    );
    closes(
      "a declared length of maxPayload and one is closed with 1009 before it comes",
      frame(text, "4", { declare: MAX + 1n }),
      1009,
    );
    closes(
      "fragments of more than maxPayload in sum are closed with 1009",
      () => {
        const piece = frame(continuation, Buffer.alloc(100_000, "a"), { fin: false });
        return Buffer.concat([frame(text, "4", { fin: false }), ...Array(10).fill(piece)]);
      },
      1009,
    );
    closes(
      "twenty thousand fragments of 100 bytes are closed with 1009",
      () => {
        const piece = frame(continuation, Buffer.alloc(100, "a"), { fin: false });
        return Buffer.concat([frame(text, "4", { fin: false }), ...Array(20_000).fill(piece)]);
      },
      1009,
    );
    closes(
      "a length over what is left for the message is closed with 1009",
      () =>
        Buffer.concat([
          frame(text, `4${"a".repeat(600_000)}`, { fin: false }),
          frame(continuation, "", { fin: false, declare: 600_000n }),
        ]),
      1009,
    );
    closes(
      "more than 16 384 empty fragments are closed with 1008",
      () =>
        Buffer.concat([
          frame(text, "4", { fin: false }),
          ...Array(17_000).fill(frame(continuation, "", { fin: false })),
        ]),
      1008,
    );
    closes(
      "more than 16 384 fragments of one byte are closed with 1008",
      () =>
        Buffer.concat([
          frame(text, "4", { fin: false }),
          ...Array(17_000).fill(frame(continuation, "a", { fin: false })),
        ]),
      1008,
    );

    check("a million empty fragments cost their sender only", async (t) => {
      const raw = await open(t);
      const thousand = Buffer.concat(Array(1_000).fill(frame(continuation, "", { fin: false })));
      await raw.send(text, "4", { fin: false });
      for (let i = 0; i < 1_000 && !raw.tcp.over; i++) {
        if (!(await raw.write(thousand))) break;
      }
      await raw.tcp.end();
    });

    check(
      "a flood of pings is closed with 1008",
      { ours: "ws-21; the reference answers them all" },
      async (t) => {
        const raw = await open(t);
        raw.write(Buffer.concat(Array(1_000).fill(frame(ping, "x"))));
        equal((await raw.closeFrame()).code, 1008, "the close code");
      },
    );

    check(
      "a hundred thousand pings from one who does not read cost their sender only",
      async (t) => {
        const raw = await open(t);
        raw.tcp.socket.pause();
        const hundred = Buffer.concat(Array(100).fill(frame(ping, "a".repeat(125))));
        const start = performance.now();
        for (let i = 0; i < 1_000 && performance.now() - start < 2_000; i++) {
          const written = await Promise.race([raw.write(hundred), waitShortly()]);
          if (written === false) break;
        }
        const other = await RawWs.open(t, server);
        equal((await other.text())[0], "0", "the open packet of the next client");
      },
    );

    check("a frame cut off by the end of TCP does no harm", async (t) => {
      for (const bytes of [
        frame(text, "4hello").subarray(0, 3),
        frame(text, "4hello").subarray(0, 9),
      ]) {
        const raw = await open(t);
        await raw.write(bytes);
        raw.tcp.socket.end();
        await raw.tcp.end();
      }
    });

    check(
      "a client that never answers the close is let go",
      { ms: 45_000, beside: true },
      async (t) => {
        const raw = await open(t);
        await raw.send(3, "x");
        if ((await raw.closeFrame()).code !== 1002) fail("the close code", "1002", "another");
        await raw.tcp.end(40_000);
      },
    );
  });
}

const waitShortly = () => new Promise((resolve) => setTimeout(resolve, 100, "blocked"));
