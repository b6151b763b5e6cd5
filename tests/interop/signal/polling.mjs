// A client by polling that asks for what has come only when it is told to, as one on a network that
// is slow: between two polls the server keeps what it may.

import { equal, that } from "../harness.mjs";
import { address } from "../lobbies/player.mjs";

const SEPARATOR = "\x1e";

export class Polling {
  static async open(t) {
    const polling = new Polling();
    const opened = await fetch(`${address()}/socket.io/?EIO=4&transport=polling`);
    const { sid } = JSON.parse((await opened.text()).slice(1));
    polling.url = `${address()}/socket.io/?EIO=4&transport=polling&sid=${sid}`;
    t.defer(() => polling.say("1"));
    return polling;
  }

  async say(packet) {
    const answer = await fetch(this.url, { method: "POST", body: packet });
    equal(await answer.text(), "ok", "the answer to a POST");
  }

  /** The packets that the next poll brings. */
  async poll() {
    const answer = await fetch(this.url);
    const text = await answer.text();
    that(answer.ok, "a poll", "answered", text);
    return text.split(SEPARATOR);
  }

  /** Polls until a packet begins like this. */
  async until(start) {
    for (;;) {
      const packets = await this.poll();
      if (packets.includes("2")) await this.say("3");
      const found = packets.find((packet) => packet.startsWith(start));
      if (found !== undefined) return found.slice(start.length);
    }
  }

  async connect(namespace) {
    await this.say(`40${namespace},`);
    await this.until(`40${namespace},`);
  }

  async ask(namespace, event, payload) {
    const args = payload === undefined ? [event] : [event, payload];
    await this.say(`42${namespace},7${JSON.stringify(args)}`);
    const [reply] = JSON.parse(await this.until(`43${namespace},7`));
    that(reply.ok, `the reply to ${event}`, "accepted", reply);
    return reply;
  }
}
