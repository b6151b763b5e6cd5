// What the page of a person does (see person.mjs), as `window.me`; it has `parlorClient` already.

{
  /** Numbers from one peer on one channel: each once and in order, or it is noted. */
  class Heard {
    next = 0;
    wrong = [];
    last = 0;
    longestGapMs = 0;

    take(n) {
      const now = performance.now();
      if (this.next > 0) this.longestGapMs = Math.max(this.longestGapMs, now - this.last);
      this.last = now;
      if (n !== this.next && this.wrong.length < 10) this.wrong.push([n, this.next]);
      this.next = n + 1;
    }
  }

  const heard = new Map();
  const texts = [];
  const paths = [];
  const hosts = [];
  const tracks = [];
  let [parlor, lobby, peers] = [];

  const numbersOf = (seat, channel) => {
    const key = `${seat} ${channel}`;
    if (!heard.has(key)) heard.set(key, new Heard());
    return heard.get(key);
  };

  const of = (seat) => peers.at(seat);

  window.me = {
    async enter({ url, name, code, create, options }) {
      parlor = await parlorClient.connect(url, { player: name });
      const { lobbies } = parlor;
      lobby = code
        ? await lobbies.join({ code, rename: true })
        : await lobbies.create({ game: "relay", visibility: "unlisted", ...create });
      const encrypt = options?.encrypt && { encrypt: parlorClient.encrypt };
      peers = await lobby.peers({ ...options, ...encrypt });
      peers.on("message", ({ peer, data, channel }) => {
        if (typeof data.n === "number") numbersOf(peer.seat, channel).take(data.n);
        else texts.push([peer.seat, data]);
      });
      peers.on("path", ({ peer, path, reason }) => paths.push([peer.seat, path, reason]));
      peers.on("host", ({ host, isHost, checkpoint }) =>
        hosts.push({ seat: isHost ? lobby.seat : host?.seat, isHost, checkpoint }),
      );
      peers.on("track", ({ track }) => tracks.push(track));
      return lobby.code;
    },
    seat: () => lobby.seat,
    code: () => lobby.code,
    id: () => peers.id,
    nPeers: (n) => peers.list.filter((peer) => peer.isLinked).length === n,
    isDirect: (seat) => of(seat)?.path === "direct",
    isRelayed: (seat) => of(seat)?.path === "relay",
    /** To all at this moment, or to one. */
    say: ({ data, to }) => peers.send("reliable", data, to === undefined ? {} : { to: of(to) }),
    hasHeard: ([seat, data]) => {
      const is = (said) => said[0] === seat && JSON.stringify(said[1]) === JSON.stringify(data);
      return texts.some(is);
    },
    nHeard: ([seat, data]) =>
      texts.filter((said) => said[0] === seat && JSON.stringify(said[1]) === JSON.stringify(data))
        .length,
    /** Sends numbers from 0 to `n` to a seat, so many a second; resolves when all are on their way. */
    async stream({ to, n, perSecond, channel = "reliable" }) {
      const start = performance.now();
      for (let sent = 0; sent < n; ) {
        const due = Math.min(n, ((performance.now() - start) / 1000) * perSecond);
        for (; sent < due; sent += 1) await of(to).send(channel, { n: sent });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    hasAll: ([seat, n]) => numbersOf(seat, "reliable").next >= n,
    numbers: ([seat, channel = "reliable"]) => {
      const { next, wrong, longestGapMs } = numbersOf(seat, channel);
      return { next, wrong, longestGapMs };
    },
    paths: () => paths,
    hosts: () => hosts,
    isHost: () => peers.isHost,
    checkpoint: (state) => peers.checkpoint(state),
    stats: (seat) => of(seat).stats(),
    safetyCode: (seat) => of(seat).safetyCode(),
    force: ([seat, path]) => of(seat).forcePath(path),
    iceState: (seat) => of(seat).connection?.iceConnectionState ?? "none",
    leave: () => lobby.leave(),
    /** The connection to the server is lost, and not mended until `reconnect`. */
    lose() {
      const { io } = parlor.socket;
      io.reconnection(false);
      io.engine.close();
    },
    reconnect() {
      parlor.socket.io.reconnection(true);
      parlor.reconnect();
    },
    isOnline: () => parlor.isOnline,
    async voice(seat) {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      of(seat).addTrack(stream.getAudioTracks()[0], stream);
    },
    nTracks: (n) => tracks.length === n,
    /** Packets of sound that have come from a seat. */
    async sound(seat) {
      let packets = 0;
      for (const stat of (await of(seat).connection.getStats()).values())
        if (stat.type === "inbound-rtp" && stat.kind === "audio") packets += stat.packetsReceived;
      return packets;
    },
  };
}
