// What time it is on the server, and how far away one is, as a stock client asks it.

import { io } from "socket.io-client";
import { WAIT_MS, between, check, equal, group, that } from "../harness.mjs";
import { once } from "../stock.mjs";
import { Player, address } from "./player.mjs";

group("time", () => {
  for (const namespace of ["/", "/lobby"]) {
    check(`${namespace} tells the server's clock, and a round trip it measured`, async (t) => {
      const socket = io(`${address()}${namespace}`, { transports: ["websocket"], forceNew: true });
      t.defer(() => socket.disconnect());
      await once(socket, "connect");
      const ask = (...args) => socket.timeout(WAIT_MS).emitWithAck("time", ...args);
      const sent = Date.now();
      const first = await ask();
      equal([first.ok, first.rtt_ms], [true, undefined], "the first answer");
      between(first.server_ms, sent - 60_000, Date.now() + 60_000, "the server's clock");
      const before = performance.now();
      const second = await ask({ echo: first.echo });
      that(second.rtt_ms >= 0, "the round trip", "a time", second);
      between(second.rtt_ms, 0, performance.now() - before + WAIT_MS, "the round trip");
      that(second.server_ms >= first.server_ms, "the clock", "not set back", [first, second]);
      equal((await ask({ echo: "made up" })).rtt_ms, undefined, "with an echo of nobody's");
    });
  }

  check("an echo is of its socket alone", async (t) => {
    const [one, other] = [await Player.open(t), await Player.open(t)];
    const { echo } = await one.accepted("time", {});
    equal((await other.accepted("time", { echo })).rtt_ms, undefined, "of another socket");
    that((await one.accepted("time", { echo })).rtt_ms !== undefined, "of its own", "a time", echo);
    await one.refused("E_BAD_REQUEST", "time", { ecko: 3 });
  });
});
