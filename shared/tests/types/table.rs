//! Which events there are in which namespace, what they bring, and what they are answered.
//! A namespace, or an event, that is added to `shared::api` gets its lines here.

use crate::render::Way;
use parlor_shared::api::{self, lobby, matchmaking, signal, time};

/// The events of one namespace.
pub(crate) struct Namespace {
    /// How its maps are called: `LobbyClientToServer`, `LobbyServerToClient`.
    pub name: &'static str,
    /// What clients connect to.
    pub path: &'static str,
    /// Modules under `api` whose constants name its events: those of clients, those of the server.
    pub modules: [&'static str; 2],
    /// Where the types are written that only it uses.
    pub room: &'static str,
    /// True if [`SHARED`] is said in it too.
    pub is_shared: bool,
    pub requests: &'static [Request],
    pub pushes: &'static [Push],
}

impl Namespace {
    /// The types of all arguments and answers, and who writes them.
    pub(crate) fn types(&self) -> Vec<(String, Way)> {
        let shared = if self.is_shared { SHARED } else { (&[][..], &[][..]) };
        let last = |path: &str| {
            let path = path.strip_prefix("Option<").map_or(path, |path| path.trim_end_matches('>'));
            path.rsplit("::").next().unwrap_or_default().to_owned()
        };
        let mut all = Vec::new();
        for request in self.requests.iter().chain(shared.0) {
            all.extend(request.takes.iter().map(|(_, of)| (last(of), Way::Sent)));
            all.push((last(request.tells), Way::Got));
        }
        for push in self.pushes.iter().chain(shared.1) {
            all.extend(push.brings.iter().map(|(_, of)| (last(of), Way::Got)));
        }
        all
    }
}

/// What clients send.
pub(crate) struct Request {
    pub event: &'static str,
    pub takes: &'static [Argument],
    /// What the answer holds beside `ok`; [`NOTHING`]: there is none.
    pub tells: &'static str,
}

/// How an argument is called, and its type as Rust calls it; `Option`: it may be left out.
pub(crate) type Argument = (&'static str, &'static str);

/// The type of what does not come.
pub(crate) const NOTHING: &str = "()";

/// What the server sends.
pub(crate) struct Push {
    pub event: &'static str,
    pub brings: &'static [Argument],
}

/// Types that only those who write clients for a game need, and which of them clients write.
pub(crate) struct Game {
    pub room: &'static str,
    pub written: &'static [&'static str],
    pub read: &'static [&'static str],
}

/// Names the type, and has the compiler look whether there is one.
macro_rules! name {
    ($of:ty) => {{
        const _: std::marker::PhantomData<$of> = std::marker::PhantomData;
        stringify!($of)
    }};
}

macro_rules! requests {
    ($($event:path: ($($name:ident: $takes:ty),*) -> $tells:ty;)*) => {
        &[$(Request {
            event: $event,
            takes: &[$((stringify!($name), name!($takes))),*],
            tells: name!($tells),
        }),*]
    };
}

macro_rules! pushes {
    ($($event:path: ($($name:ident: $brings:ty),*);)*) => {
        &[$(Push { event: $event, brings: &[$((stringify!($name), name!($brings))),*] }),*]
    };
}

/// Any JSON: what only a game knows.
pub(crate) type Json = serde_json::Value;

/// One attachment.
pub(crate) type Bytes = Vec<u8>;

/// Where the constants of [`SHARED`] stand.
pub(crate) const SHARED_MODULES: [&str; 2] = ["", "time"];

/// What is said in each namespace that knows accounts and tells the time.
pub(crate) const SHARED: (&[Request], &[Push]) = (
    requests! {
        api::RENEW: (token: String) -> api::Renewed;
        time::TIME: (ask: Option<time::Ask>) -> time::Told;
    },
    pushes! {
        api::RATE_LIMITED: (rate_limited: api::RateLimited);
        api::EXPIRING: (expiring: api::Expiring);
        api::GUEST: (guest: api::GuestToken);
    },
);

pub(crate) const NAMESPACES: &[Namespace] = &[LOBBY, MATCHMAKING, SIGNAL];

const LOBBY: Namespace = Namespace {
    name: "Lobby",
    path: lobby::NAMESPACE,
    modules: ["lobby::request", "lobby::push"],
    room: "api",
    is_shared: true,
    requests: requests! {
        lobby::request::CREATE: (create: lobby::Create) -> lobby::Joined;
        lobby::request::JOIN: (join: lobby::Join) -> lobby::Joined;
        lobby::request::RESUME: (resume: lobby::Resume) -> lobby::Joined;
        lobby::request::QUICK: (quick: lobby::Quick) -> lobby::Joined;
        lobby::request::LIST: (filter: Option<lobby::Filter>) -> lobby::Listing;
        lobby::request::WATCH: (filter: Option<lobby::Filter>) -> lobby::Listing;
        lobby::request::UNWATCH: () -> lobby::Done;
        lobby::request::PRESENCE: (presence: lobby::Presence) -> lobby::Online;
        lobby::request::BLOCK: (block: lobby::Block) -> lobby::Blocked;
        lobby::request::UNBLOCK: (unblock: lobby::Unblock) -> lobby::Done;
        lobby::request::BLOCKS: () -> lobby::Blocks;
        lobby::request::SETTINGS: (settings: lobby::Settings) -> lobby::Done;
        lobby::request::HOST: (to: lobby::HandOver) -> lobby::Done;
        lobby::request::KICK: (kick: lobby::Kick) -> lobby::Done;
        lobby::request::BOT: () -> lobby::BotSeated;
        lobby::request::CLAIM: () -> lobby::Done;
        lobby::request::COLOUR: (paint: lobby::Paint) -> lobby::Done;
        lobby::request::READY: (ready: lobby::Ready) -> lobby::Done;
        lobby::request::START: () -> lobby::Done;
        lobby::request::STOP: () -> lobby::Done;
        lobby::request::CHAT: (chat: lobby::Chat) -> lobby::Done;
        lobby::request::POLL: (poll: lobby::OpenPoll) -> lobby::Done;
        lobby::request::VOTE: (vote: lobby::Vote) -> lobby::Done;
        lobby::request::REACT: (react: lobby::React) -> lobby::Done;
        lobby::request::TYPING: (typing: lobby::Typing) -> lobby::Done;
        lobby::request::ACTION: (action: Json) -> lobby::Acted;
        lobby::request::INPUT:
            (seq: u64, action: Json, when: Option<lobby::ForTick>) -> lobby::Acted;
        lobby::request::RESYNC: () -> lobby::Done;
        lobby::request::REMATCH: () -> lobby::Done;
        lobby::request::PEER: () -> lobby::PeerAdmitted;
        lobby::request::LEAVE: () -> lobby::Done;
    },
    pushes: pushes! {
        lobby::push::CHANGED: (changed: lobby::Changed);
        lobby::push::EVENT: (event: lobby::MatchEvent);
        lobby::push::VOLATILE: (volatile: lobby::VolatileEvent);
        lobby::push::STATE: (state: lobby::State);
        lobby::push::DELTA: (delta: lobby::Delta);
        lobby::push::KICKED: (kicked: lobby::Kicked);
        lobby::push::CLOSED: (closed: lobby::Closed);
        lobby::push::LISTING: (listing: lobby::ListingChange);
        lobby::push::PRESENCE: (presence: lobby::PresencePush);
        lobby::push::TYPING: (typing: lobby::TypingPush);
        lobby::push::AUDIENCE: (audience: lobby::AudiencePush);
        lobby::push::TALLY: (tally: lobby::Tally);
        lobby::push::REACTION: (reaction: lobby::ReactionPush);
    },
};

const MATCHMAKING: Namespace = Namespace {
    name: "Matchmaking",
    path: matchmaking::NAMESPACE,
    modules: ["matchmaking::request", "matchmaking::push"],
    room: "matchmaking",
    is_shared: true,
    requests: requests! {
        matchmaking::request::QUEUES: () -> matchmaking::Queues;
        matchmaking::request::CREATE: (create: matchmaking::Create) -> matchmaking::Ticket;
        matchmaking::request::TICKET: (which: Option<matchmaking::Which>) -> matchmaking::Ticket;
        matchmaking::request::CANCEL: (which: Option<matchmaking::Which>) -> matchmaking::Ticket;
        matchmaking::request::ACCEPT: (which: Option<matchmaking::Which>) -> matchmaking::Ticket;
        matchmaking::request::DECLINE: (which: Option<matchmaking::Which>) -> matchmaking::Ticket;
        matchmaking::request::PARTY:
            (which: Option<matchmaking::WhichParty>) -> matchmaking::OwnParty;
        matchmaking::request::PARTY_CREATE:
            (create: Option<matchmaking::CreateParty>) -> matchmaking::OwnParty;
        matchmaking::request::PARTY_JOIN: (join: matchmaking::JoinParty) -> matchmaking::OwnParty;
        matchmaking::request::PARTY_READY: (ready: matchmaking::PartyReady) -> lobby::Done;
        matchmaking::request::PARTY_LEAVE: () -> lobby::Done;
        matchmaking::request::PARTY_KICK: (which: matchmaking::WhichMember) -> lobby::Done;
        matchmaking::request::PARTY_PROMOTE: (which: matchmaking::WhichMember) -> lobby::Done;
        matchmaking::request::RATINGS:
            (ask: Option<matchmaking::AskRatings>) -> matchmaking::Ratings;
    },
    pushes: pushes! {
        matchmaking::push::TICKET: (ticket: matchmaking::Ticket);
        matchmaking::push::PROGRESS: (progress: matchmaking::Progress);
        matchmaking::push::PARTY: (party: matchmaking::Party);
        matchmaking::push::PARTY_LEFT: (left: matchmaking::PartyLeft);
        matchmaking::push::RATED: (rated: matchmaking::Rated);
    },
};

const SIGNAL: Namespace = Namespace {
    name: "Signal",
    path: signal::NAMESPACE,
    modules: ["signal::request", "signal::push"],
    room: "signal",
    is_shared: false,
    requests: requests! {
        signal::request::JOIN: (join: signal::Join) -> signal::Joined;
        signal::request::LEAVE: () -> lobby::Done;
        signal::request::SIGNAL: (signal: signal::Signal) -> lobby::Done;
        signal::request::OPEN: (open: signal::Open) -> lobby::Done;
        signal::request::CLOSE: (close: signal::Close) -> lobby::Done;
        signal::request::REPORT: (report: signal::Report) -> lobby::Done;
        signal::request::CHECKPOINT: (checkpoint: signal::Checkpoint) -> lobby::Done;
        signal::request::RELIABLE: (link: u32, frame: Bytes) -> ();
        signal::request::VOLATILE: (link: u32, frame: Bytes) -> ();
    },
    pushes: pushes! {
        signal::push::PEER: (peer: signal::Peer);
        signal::push::GONE: (gone: signal::Gone);
        signal::push::LINK: (link: signal::Link);
        signal::push::CLOSED: (closed: signal::Closed);
        signal::push::SIGNAL: (signal: signal::Signal);
        signal::push::HOST: (host: signal::Host);
        signal::push::QUALITY: (quality: signal::Quality);
        signal::push::REFUSED: (refused: signal::Refused);
        signal::push::ENDED: (ended: signal::Ended);
        signal::push::RELIABLE: (link: u32, frame: Bytes);
        signal::push::VOLATILE: (link: u32, frame: Bytes);
    },
};

pub(crate) const GAMES: &[Game] = &[
    Game { room: "chess", written: &["Config", "Action"], read: &["View", "Event"] },
    Game { room: "circles", written: &["Config", "Action"], read: &["View"] },
    Game { room: "relay", written: &["Config", "Action"], read: &["View", "Event"] },
];

/// Types whose serde is written by hand, or says more than TypeScript can be told by it: what they
/// are there. The samples see whether it is true.
pub(crate) const BY_HAND: &[(&str, &str)] = &[
    ("Scalar", "string | number | boolean"),
    ("Metadata", "Record<string, Scalar>"),
    ("Condition", "Scalar | { min?: number; max?: number } | { in: Scalar[] }"),
    ("Conditions", "Record<string, Condition>"),
    ("Sort", "\"newest\" | \"players\" | `+${string}` | `-${string}`"),
    ("IdempotencyKey", "string"),
    (
        "Quick",
        "Omit<Create, \"visibility\" | \"password\" | \"locked\" | \"key\"> & {\n  \
         filter?: Pick<Filter, \"text\" | \"free\" | \"metadata\">;\n}",
    ),
];

/// Types that say too little by their own names.
pub(crate) const RENAMED: &[(&str, &str)] = &[("Ask", "TimeAsk"), ("Told", "TimeTold")];
