// One peer as a card: which way its link goes, how long that takes, what of its messages has
// arrived, and by which candidates. What is sent to it begins and ends here too.

import type { Peer, signal } from "parlor-client";

import { setText } from "../dom";
import { Chart } from "./chart";
import { Count } from "./count";

/** Numbered messages a second, of each kind. */
const PER_SECOND = 20;
/** How often what is shown is looked at. */
const LOOK_MS = 500;
/** Changes of path that are shown. */
const MAX_SWITCHES = 20;

/** What goes from card to card. */
interface Numbered {
  n: number;
}

/** A peer, shown. */
export class PeerCard {
  readonly element: HTMLElement;
  readonly peer: Peer;
  readonly reliable = new Count();
  readonly #volatile = new Count();
  readonly #chart: Chart;
  readonly #fields = new Map<string, HTMLElement>();
  #sent = 0;
  readonly #timers: ReturnType<typeof setInterval>[] = [];

  constructor(peer: Peer, name: string, template: HTMLTemplateElement) {
    this.peer = peer;
    const copy = template.content.cloneNode(true) as DocumentFragment;
    const element = copy.firstElementChild;
    if (!(element instanceof HTMLElement)) throw new Error("the template holds one card");
    this.element = element;
    for (const field of element.querySelectorAll<HTMLElement>("[data-field]"))
      this.#fields.set(field.dataset.field ?? "", field);
    const svg = element.querySelector("svg");
    if (!svg) throw new Error("the card has a chart");
    this.#chart = new Chart(svg);
    setText(this.#field("name"), name);
    this.#timers.push(setInterval(() => this.#send(), 1000 / PER_SECOND));
    this.#timers.push(setInterval(() => void this.#look(), LOOK_MS));
    void this.#look();
  }

  /** Nothing is sent any more. */
  end(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.element.remove();
  }

  heard(data: unknown, channel: "reliable" | "volatile"): void {
    const { n } = data as Numbered;
    (channel === "reliable" ? this.reliable : this.#volatile).take(n);
  }

  switched(reason: signal.SwitchReason): void {
    const words = {
      probed: "the direct path answers",
      silent: "the direct path has fallen silent",
      closed: "the direct path has closed",
      forced: "somebody wanted it",
      flapping: "it changed too often: left alone for a minute",
    };
    const item = document.createElement("li");
    const way = this.peer.path === "direct" ? "direct" : "by relay";
    setText(item, `${new Date().toLocaleTimeString()} — ${way}: ${words[reason]}`);
    const list = this.#field("switches");
    list.prepend(item);
    if (list.childElementCount > MAX_SWITCHES) list.lastElementChild?.remove();
    this.#draw();
  }

  /** Its voice. */
  plays(track: MediaStreamTrack): void {
    const audio = this.#field("audio");
    if (audio instanceof HTMLAudioElement) audio.srcObject = new MediaStream([track]);
  }

  #field(name: string): HTMLElement {
    const field = this.#fields.get(name);
    if (!field) throw new Error(`the card has no ${name}`);
    return field;
  }

  #send(): void {
    const { peer } = this;
    if (!peer.isLinked) return;
    try {
      void peer.send("reliable", { n: this.#sent });
      void peer.send("volatile", { n: this.#sent });
      this.#sent += 1;
    } catch {
      // Too much waits: the next number is tried again later, so that none is left out.
    }
  }

  async #look(): Promise<void> {
    const { peer } = this;
    const { rtt_ms } = peer.stats();
    if (rtt_ms !== undefined) this.#chart.add(rtt_ms, peer.path === "direct");
    this.#draw();
    await this.#drawCandidates();
  }

  #draw(): void {
    const { peer, reliable } = this;
    const { rtt_ms, jitter_ms, loss, via, bytes_direct, bytes_relay } = peer.stats();
    this.element.dataset.path = peer.path;
    setText(this.#field("path"), peer.path === "direct" ? "direct" : "relayed");
    setText(this.#field("state"), this.#state());
    const trip = rtt_ms === undefined ? "no round trip yet" : `round trip ${round(rtt_ms)} ms`;
    const jitter = jitter_ms === undefined ? "" : ` ± ${round(jitter_ms)}`;
    setText(this.#field("rtt"), trip + jitter);
    setText(this.#field("scale"), `top: ${this.#chart.top} ms`);
    const counts = { sent: this.#sent, received: reliable.received, volatile: this.#volatile.received };
    for (const [name, count] of Object.entries(counts)) setText(this.#field(name), `${count}`);
    const bad = { lost: reliable.lost, doubled: reliable.doubled, late: reliable.late };
    for (const [name, count] of Object.entries(bad)) {
      setText(this.#field(name), `${count}`);
      this.#field(name).dataset.bad = `${count > 0}`;
    }
    const share = loss ? `, ${round(loss * 100)} % of probes lost` : "";
    const kinds = via === undefined ? "" : ` by ${via}`;
    const traffic = `${bytes(bytes_direct)} sent directly${kinds}, ${bytes(bytes_relay)} by relay${share}`;
    setText(this.#field("traffic"), traffic);
  }

  #state(): string {
    const { peer } = this;
    if (!peer.isLinked) return "not linked";
    if (!peer.isHere) return "its connection to the server is lost";
    const connection = peer.connection;
    return connection ? `ICE ${connection.iceConnectionState}` : "no WebRTC here or there";
  }

  /** The candidates of both ends, and the pair that carries. */
  async #drawCandidates(): Promise<void> {
    const report = await this.peer.connection?.getStats();
    if (!report) return;
    const lines: string[] = [];
    let pair = "no pair of candidates carries yet";
    const written = (id: string): string => {
      const { candidateType, address, port, protocol } = (report.get(id) ?? {}) as Seen;
      return `${candidateType ?? "?"} ${protocol ?? ""} ${address || "hidden"}:${port ?? ""}`;
    };
    for (const stat of report.values() as Iterable<Seen>) {
      if (stat.type === "local-candidate") lines.push(`ours: ${written(stat.id)}`);
      if (stat.type === "remote-candidate") lines.push(`theirs: ${written(stat.id)}`);
      if (stat.type === "candidate-pair" && stat.nominated && stat.state === "succeeded")
        pair = `${written(stat.localCandidateId)} ⇄ ${written(stat.remoteCandidateId)}`;
    }
    setText(this.#field("pair"), pair);
    const items = lines.map((line) => {
      const item = document.createElement("li");
      setText(item, line);
      return item;
    });
    this.#field("candidates").replaceChildren(...items);
  }
}

/** What of an entry of `getStats` is looked at. (W3C webrtc-stats, § 8) */
interface Seen {
  id: string;
  type: string;
  candidateType?: string;
  address?: string;
  port?: number;
  protocol?: string;
  nominated?: boolean;
  state?: string;
  localCandidateId: string;
  remoteCandidateId: string;
}

const round = (n: number): string => (n < 10 ? n.toFixed(1) : n.toFixed(0));

function bytes(n: number): string {
  if (n < 1000) return `${n} bytes`;
  return n < 1e6 ? `${round(n / 1000)} kB` : `${round(n / 1e6)} MB`;
}
