//! Peers in namespace `/signal`: who of a lobby may be linked, what two of them must tell each
//! other to be linked directly, and what goes through the server while they are not.
//! What a frame holds is the peers' business, but for the header of [`frame`].
//! Source: W3C WebRTC 1.0, § 4.4 (descriptions), § 4.8 (candidates), § 10.7 (perfect negotiation).

pub mod frame;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::id::{LobbyId, PeerToken};

/// The namespace.
pub const NAMESPACE: &str = "/signal";

/// Bytes of one session description.
pub const MAX_SDP_BYTES: usize = 64 * 1024;
/// Its media sections (`m=`).
pub const MAX_SECTIONS: usize = 64;
/// Bytes of one candidate.
pub const MAX_CANDIDATE_BYTES: usize = 512;
/// Candidates of one peer in one generation of a link.
pub const MAX_CANDIDATES: usize = 100;
/// Bytes of one frame, its header included.
pub const MAX_FRAME_BYTES: usize = 17 * 1024;
/// Bytes of a host's checkpoint, as JSON.
pub const MAX_CHECKPOINT_BYTES: usize = 64 * 1024;
/// Bytes of a peer's public key, as text.
pub const MAX_KEY_BYTES: usize = 256;
/// Longest round trip, and jitter, that is reported.
pub const MAX_REPORTED_MS: f32 = 60_000.0;
/// Bytes of the reason for which a link is closed.
pub const MAX_REASON_BYTES: usize = 64;

/// What clients ask. Each wants an answer, but for the two kinds of frames, which get none.
pub mod request {
    /// [`super::Join`] → [`super::Joined`]
    pub const JOIN: &str = "join";
    /// Nothing → [`super::super::lobby::Done`]: the peer is gone, its seat stays.
    pub const LEAVE: &str = "leave";
    /// [`super::Signal`] → [`super::super::lobby::Done`]
    pub const SIGNAL: &str = "signal";
    /// [`super::Open`] → [`super::super::lobby::Done`]
    pub const OPEN: &str = "open";
    /// [`super::Close`] → [`super::super::lobby::Done`]
    pub const CLOSE: &str = "close";
    /// [`super::Report`] → [`super::super::lobby::Done`]
    pub const REPORT: &str = "report";
    /// [`super::Checkpoint`] → [`super::super::lobby::Done`]
    pub const CHECKPOINT: &str = "checkpoint";
    /// The number of a link and one attachment: a frame that arrives, in order.
    pub const RELIABLE: &str = "reliable";
    /// The same: of those with one key only the newest counts, and only for 200 ms.
    pub const VOLATILE: &str = "volatile";
}

/// What clients are told.
pub mod push {
    /// [`super::Peer`]: one is new, or what is known of it has changed.
    pub const PEER: &str = "peer";
    /// [`super::Gone`]
    pub const GONE: &str = "gone";
    /// [`super::Link`]: there is a new one.
    pub const LINK: &str = "link";
    /// [`super::Closed`]
    pub const CLOSED: &str = "closed";
    /// [`super::Signal`], with `from`.
    pub const SIGNAL: &str = "signal";
    /// [`super::Host`]
    pub const HOST: &str = "host";
    /// [`super::Quality`]
    pub const QUALITY: &str = "quality";
    /// [`super::Refused`]: a frame was dropped.
    pub const REFUSED: &str = "refused";
    /// [`super::Ended`]: one is no peer of the lobby any more.
    pub const ENDED: &str = "ended";
    /// The number of a link and one attachment, from the other end.
    pub const RELIABLE: &str = "reliable";
    /// The same.
    pub const VOLATILE: &str = "volatile";
}

/// Codes of `/signal` in a [`super::Refusal`], beside [`super::code`]'s `E_BAD_REQUEST`,
/// `E_NOT_FOUND` (no such token, link or peer, or none of yours), `E_RATE`, `E_FULL`,
/// `E_FORBIDDEN` and `E_NOT_IN_LOBBY` (not joined).
pub mod code {
    /// An answer to no offer.
    pub const STATE: &str = "E_STATE";
    /// Of an earlier generation of the link, or of a description that is not the last.
    pub const STALE: &str = "E_STALE";
    /// A description, candidate, frame or checkpoint is larger than it may be.
    pub const TOO_LARGE: &str = "E_TOO_LARGE";
    /// The description's certificate is not the one that the peer has shown before.
    pub const FINGERPRINT: &str = "E_FINGERPRINT";
    /// More bytes than the link, the player or the lobby may have relayed.
    pub const RELAY_BUDGET: &str = "E_RELAY_BUDGET";
    /// A checkpoint of a term that is over.
    pub const TERM: &str = "E_TERM";
}

/// Become a peer of the lobby in which one has a seat.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// From [`super::lobby::request::PEER`].
    pub token: PeerToken,
    /// The number that one had: links that are there stay, if the peer has not been given up.
    /// Absent, or if one says something else of oneself than before below: one comes anew, and all
    /// links are new ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<u32>,
    /// False: this client cannot do WebRTC, so that its links stay relayed. Absent: true.
    #[serde(default = "yes")]
    pub rtc: bool,
    /// True: the other peers shall not learn this one's addresses. Candidates that would tell them
    /// are taken out on their way.
    #[serde(default, skip_serializing_if = "is_false")]
    pub private: bool,
    /// A public key by which peers may encrypt what they send, told to them as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Answer to `join`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Joined {
    /// One's own number, as long as one is not given up or comes anew.
    pub peer: u32,
    /// One's own seat.
    pub seat: u8,
    /// Of which lobby.
    pub lobby: LobbyId,
    /// True: it is the number that was named, and links are those of before.
    pub resumed: bool,
    /// Who is linked with whom.
    pub topology: Topology,
    /// True: the lobby lets no peer learn another's addresses.
    pub private: bool,
    /// Who is host, and since which term.
    pub host: Host,
    /// All others, in the order of their numbers.
    pub peers: Vec<Peer>,
    /// One's own links.
    pub links: Vec<Link>,
    /// For `RTCPeerConnection`.
    pub ice_servers: Vec<IceServer>,
    /// How much may be relayed.
    pub budget: Budget,
}

/// Who of a lobby is linked with whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topology {
    /// Each with each.
    #[default]
    Mesh,
    /// The host with each other.
    Star,
}

/// How the peers of a lobby are linked: chosen by who makes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Links {
    /// Who with whom.
    pub topology: Topology,
    /// True: nobody learns another's addresses; candidates that would tell them are taken out.
    pub private: bool,
}

/// A peer, as others know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its number, which no other peer of the lobby gets after it.
    pub peer: u32,
    /// Whose it is.
    pub seat: u8,
    /// False: its connection to the server is lost. Links that are direct live on.
    pub here: bool,
    /// False: it cannot do WebRTC.
    pub rtc: bool,
    /// Its public key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A peer is no more, and its links with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Which.
    pub peer: u32,
    /// Why.
    pub reason: GoneReason,
}

/// Why a peer is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoneReason {
    /// It has left `/signal`.
    Left,
    /// Its player has no seat in the lobby any more.
    Unseated,
    /// Its connection to the server was lost for too long.
    Timeout,
    /// Its player has come anew, as another peer.
    Replaced,
}

/// Two peers that may signal each other, and send each other frames from the first moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its number, which no other link of the lobby gets after it.
    pub link: u32,
    /// The other end.
    pub peer: u32,
    /// This end gives way if both make an offer at the same time.
    pub polite: bool,
    /// This end makes the first offer.
    pub offer: bool,
    /// False: one of the two cannot do WebRTC. The link stays relayed.
    pub rtc: bool,
}

/// A link is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Which.
    pub link: u32,
    /// `host`: another peer is host now, around whom the star is. Else what who closed it said.
    pub reason: String,
}

/// Link with a peer anew, after that was closed. Nothing happens if it is linked.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// Which.
    pub peer: u32,
}

/// Have a link no more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// Which.
    pub link: u32,
    /// What the other end is told: up to 64 bytes of plain text.
    #[serde(default)]
    pub reason: String,
}

/// What one end of a link tells the other through the server: a description, or a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Of which link.
    pub link: u32,
    /// The number of the peer who says it. The server writes it: what a client writes is ignored.
    #[serde(default, skip_deserializing, skip_serializing_if = "is_zero")]
    pub from: u32,
    /// How often ICE was restarted before. An offer that restarts it has one more than the last;
    /// its answer, and the candidates of both ends, have the same.
    pub generation: u32,
    /// Either this …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// … or this; `null`: there are no more of this generation.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Option<Candidate>>,
}

/// As `RTCSessionDescription` is written in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Offer or answer.
    #[serde(rename = "type")]
    pub kind: DescriptionKind,
    /// The description (RFC 8866).
    pub sdp: String,
}

/// What a description is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DescriptionKind {
    /// What one end would have.
    Offer,
    /// What the other makes of that.
    Answer,
}

/// As `RTCIceCandidate` is written in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// RFC 8839, § 5.1; empty: there are no more of this section.
    pub candidate: String,
    /// Of which section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<String>,
    /// The same, counted.
    #[serde(default, rename = "sdpMLineIndex", skip_serializing_if = "Option::is_none")]
    pub sdp_m_line_index: Option<u16>,
    /// Of which description of its sender's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

/// Who is host. In the answer to `join`, and told when that changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Host {
    /// The peer of the lobby's host; absent while that has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<u32>,
    /// Grows by one with each change. What comes from a host of a lower one is too late.
    pub term: u32,
    /// To the host alone, until it keeps one of its own: what hosts before it kept last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Box<RawValue>>,
}

/// The host keeps this with the server, for whoever is host next.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// In which one is host.
    pub term: u32,
    /// Any JSON, at most 65,536 bytes.
    pub state: Box<RawValue>,
}

/// How one's links are: at each change of path, and about every ten seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// One or more of them.
    pub links: Vec<LinkReport>,
}

/// How one link is, seen from one end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkReport {
    /// Which.
    pub link: u32,
    /// Why its path has changed, if this is what is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched: Option<SwitchReason>,
    /// How it is.
    #[serde(flatten)]
    pub quality: LinkQuality,
}

/// How a link is, seen from one end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LinkQuality {
    /// What this end sends goes this way.
    pub path: Path,
    /// How it found the other, if that is direct.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// Round trip in milliseconds, 0 to 60,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<f32>,
    /// How much that varies, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<f32>,
    /// Share of probes without an answer, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f32>,
    /// Bytes sent directly.
    #[serde(default)]
    pub bytes_direct: u64,
    /// Bytes sent by relay.
    #[serde(default)]
    pub bytes_relay: u64,
    /// How often the path has changed.
    #[serde(default)]
    pub switches: u32,
}

impl LinkQuality {
    /// Whether its numbers are what they may be.
    ///
    /// # Errors
    /// A sentence about the one that is not.
    pub fn check(&self) -> Result<(), &'static str> {
        let is_time = |ms: &f32| (0.0..=MAX_REPORTED_MS).contains(ms);
        match self {
            _ if !self.rtt_ms.as_ref().is_none_or(is_time) => Err("rtt_ms is 0 to 60000"),
            _ if !self.jitter_ms.as_ref().is_none_or(is_time) => Err("jitter_ms is 0 to 60000"),
            _ if !self.loss.is_none_or(|share| (0.0..=1.0).contains(&share)) => {
                Err("loss is 0 to 1")
            }
            _ => Ok(()),
        }
    }
}

/// Which way frames go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// Through the server.
    #[default]
    Relay,
    /// By a data channel.
    Direct,
}

/// By which kind of candidate a direct link goes: the farther of its two ends. (RFC 8445, § 4)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Within one network.
    Host,
    /// As a STUN server sees it.
    Srflx,
    /// As the other end sees it.
    Prflx,
    /// Through a TURN server.
    Turn,
}

/// Why a path has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwitchReason {
    /// Probes of the direct path come back.
    Probed,
    /// Nothing has come by it for too long.
    Silent,
    /// The data channel or its connection has closed.
    Closed,
    /// The user of the library wanted it.
    Forced,
    /// It changed too often, and is left alone for a while.
    Flapping,
}

/// How the links of another peer are, as it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Who says it.
    pub from: u32,
    /// Its links.
    pub links: Vec<PeerQuality>,
}

/// How one link of another peer is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeerQuality {
    /// Its other end.
    pub peer: u32,
    /// How it is.
    #[serde(flatten)]
    pub quality: LinkQuality,
}

/// Frames of a link are dropped. Reliable ones may be sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Of which link.
    pub link: u32,
    /// [`code::RELAY_BUDGET`]
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// When to try again.
    pub retry_ms: u32,
}

/// One is no peer of the lobby any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Why.
    pub reason: GoneReason,
}

/// A STUN or TURN server, as `RTCPeerConnection` takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` and where.
    pub urls: Vec<String>,
    /// For TURN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// For TURN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// How many bytes may be relayed each second, in the long run; twice as many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// By one link, each way.
    pub link: u32,
    /// By all links of one player, each way.
    pub player: u32,
    /// By the whole lobby.
    pub lobby: u32,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// A field that is there, though it be `null`.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests;
