//! Real JSON of everything that travels: what serde takes or writes, the TypeScript compiler has to
//! take too. `npm test` of the SDK has it look.

use serde::{Serialize, de::DeserializeOwned};

use crate::{model::room_of, table::RENAMED};

/// One value and its type.
pub(crate) struct Sample {
    pub room: String,
    pub name: String,
    pub is_sent: bool,
    pub json: String,
}

/// What clients may send: serde takes it.
fn sent<T: DeserializeOwned>(json: &str) -> Sample {
    let read: Result<T, _> = serde_json::from_str(json);
    assert!(read.is_ok(), "{json}: {:?}", read.err());
    sample::<T>(true, json.to_owned())
}

/// What clients get: as serde writes it.
fn got<T: DeserializeOwned + Serialize>(json: &str) -> Sample {
    let read: T = serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"));
    sample::<T>(false, serde_json::to_string(&read).unwrap())
}

fn sample<T>(is_sent: bool, json: String) -> Sample {
    let path = std::any::type_name::<T>();
    let (_, path) = path.split_once("::api::").unwrap();
    let (module, own) = path.rsplit_once("::").unwrap_or(("", path));
    let name = RENAMED.iter().find(|(from, _)| *from == own).map_or(own, |(_, to)| to);
    Sample { room: room_of(module), name: name.to_owned(), is_sent, json }
}

macro_rules! samples {
    ($($way:ident $of:ty: $($json:literal),+;)*) => { vec![$($($way::<$of>($json)),+),*] };
}

/// Of each type the least that it may hold and, where there is more, all.
pub(crate) fn all() -> Vec<Sample> {
    let mut all = ways_in();
    all.extend(within());
    all.extend(told());
    all.extend(signals());
    all.extend(tickets());
    all.extend(games());
    all
}

/// Two values each, and what leads from the first to the second.
pub(crate) fn deltas() -> Vec<[serde_json::Value; 3]> {
    const PAIRS: [(&str, &str); 10] = [
        (r#"{"a":1}"#, r#"{"a":1}"#),
        (r#"{"a":1,"long":"what stays as it is"}"#, r#"{"a":2,"long":"what stays as it is"}"#),
        (r#"{"a":1,"long":"what stays as it is"}"#, r#"{"b":null,"long":"what stays as it is"}"#),
        (r#"{"a":{"b":[1,2,3]},"l":"stays"}"#, r#"{"a":{"b":[1,5,3,4]},"l":"stays"}"#),
        (r#"{"a":[1111,2222,3333,4444]}"#, r#"{"a":[1111,2222]}"#),
        (r#"{"a":[1111,2222,3333,4444]}"#, r#"{"a":[]}"#),
        (r##"{"#":1,"long":"what stays as it is"}"##, r##"{"#":2,"long":"what stays as it is"}"##),
        (r#"{"0":1,"long":"what stays as it is"}"#, r#"{"0":0,"long":"what stays as it is"}"#),
        (
            r#"{"__proto__":{"a":1,"long":"what stays as it is"},"x":0}"#,
            r#"{"__proto__":{"a":2,"long":"what stays as it is"},"x":0}"#,
        ),
        (
            r#"{"x":0,"y":"what stays as it is"}"#,
            r#"{"x":0,"y":"what stays as it is","__proto__":[1]}"#,
        ),
    ];
    let pair = |(base, next): (&str, &str)| {
        let [base, next] = [base, next].map(|json| serde_json::from_str(json).unwrap());
        let delta = parlor_shared::api::delta::diff(&base, &next);
        [base, next, delta]
    };
    PAIRS.map(pair).into()
}

fn ways_in() -> Vec<Sample> {
    use parlor_shared::api::{lobby::*, time};
    samples! {
        sent Create:
            r#"{"game":"chess","name":"A"}"#,
            r#"{"game":"chess","config":{"white":"host"},"visibility":"public","password":"p",
                "capacity":2,"max_spectators":3,"locked":true,"fill":true,"start":"full","name":"A",
                "colour":"teal","metadata":{"a":1,"b":"c","d":false},"deltas":true,
                "format":"msgpack","key":"0123456789abcdef"}"#;
        sent Join:
            r#"{"code":"ABCDE"}"#,
            r#"{"id":"x","name":"A","rename":true,"role":"audience","password":"p","colour":"red",
                "deltas":true,"format":"json","key":"0123456789abcdef"}"#;
        sent Quick:
            r#"{"game":"chess","name":"A"}"#,
            r#"{"game":"chess","name":"A","filter":{"text":"t","free":1,"metadata":{"a":true}},
                "metadata":{"a":true},"start":"ready"}"#;
        sent Resume: r#"{"token":"t"}"#, r#"{"token":"t","version":7,"deltas":true}"#;
        sent Filter:
            r#"{}"#,
            r#"{"game":"chess","text":"t","phase":"open","free":1,"has_password":false,
                "locked":false,"sort":"players","limit":100,
                "metadata":{"a":1,"b":{"min":1},"c":{"min":1,"max":2},"d":{"in":["x",2,true]}}}"#,
            r#"{"sort":"+level"}"#, r#"{"sort":"-level"}"#, r#"{"sort":"newest"}"#;
        sent Presence: r#"{"players":["a","b"]}"#;
        sent Block: r#"{"seat":1}"#, r#"{"spectator":"A"}"#, r#"{"player":"a"}"#;
        sent Unblock: r#"{"number":1}"#, r#"{"player":"a"}"#;
        sent time::Ask: r#"{}"#, r#"{"echo":"e"}"#;
        got time::Told:
            r#"{"server_ms":1,"echo":"e"}"#, r#"{"server_ms":1,"rtt_ms":0.25,"echo":"e"}"#;
        got Joined:
            r#"{"lobby":{"id":"i","code":"c","game":"chess","config":{},"visibility":"private",
                "phase":"open","version":1,"seats":[],"capacity":2,"needed":2,"spectators":0},
                "token":""}"#,
            r#"{"lobby":{"id":"i","code":"c","game":"chess","config":null,"visibility":"public",
                "password":true,"locked":true,"fill":true,"start":"ready","phase":"starting",
                "starts_at_ms":1,"version":1,"host":0,"seats":[{"seat":0,"name":"A",
                "connected":true,"ready":true,"overdue":true,"colour":"red","bot":true}],
                "capacity":2,"needed":2,"spectators":0,"audience":3,"max_spectators":4,
                "poll":{"number":1,"question":"?","options":["a","b"],"ends_ms":1},
                "metadata":{"a":1},"state":{"number":1,"turn":2,"tick":3,
                "players":[{"seat":0,"name":"A"}],"view":[1],"outcome":{"winners":[0],
                "reason":"mate"},"applied":{"0":5},"n":1,"key":true}},
                "seat":0,"token":"t","created":true,"missed":3}"#;
        got Listing: r#"{"lobbies":[]}"#;
        got ListingChange:
            r#"{}"#,
            r#"{"added":[{"id":"i","game":"g","host":"A","players":1,"capacity":2,"phase":"open"}],
                "changed":[{"id":"i","game":"g","host":"A","players":1,"bots":1,"capacity":2,
                "phase":"playing","password":true,"locked":true,"made_ms":1,"metadata":{"a":"b"}}],
                "removed":["x"]}"#;
        got Online: r#"{"online":["a"]}"#;
        got PresencePush: r#"{"player":"a","online":true}"#;
        got Blocked: r#"{"number":1}"#, r#"{"number":1,"name":"A","player":"a"}"#;
        got Blocks: r#"{"blocks":[{"number":1}]}"#;
        got PeerAdmitted: r#"{"token":"aaaaaaaaaaaaaaaaaaaaaaaa"}"#;
    }
}

fn within() -> Vec<Sample> {
    use parlor_shared::api::{self, lobby::*};
    samples! {
        sent Settings:
            r#"{}"#,
            r#"{"visibility":"unlisted","password":"","capacity":2,"max_spectators":3,
                "start":"host","fill":false,"locked":true,"metadata":{}}"#;
        sent HandOver: r#"{"seat":1}"#;
        sent Kick: r#"{"seat":1}"#, r#"{"spectator":"A","ban":"player"}"#, r#"{"ban":"address"}"#;
        sent Paint: r#"{"colour":"black"}"#;
        sent Ready: r#"{"ready":true}"#;
        sent Chat: r#"{"text":"t"}"#;
        sent OpenPoll: r#"{"question":"?","options":["a","b"],"seconds":1}"#;
        sent Vote: r#"{"option":0}"#;
        sent React: r#"{"reaction":"r"}"#;
        sent Typing: r#"{"typing":true}"#;
        sent ForTick: r#"{"tick":1}"#;
        got Done: r#"{}"#;
        got Acted: r#"{"turn":1}"#;
        got BotSeated: r#"{"seat":1}"#;
        got api::Refusal: r#"{"code":"E_FULL","message":"m"}"#;
        got api::Renewed: r#"{"expires":1}"#;
        got api::RateLimited: r#"{"code":"E_RATE","message":"m","dropped":1}"#;
        got api::Expiring: r#"{"in_ms":1}"#;
        got api::GuestToken: r#"{"token":"t","account":"a","expires":1}"#;
    }
}

fn told() -> Vec<Sample> {
    use parlor_shared::api::lobby::*;
    samples! {
        got Changed: r#"{"version":1,"change":{"type":"stopped"}}"#;
        got Change:
            r#"{"type":"joined","seat":0,"name":"A","connected":true,"ready":false}"#,
            r#"{"type":"dropped","seat":0,"kept_until_ms":1,"claim_from_ms":2}"#,
            r#"{"type":"overdue","seat":0}"#,
            r#"{"type":"returned","seat":0}"#,
            r#"{"type":"left","seat":0,"reason":"left"}"#,
            r#"{"type":"left","seat":0,"reason":"expired"}"#,
            r#"{"type":"left","seat":0,"reason":"made_way"}"#,
            r#"{"type":"host","seat":0}"#,
            r#"{"type":"settings","visibility":"public","password":false,"capacity":2,
                "max_spectators":3,"locked":false,"start":"host"}"#,
            r#"{"type":"colour","seat":0,"colour":"red"}"#,
            r#"{"type":"ready","seat":0,"ready":true}"#,
            r#"{"type":"spectators","count":1}"#,
            r#"{"type":"starting","at_ms":1}"#,
            r#"{"type":"opened"}"#,
            r#"{"type":"started","number":1}"#,
            r#"{"type":"finished","outcome":{"winners":[],"reason":"r"}}"#,
            r#"{"type":"poll","number":1,"question":"?","options":["a","b"],"ends_ms":1}"#,
            r#"{"type":"poll_ended","number":1,"votes":[1,2]}"#,
            r#"{"type":"chat","name":"A","text":"t","at_ms":1}"#,
            r#"{"type":"chat","name":"A","seat":1,"text":"t","at_ms":1}"#;
        got MatchEvent: r#"{"version":1,"turn":1,"event":{}}"#;
        got VolatileEvent: r#"{"turn":1,"event":{}}"#;
        got State: r#"{"number":1,"turn":0,"players":[],"view":null}"#;
        got Delta: r#"{"n":2,"base":1,"delta":{"a":[1]}}"#;
        got Kicked: r#"{"reason":"kicked"}"#, r#"{"reason":"banned"}"#;
        got Closed: r#"{"reason":"idle"}"#, r#"{"reason":"no_show"}"#;
        got TypingPush: r#"{"name":"A","typing":true}"#, r#"{"name":"A","seat":1,"typing":false}"#;
        got AudiencePush: r#"{"count":1}"#;
        got Tally: r#"{"number":1,"votes":[1]}"#;
        got ReactionPush: r#"{"name":"A","reaction":"r"}"#;
    }
}

fn tickets() -> Vec<Sample> {
    use parlor_shared::api::matchmaking::*;
    samples! {
        sent Create:
            r#"{"queue":"blitz"}"#,
            r#"{"queue":"blitz","name":"Ada","attributes":{"level":3,"mode":"ctf",
                "modes":["a","b"]},"latencies":{"eu":20},"avoid":["bob"],"side":1,"party":true,
                "key":"0123456789abcdef"}"#;
        sent Which: "{}", r#"{"ticket":"aaaaaaaaaaaaaaaaaaaaaaaa"}"#;
        sent AskRatings: "{}", r#"{"player":"ada"}"#;
        got Ticket:
            r#"{"ticket":"aaaaaaaaaaaaaaaaaaaaaaaa","queue":"blitz","state":"ended",
                "reason":"cancelled","waited_ms":1}"#,
            r#"{"ticket":"aaaaaaaaaaaaaaaaaaaaaaaa","queue":"blitz","state":"queued",
                "reason":"other_declined","waited_ms":1,"position":2,
                "estimate":{"p50_ms":1,"p95_ms":2},"why":{"code":"difference","message":"m"},
                "proposal":{"left_ms":1,"players":2,"accepted":1},
                "assignment":{"game":"chess","lobby":"aaaaaaaaaaaaaaaaaaaaaaaa","code":"ABCDEF",
                    "seat":0,"token":"t","left_ms":1,"team":0,"region":"eu"}}"#;
        got Progress:
            r#"{"ticket":"aaaaaaaaaaaaaaaaaaaaaaaa","waited_ms":1,"position":2}"#,
            r#"{"ticket":"aaaaaaaaaaaaaaaaaaaaaaaa","waited_ms":1,"position":2,
                "estimate":{"p50_ms":1,"p95_ms":2},"why":{"code":"alone","message":"m"}}"#;
        got Queues:
            r#"{"queues":[{"name":"blitz","game":"chess","config":{"a":1},"teams":2,"team_size":1,
                "max_party":1,"rated":true,"ladder":"chess/blitz",
                "asks":[{"name":"pace","kind":"texts","required":true,"choices":["3+2","5+0"]},
                {"name":"level","kind":"number","required":true},
                {"name":"version","kind":"same","required":false}],
                "asks_latencies":false,"accept_ms":0,"bots_after_ms":0,"give_up_ms":120000,
                "waiting":3}]}"#,
            r#"{"queues":[{"name":"blitz","game":"chess","config":{"a":1},"teams":2,"team_size":1,
                "max_party":1,"rated":true,"ladder":"l","asks":[],
                "asks_latencies":true,"accept_ms":9,"bots_after_ms":9,"give_up_ms":9,"waiting":3,
                "estimate":{"p50_ms":1,"p95_ms":2}}]}"#;
        got Ratings:
            r#"{"ratings":[{"ladder":"l","rating":1500,"deviation":350,"provisional":true,
                "games":0}]}"#;
        sent CreateParty: "{}", r#"{"name":"Ada"}"#;
        sent JoinParty: r#"{"code":"ABCDEF"}"#, r#"{"code":"ABCDEF","name":"Ada"}"#;
        sent WhichParty: "{}", r#"{"token":"aaaaaaaaaaaaaaaaaaaaaaaa"}"#;
        sent PartyReady: r#"{"ready":true}"#;
        sent WhichMember: r#"{"member":1}"#;
        got OwnParty:
            r#"{"party":{"version":1,"code":"ABCDEF","leader":0,"max_members":4,
                "members":[{"member":0,"name":"Ada"},
                {"member":1,"name":"Bob","ready":true,"away":true}]},"member":1}"#,
            r#"{"party":{"version":0,"code":"ABCDEF","leader":0,"max_members":4,
                "members":[{"member":0,"name":"Ada"}]},"member":0,
                "token":"aaaaaaaaaaaaaaaaaaaaaaaa"}"#;
        got Party:
            r#"{"version":1,"code":"ABCDEF","leader":0,"max_members":4,
                "members":[{"member":0,"name":"Ada"}]}"#;
        got PartyLeft: r#"{"reason":"kicked"}"#;
        got Rated:
            r#"{"rating":{"ladder":"l","rating":1500,"deviation":350,"provisional":true,
                "games":0},"before":1500}"#,
            r#"{"rating":{"ladder":"l","rating":1500,"deviation":350,"provisional":true,
                "games":0},"before":1500,"unchanged":true}"#;
    }
}

fn signals() -> Vec<Sample> {
    use parlor_shared::api::signal::*;
    samples! {
        sent Join:
            r#"{"token":"aaaaaaaaaaaaaaaaaaaaaaaa"}"#,
            r#"{"token":"aaaaaaaaaaaaaaaaaaaaaaaa","resume":1,"rtc":false,"private":true,
                "key":"k"}"#;
        sent Signal:
            r#"{"link":1,"generation":0,"candidate":null}"#,
            r#"{"link":1,"generation":0,"description":{"type":"offer","sdp":"s"}}"#,
            r#"{"link":1,"generation":0,"candidate":{"candidate":"c","sdpMid":"0",
                "sdpMLineIndex":0,"usernameFragment":"u"}}"#;
        got Signal:
            r#"{"link":1,"generation":0,"candidate":null}"#,
            r#"{"link":1,"generation":0,"description":{"type":"answer","sdp":"s"}}"#;
        sent Open: r#"{"peer":1}"#;
        sent Close: r#"{"link":1}"#, r#"{"link":1,"reason":"r"}"#;
        sent Report:
            r#"{"links":[{"link":1,"path":"relay"}]}"#,
            r#"{"links":[{"link":1,"switched":"silent","path":"direct","via":"srflx","rtt_ms":1.5,
                "jitter_ms":0,"loss":0.5,"bytes_direct":1,"bytes_relay":2,"switches":3}]}"#;
        sent Checkpoint: r#"{"term":1,"state":{"a":1}}"#;
        got Joined:
            r#"{"peer":1,"seat":0,"lobby":"aaaaaaaaaaaaaaaaaaaaaaaa","resumed":false,
                "topology":"star","private":false,"host":{"term":1},"peers":[{"peer":2,"seat":1,
                "here":true,"rtc":true}],"links":[{"link":1,"peer":2,"polite":true,"offer":false,
                "rtc":true}],"ice_servers":[{"urls":["stun:x"]}],
                "budget":{"link":1,"player":2,"lobby":3}}"#;
        got Peer: r#"{"peer":2,"seat":1,"here":true,"rtc":true,"key":"k"}"#;
        got Gone: r#"{"peer":2,"reason":"unseated"}"#;
        got Link: r#"{"link":1,"peer":2,"polite":true,"offer":false,"rtc":true}"#;
        got Closed: r#"{"link":1,"reason":"host"}"#;
        got Host: r#"{"term":1}"#, r#"{"peer":1,"term":2,"checkpoint":{"a":1}}"#;
        got Quality: r#"{"from":1,"links":[{"peer":2,"path":"direct","via":"host"}]}"#;
        got Refused: r#"{"link":1,"code":"E_RELAY_BUDGET","message":"m","retry_ms":1}"#;
        got Ended: r#"{"reason":"replaced"}"#;
    }
}

fn games() -> Vec<Sample> {
    use parlor_shared::api::{chess, circles, relay};
    samples! {
        sent chess::Config:
            r#"{}"#, r#"{"white":"random","fen":"f","clock":{"initial_ms":1000}}"#;
        sent chess::Action:
            r#"{"type":"move","move":"e4"}"#, r#"{"type":"resign"}"#, r#"{"type":"offer_draw"}"#,
            r#"{"type":"accept_draw"}"#, r#"{"type":"decline_draw"}"#, r#"{"type":"claim_draw"}"#;
        got chess::View:
            r#"{"fen":"f","turn":"white","white":0,"black":1,"moves":[],"check":false,
                "can_claim_draw":false,"legal":[]}"#,
            r#"{"fen":"f","turn":"black","white":0,"black":1,"moves":["e4"],"last":"e2e4",
                "check":true,"draw_offer":1,"can_claim_draw":true,"legal":["e7e5"],
                "clock":{"white_ms":1,"black_ms":2,"since_ms":3,"first_move_until_ms":4}}"#;
        got chess::Event:
            r#"{"type":"moved","side":"white","san":"e4","uci":"e2e4","ply":1}"#,
            r#"{"type":"draw_offered","seat":0}"#, r#"{"type":"draw_declined","seat":0}"#;
        sent circles::Config: r#"{}"#, r#"{"drifting":1,"width":64,"height":64,"ticks":1}"#;
        sent circles::Action: r#"{"type":"steer","x":0.5,"y":-1}"#;
        got circles::View:
            r#"{"tick":1,"circles":[{"x":1,"y":2,"r":3},{"seat":0,"x":1,"y":2,"r":3}]}"#;
        sent relay::Config: r#"{}"#, r#"{"max_bytes":1,"per_second":1,"burst":1}"#;
        sent relay::Action:
            r#"{"type":"send","to":"all","data":null}"#,
            r#"{"type":"send","to":1,"data":{},"volatile":true}"#,
            r#"{"type":"send","to":[0,1],"data":1}"#,
            r#"{"type":"publish","state":[]}"#,
            r#"{"type":"finish"}"#, r#"{"type":"finish","winners":[0],"reason":"r"}"#;
        got relay::View: r#"{"seats":[0],"state":null}"#, r#"{"host":0,"seats":[0],"state":{}}"#;
        got relay::Event: r#"{"type":"message","from":0,"data":[1]}"#;
    }
}
