// npm socket.io 4.8.4 with the application of `fixture --app socket`, to hold cases against it.
//   node reference.mjs [--port N] [--ping-interval MS] [--ping-timeout MS] [--recovery]
//                      [--allow-eio3]
// It prints `READY ADDRESS` as the fixture does.

import http from "node:http";
import { parseArgs } from "node:util";
import { Server } from "socket.io";

const text = { type: "string" };
const flag = { type: "boolean", default: false };
const { values } = parseArgs({
  options: {
    port: { ...text, default: "0" },
    "ping-interval": { ...text, default: "25000" },
    "ping-timeout": { ...text, default: "20000" },
    recovery: flag,
    "allow-eio3": flag,
  },
});

const server = http.createServer();
const io = new Server(server, {
  pingInterval: Number(values["ping-interval"]),
  pingTimeout: Number(values["ping-timeout"]),
  allowEIO3: values["allow-eio3"],
  ...(values.recovery ? { connectionStateRecovery: {} } : {}),
});

function echo(socket) {
  socket.on("message", (...args) => socket.emit("message-back", ...args));
  socket.on("message-with-ack", (...args) => args.pop()(...args));
}

function main(socket) {
  socket.on("ask-back", (...args) => {
    const answer = args.pop();
    socket.timeout(5_000).emit("question", ...args, (error, ...answers) => {
      if (!error) answer(...answers);
    });
  });
  socket.on("join", (room, answer) => {
    socket.join(room);
    answer("ok");
  });
  socket.on("leave", (room, answer) => {
    socket.leave(room);
    answer("ok");
  });
  socket.on("room-send", (room, ...args) => {
    const answer = args.pop();
    socket.to(room).emit("room-message", room, ...args);
    answer("ok");
  });
  socket.on("whisper", (room, ...args) => {
    const answer = args.pop();
    socket.volatile.to(room).emit("room-message", room, ...args);
    answer("ok");
  });
  socket.on("burst", (count) => {
    for (let i = 0; i < count; i++) socket.emit("burst", i);
  });
  socket.on("whoami", (answer) => {
    const { id, recovered } = socket;
    answer({ id, transport: socket.conn.transport.name, recovered });
  });
  socket.on("bye", () => socket.disconnect());
  socket.on("sockets", async (room, answer) => {
    const sockets = await io.in(room).fetchSockets();
    answer(sockets.map((one) => one.id).sort());
  });
}

for (const name of ["/", "/custom"]) {
  io.of(name).on("connection", (socket) => {
    if (name === "/") main(socket);
    echo(socket);
    socket.emit("auth", socket.handshake.auth);
  });
}
io.of("/auth").use((socket, next) => {
  if (socket.handshake.auth.token === "secret") return next();
  next(Object.assign(new Error("Unauthorized"), { data: { code: "E_AUTH" } }));
});

server.listen(Number(values.port), "127.0.0.1", () => {
  console.log(`READY 127.0.0.1:${server.address().port}`);
});
