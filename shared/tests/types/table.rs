//! Which events there are in which namespace, what they bring, and what they are answered.
//! A namespace, or an event, that is added to `shared::api` gets its lines here.

use parlor_shared::api::{self, lobby, time};

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
    pub requests: &'static [Request],
    pub pushes: &'static [Push],
}

/// What clients send.
pub(crate) struct Request {
    pub event: &'static str,
    /// Types of its arguments, as Rust calls them; `Option`: may be left out.
    pub takes: &'static [&'static str],
    /// What the answer holds beside `ok`.
    pub tells: &'static str,
}

/// What the server sends.
pub(crate) struct Push {
    pub event: &'static str,
    pub brings: &'static str,
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
    ($($event:path: ($($takes:ty),*) -> $tells:ty;)*) => {
        &[$(Request { event: $event, takes: &[$(name!($takes)),*], tells: name!($tells) }),*]
    };
}

macro_rules! pushes {
    ($($event:path: $brings:ty;)*) => {
        &[$(Push { event: $event, brings: name!($brings) }),*]
    };
}

/// Any JSON: what only a game knows.
pub(crate) type Json = serde_json::Value;

/// Where the constants of [`SHARED`] stand.
pub(crate) const SHARED_MODULES: [&str; 2] = ["", "time"];

/// What is said in each namespace that knows accounts and tells the time.
pub(crate) const SHARED: (&[Request], &[Push]) = (
    requests! {
        api::RENEW: (String) -> api::Renewed;
        time::TIME: (Option<time::Ask>) -> time::Told;
    },
    pushes! {
        api::RATE_LIMITED: api::RateLimited;
        api::EXPIRING: api::Expiring;
        api::GUEST: api::GuestToken;
    },
);

pub(crate) const NAMESPACES: &[Namespace] = &[Namespace {
    name: "Lobby",
    path: lobby::NAMESPACE,
    modules: ["lobby::request", "lobby::push"],
    room: "api",
    requests: requests! {
        lobby::request::CREATE: (lobby::Create) -> lobby::Joined;
        lobby::request::JOIN: (lobby::Join) -> lobby::Joined;
        lobby::request::RESUME: (lobby::Resume) -> lobby::Joined;
        lobby::request::QUICK: (lobby::Quick) -> lobby::Joined;
        lobby::request::LIST: (Option<lobby::Filter>) -> lobby::Listing;
        lobby::request::WATCH: (Option<lobby::Filter>) -> lobby::Listing;
        lobby::request::UNWATCH: () -> lobby::Done;
        lobby::request::PRESENCE: (lobby::Presence) -> lobby::Online;
        lobby::request::BLOCK: (lobby::Block) -> lobby::Blocked;
        lobby::request::UNBLOCK: (lobby::Unblock) -> lobby::Done;
        lobby::request::BLOCKS: () -> lobby::Blocks;
        lobby::request::SETTINGS: (lobby::Settings) -> lobby::Done;
        lobby::request::HOST: (lobby::HandOver) -> lobby::Done;
        lobby::request::KICK: (lobby::Kick) -> lobby::Done;
        lobby::request::BOT: () -> lobby::BotSeated;
        lobby::request::CLAIM: () -> lobby::Done;
        lobby::request::COLOUR: (lobby::Paint) -> lobby::Done;
        lobby::request::READY: (lobby::Ready) -> lobby::Done;
        lobby::request::START: () -> lobby::Done;
        lobby::request::STOP: () -> lobby::Done;
        lobby::request::CHAT: (lobby::Chat) -> lobby::Done;
        lobby::request::POLL: (lobby::OpenPoll) -> lobby::Done;
        lobby::request::VOTE: (lobby::Vote) -> lobby::Done;
        lobby::request::REACT: (lobby::React) -> lobby::Done;
        lobby::request::TYPING: (lobby::Typing) -> lobby::Done;
        lobby::request::ACTION: (Json) -> lobby::Acted;
        lobby::request::INPUT: (u64, Json, Option<lobby::ForTick>) -> lobby::Acted;
        lobby::request::RESYNC: () -> lobby::Done;
        lobby::request::REMATCH: () -> lobby::Done;
        lobby::request::LEAVE: () -> lobby::Done;
    },
    pushes: pushes! {
        lobby::push::CHANGED: lobby::Changed;
        lobby::push::EVENT: lobby::MatchEvent;
        lobby::push::VOLATILE: lobby::VolatileEvent;
        lobby::push::STATE: lobby::State;
        lobby::push::DELTA: lobby::Delta;
        lobby::push::KICKED: lobby::Kicked;
        lobby::push::CLOSED: lobby::Closed;
        lobby::push::LISTING: lobby::ListingChange;
        lobby::push::PRESENCE: lobby::PresencePush;
        lobby::push::TYPING: lobby::TypingPush;
        lobby::push::AUDIENCE: lobby::AudiencePush;
        lobby::push::TALLY: lobby::Tally;
        lobby::push::REACTION: lobby::ReactionPush;
    },
}];

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
