// Written by `make types` from shared/src/api: change it there.

import type { Ack, Bytes, Done, Json } from "./api.js";

/** How many bytes may be relayed each second, in the long run; twice as many at once. */
export interface Budget {
  /** By one link, each way. */
  link: number;
  /** By all links of one player, each way. */
  player: number;
  /** By the whole lobby. */
  lobby: number;
}

/** As `RTCIceCandidate` is written in JSON. */
export interface Candidate {
  /** RFC 8839, § 5.1; empty: there are no more of this section. */
  candidate: string;
  /** Of which section. */
  sdpMid?: string;
  /** The same, counted. */
  sdpMLineIndex?: number;
  /** Of which description of its sender's. */
  usernameFragment?: string;
}

/** The host keeps this with the server, for whoever is host next. */
export interface Checkpoint {
  /** In which one is host. */
  term: number;
  /** Any JSON, at most 65,536 bytes. */
  state: Json;
}

/** Have a link no more. */
export interface Close {
  /** Which. */
  link: number;
  /** What the other end is told: up to 64 bytes of plain text. */
  reason?: string;
}

/** A link is no more. */
export interface Closed {
  /** Which. */
  link: number;
  /** `host`: another peer is host now, around whom the star is. Else what who closed it said. */
  reason: string;
}

/** As `RTCSessionDescription` is written in JSON. */
export interface Description {
  /** Offer or answer. */
  type: DescriptionKind;
  /** The description (RFC 8866). */
  sdp: string;
}

/** What a description is. */
export type DescriptionKind =
  /** What one end would have. */
  | "offer"
  /** What the other makes of that. */
  | "answer";

/** One is no peer of the lobby any more. */
export interface Ended {
  /** Why. */
  reason: GoneReason;
}

/** A peer is no more, and its links with it. */
export interface Gone {
  /** Which. */
  peer: number;
  /** Why. */
  reason: GoneReason;
}

/** Why a peer is no more. */
export type GoneReason =
  /** It has left `/signal`. */
  | "left"
  /** Its player has no seat in the lobby any more. */
  | "unseated"
  /** Its connection to the server was lost for too long. */
  | "timeout"
  /** Its player has come anew, as another peer. */
  | "replaced";

/** Who is host. In the answer to `join`, and told when that changes. */
export interface Host {
  /** The peer of the lobby's host; absent while that has none. */
  peer?: number;
  /** Grows by one with each change. What comes from a host of a lower one is too late. */
  term: number;
  /** To the host alone, until it keeps one of its own: what hosts before it kept last. */
  checkpoint?: Json;
}

/** A STUN or TURN server, as `RTCPeerConnection` takes it. */
export interface IceServer {
  /** `stun:`, `turn:` or `turns:` and where. */
  urls: string[];
  /** For TURN. */
  username?: string;
  /** For TURN. */
  credential?: string;
}

/** Become a peer of the lobby in which one has a seat. */
export interface Join {
  /** From `lobby.request.PEER`. */
  token: string;
  /**
   * The number that one had: links that are there stay, if the peer has not been given up.
   * Absent, or if one says something else of oneself than before below: one comes anew, and all
   * links are new ones.
   */
  resume?: number;
  /** False: this client cannot do WebRTC, so that its links stay relayed. Absent: true. */
  rtc?: boolean;
  /**
   * True: the other peers shall not learn this one's addresses. Candidates that would tell them
   * are taken out on their way.
   */
  private?: boolean;
  /** A public key by which peers may encrypt what they send, told to them as it is. */
  key?: string;
}

/** Answer to `join`. */
export interface Joined {
  /** One's own number, as long as one is not given up or comes anew. */
  peer: number;
  /** One's own seat. */
  seat: number;
  /** Of which lobby. */
  lobby: string;
  /** True: it is the number that was named, and links are those of before. */
  resumed: boolean;
  /** Who is linked with whom. */
  topology: Topology;
  /** True: the lobby lets no peer learn another's addresses. */
  private: boolean;
  /** Who is host, and since which term. */
  host: Host;
  /** All others, in the order of their numbers. */
  peers: Peer[];
  /** One's own links. */
  links: Link[];
  /** For `RTCPeerConnection`. */
  ice_servers: IceServer[];
  /** How much may be relayed. */
  budget: Budget;
}

/** Two peers that may signal each other, and send each other frames from the first moment on. */
export interface Link {
  /** Its number, which no other link of the lobby gets after it. */
  link: number;
  /** The other end. */
  peer: number;
  /** This end gives way if both make an offer at the same time. */
  polite: boolean;
  /** This end makes the first offer. */
  offer: boolean;
  /** False: one of the two cannot do WebRTC. The link stays relayed. */
  rtc: boolean;
}

/** How a link is, seen from one end. */
export interface LinkQuality {
  /** What this end sends goes this way. */
  path: Path;
  /** How it found the other, if that is direct. */
  via?: Via;
  /** Round trip in milliseconds, 0 to 60,000. */
  rtt_ms?: number;
  /** How much that varies, likewise. */
  jitter_ms?: number;
  /** Share of probes without an answer, 0 to 1. */
  loss?: number;
  /** Bytes sent directly. */
  bytes_direct: number;
  /** Bytes sent by relay. */
  bytes_relay: number;
  /** How often the path has changed. */
  switches: number;
}

/** How a link is, seen from one end. */
export interface LinkQualitySent {
  /** What this end sends goes this way. */
  path: Path;
  /** How it found the other, if that is direct. */
  via?: Via;
  /** Round trip in milliseconds, 0 to 60,000. */
  rtt_ms?: number;
  /** How much that varies, likewise. */
  jitter_ms?: number;
  /** Share of probes without an answer, 0 to 1. */
  loss?: number;
  /** Bytes sent directly. */
  bytes_direct?: number;
  /** Bytes sent by relay. */
  bytes_relay?: number;
  /** How often the path has changed. */
  switches?: number;
}

/** How one link is, seen from one end. */
export interface LinkReport extends LinkQualitySent {
  /** Which. */
  link: number;
  /** Why its path has changed, if this is what is told. */
  switched?: SwitchReason;
}

/** How the peers of a lobby are linked: chosen by who makes it. */
export interface Links {
  /** Who with whom. */
  topology?: Topology;
  /** True: nobody learns another's addresses; candidates that would tell them are taken out. */
  private?: boolean;
}

/** Link with a peer anew, after that was closed. Nothing happens if it is linked. */
export interface Open {
  /** Which. */
  peer: number;
}

/** Which way frames go. */
export type Path =
  /** Through the server. */
  | "relay"
  /** By a data channel. */
  | "direct";

/** A peer, as others know it. */
export interface Peer {
  /** Its number, which no other peer of the lobby gets after it. */
  peer: number;
  /** Whose it is. */
  seat: number;
  /** False: its connection to the server is lost. Links that are direct live on. */
  here: boolean;
  /** False: it cannot do WebRTC. */
  rtc: boolean;
  /** Its public key. */
  key?: string;
}

/** How one link of another peer is. */
export interface PeerQuality extends LinkQuality {
  /** Its other end. */
  peer: number;
}

/** How the links of another peer are, as it says. */
export interface Quality {
  /** Who says it. */
  from: number;
  /** Its links. */
  links: PeerQuality[];
}

/** Frames of a link are dropped. Reliable ones may be sent again. */
export interface Refused {
  /** Of which link. */
  link: number;
  /** `E_RELAY_BUDGET` */
  code: string;
  /** One sentence for people. */
  message: string;
  /** When to try again. */
  retry_ms: number;
}

/** How one's links are: at each change of path, and about every ten seconds. */
export interface Report {
  /** One or more of them. */
  links: LinkReport[];
}

/** What one end of a link tells the other through the server: a description, or a candidate. */
export interface Signal {
  /** Of which link. */
  link: number;
  /** The number of the peer who says it. The server writes it: what a client writes is ignored. */
  from?: number;
  /**
   * How often ICE was restarted before. An offer that restarts it has one more than the last;
   * its answer, and the candidates of both ends, have the same.
   */
  generation: number;
  /** Either this … */
  description?: Description;
  /** … or this; `null`: there are no more of this generation. */
  candidate?: Candidate | null;
}

/** What one end of a link tells the other through the server: a description, or a candidate. */
export interface SignalSent {
  /** Of which link. */
  link: number;
  /**
   * How often ICE was restarted before. An offer that restarts it has one more than the last;
   * its answer, and the candidates of both ends, have the same.
   */
  generation: number;
  /** Either this … */
  description?: Description;
  /** … or this; `null`: there are no more of this generation. */
  candidate?: Candidate | null;
}

/** Why a path has changed. */
export type SwitchReason =
  /** Probes of the direct path come back. */
  | "probed"
  /** Nothing has come by it for too long. */
  | "silent"
  /** The data channel or its connection has closed. */
  | "closed"
  /** The user of the library wanted it. */
  | "forced"
  /** It changed too often, and is left alone for a while. */
  | "flapping";

/** Who of a lobby is linked with whom. */
export type Topology =
  /** Each with each. */
  | "mesh"
  /** The host with each other. */
  | "star";

/** By which kind of candidate a direct link goes: the farther of its two ends. (RFC 8445, § 4) */
export type Via =
  /** Within one network. */
  | "host"
  /** As a STUN server sees it. */
  | "srflx"
  /** As the other end sees it. */
  | "prflx"
  /** Through a TURN server. */
  | "turn";

/** What clients send to `/signal`. */
export interface SignalClientToServer {
  /** `Join` → `Joined` */
  join: (join: Join, ack: Ack<Joined>) => void;
  /** Nothing → `lobby.Done`: the peer is gone, its seat stays. */
  leave: (ack: Ack<Done>) => void;
  /** `Signal` → `lobby.Done` */
  signal: (signal: SignalSent, ack: Ack<Done>) => void;
  /** `Open` → `lobby.Done` */
  open: (open: Open, ack: Ack<Done>) => void;
  /** `Close` → `lobby.Done` */
  close: (close: Close, ack: Ack<Done>) => void;
  /** `Report` → `lobby.Done` */
  report: (report: Report, ack: Ack<Done>) => void;
  /** `Checkpoint` → `lobby.Done` */
  checkpoint: (checkpoint: Checkpoint, ack: Ack<Done>) => void;
  /** The number of a link and one attachment: a frame that arrives, in order. */
  reliable: (link: number, frame: Bytes) => void;
  /** The same: of those with one key only the newest counts, and only for 200 ms. */
  volatile: (link: number, frame: Bytes) => void;
}

/** What clients of `/signal` get. */
export interface SignalServerToClient {
  /** `Peer`: one is new, or what is known of it has changed. */
  peer: (peer: Peer) => void;
  /** `Gone` */
  gone: (gone: Gone) => void;
  /** `Link`: there is a new one. */
  link: (link: Link) => void;
  /** `Closed` */
  closed: (closed: Closed) => void;
  /** `Signal`, with `from`. */
  signal: (signal: Signal) => void;
  /** `Host` */
  host: (host: Host) => void;
  /** `Quality` */
  quality: (quality: Quality) => void;
  /** `Refused`: a frame was dropped. */
  refused: (refused: Refused) => void;
  /** `Ended`: one is no peer of the lobby any more. */
  ended: (ended: Ended) => void;
  /** The number of a link and one attachment, from the other end. */
  reliable: (link: number, frame: Bytes) => void;
  /** The same. */
  volatile: (link: number, frame: Bytes) => void;
}

/** Codes of refusals. */
export type Code =
  /** An answer to no offer. */
  | "E_STATE"
  /** Of an earlier generation of the link, or of a description that is not the last. */
  | "E_STALE"
  /** A description, candidate, frame or checkpoint is larger than it may be. */
  | "E_TOO_LARGE"
  /** The description's certificate is not the one that the peer has shown before. */
  | "E_FINGERPRINT"
  /** More bytes than the link, the player or the lobby may have relayed. */
  | "E_RELAY_BUDGET"
  /** A checkpoint of a term that is over. */
  | "E_TERM";
