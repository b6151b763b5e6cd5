//! What a client asks in namespace `/lobby`, read from an event once.

use parlor_shared::{
    api::{
        Refusal, code,
        lobby::{self as api, Metadata, request as name},
    },
    socket_io::{Args, json},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::value::RawValue;

use crate::events::{argument, first};

/// Highest number of an input: the largest whole number that JavaScript counts exactly to.
pub const MAX_SEQ: u64 = (1 << 53) - 1;

/// A request that could be read.
#[derive(Debug, Clone)]
pub enum Request {
    /// Open a lobby.
    Create(Box<api::Create>),
    /// Join one.
    Join(api::Join),
    /// Seek a seat in one.
    Quick(Box<api::Quick>),
    /// Return to one.
    Resume(api::Resume),
    /// List public ones.
    List(Box<api::Filter>),
    /// Be told what changes of that.
    Watch(Box<api::Filter>),
    /// Not any more.
    Unwatch,
    /// Be told which players are online.
    Presence(api::Presence),
    /// See and hear no more of somebody.
    Block(api::Block),
    /// Do so again.
    Unblock(api::Unblock),
    /// Say whom one has blocked.
    Blocks,
    /// Change how the lobby is run.
    Settings(Box<api::Settings>),
    /// Make another seat host.
    Host(api::HandOver),
    /// Send somebody away.
    Kick(Box<api::Kick>),
    /// Seat a bot.
    Bot,
    /// Claim, as others are overdue.
    Claim,
    /// Choose a colour.
    Colour(api::Paint),
    /// Be ready or not.
    Ready(api::Ready),
    /// Begin the match.
    Start,
    /// End the countdown.
    Stop,
    /// Say something.
    Chat(api::Chat),
    /// Ask audience and spectators something.
    Poll(api::OpenPoll),
    /// Answer that.
    Vote(api::Vote),
    /// Show a reaction.
    React(api::React),
    /// Begin or stop typing.
    Typing(api::Typing),
    /// Do something in the match.
    Action(Box<RawValue>),
    /// Do something in the match once, however often this number comes; perhaps with a tick that is
    /// not the next.
    Input(u64, Box<RawValue>, Option<api::ForTick>),
    /// Get a whole state next.
    Resync,
    /// Want another match.
    Rematch,
    /// Become a peer of the others.
    Peer,
    /// Leave.
    Leave,
}

impl Request {
    /// Reads an event's name and arguments.
    ///
    /// # Errors
    /// `E_UNKNOWN_EVENT`, or `E_BAD_REQUEST` with what serde says.
    pub fn read(args: &Args<'_>) -> Result<Self, Refusal> {
        Ok(match args.name().as_ref() {
            name::CREATE => Self::Create(first(args)?),
            name::JOIN => Self::Join(first(args)?),
            name::QUICK => Self::Quick(first(args)?),
            name::RESUME => Self::Resume(first(args)?),
            name::LIST => {
                Self::List(if has_argument(args) { first(args)? } else { Box::default() })
            }
            name::WATCH => {
                Self::Watch(if has_argument(args) { first(args)? } else { Box::default() })
            }
            name::UNWATCH => Self::Unwatch,
            name::PRESENCE => Self::Presence(first(args)?),
            name::BLOCK => Self::Block(first(args)?),
            name::UNBLOCK => Self::Unblock(first(args)?),
            name::BLOCKS => Self::Blocks,
            name::SETTINGS => Self::Settings(first(args)?),
            name::HOST => Self::Host(first(args)?),
            name::KICK => Self::Kick(first(args)?),
            name::BOT => Self::Bot,
            name::CLAIM => Self::Claim,
            name::COLOUR => Self::Colour(first(args)?),
            name::READY => Self::Ready(first(args)?),
            name::START => Self::Start,
            name::STOP => Self::Stop,
            name::CHAT => Self::Chat(first(args)?),
            name::POLL => Self::Poll(first(args)?),
            name::VOTE => Self::Vote(first(args)?),
            name::REACT => Self::React(first(args)?),
            name::TYPING => Self::Typing(first(args)?),
            name::ACTION => Self::Action(argument(args, 0)?),
            name::INPUT => {
                let seq = argument(args, 0)?;
                if !(1..=MAX_SEQ).contains(&seq) {
                    let message = format!("the number of an input is 1 to {MAX_SEQ}");
                    return Err(Refusal::new(code::BAD_REQUEST, message));
                }
                let for_tick = args.raw().nth(2).is_some_and(|raw| raw != "null");
                let for_tick = if for_tick { Some(argument(args, 2)?) } else { None };
                Self::Input(seq, argument(args, 1)?, for_tick)
            }
            name::RESYNC => Self::Resync,
            name::REMATCH => Self::Rematch,
            name::PEER => Self::Peer,
            name::LEAVE => Self::Leave,
            _ => return Err(Refusal::new(code::UNKNOWN_EVENT, "no such event in /lobby")),
        })
    }
}

impl Request {
    /// By which it may be sent again.
    pub(super) fn key(&self) -> Option<&api::IdempotencyKey> {
        match self {
            Self::Create(create) => create.key.as_ref(),
            Self::Join(join) => join.key.as_ref(),
            _ => None,
        }
    }

    /// Bytes of what its client may write at length.
    pub(crate) fn n_bytes(&self) -> usize {
        let key = self.key().map_or(0, |key| key.as_str().len());
        key + match self {
            Self::Create(create) => {
                let config = create.config.as_ref().map_or(0, |config| config.get().len());
                let password = create.password.as_ref().map_or(0, String::len);
                create.name.len() + password + config + create.metadata.n_bytes()
            }
            Self::Join(join) => join.name.len() + join.password.as_ref().map_or(0, String::len),
            Self::List(filter) | Self::Watch(filter) => filter.n_bytes(),
            Self::Presence(presence) => presence.players.iter().map(String::len).sum(),
            Self::Block(api::Block::Spectator(name)) => name.len(),
            Self::Settings(settings) => {
                let metadata = settings.metadata.as_ref().map_or(0, Metadata::n_bytes);
                settings.password.as_ref().map_or(0, String::len) + metadata
            }
            Self::Chat(chat) => chat.text.len(),
            Self::React(react) => react.reaction.len(),
            Self::Poll(open) => {
                open.question.len() + open.options.iter().map(String::len).sum::<usize>()
            }
            Self::Action(action) | Self::Input(_, action, _) => action.get().len(),
            _ => 0,
        }
    }
}

/// Between nodes a request travels as it came from its client: an event's JSON.
impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        let event = match self {
            Self::Create(create) => serde_json::to_string(&(name::CREATE, create)),
            Self::Join(join) => serde_json::to_string(&(name::JOIN, join)),
            Self::Quick(quick) => serde_json::to_string(&(name::QUICK, quick)),
            Self::Resume(resume) => serde_json::to_string(&(name::RESUME, resume)),
            Self::List(list) => serde_json::to_string(&(name::LIST, list)),
            Self::Watch(filter) => serde_json::to_string(&(name::WATCH, filter)),
            Self::Unwatch => serde_json::to_string(&(name::UNWATCH,)),
            Self::Presence(presence) => serde_json::to_string(&(name::PRESENCE, presence)),
            Self::Block(block) => serde_json::to_string(&(name::BLOCK, block)),
            Self::Unblock(unblock) => serde_json::to_string(&(name::UNBLOCK, unblock)),
            Self::Blocks => serde_json::to_string(&(name::BLOCKS,)),
            Self::Settings(settings) => serde_json::to_string(&(name::SETTINGS, settings)),
            Self::Host(host) => serde_json::to_string(&(name::HOST, host)),
            Self::Kick(kick) => serde_json::to_string(&(name::KICK, kick)),
            Self::Bot => serde_json::to_string(&(name::BOT,)),
            Self::Claim => serde_json::to_string(&(name::CLAIM,)),
            Self::Colour(colour) => serde_json::to_string(&(name::COLOUR, colour)),
            Self::Ready(ready) => serde_json::to_string(&(name::READY, ready)),
            Self::Start => serde_json::to_string(&(name::START,)),
            Self::Stop => serde_json::to_string(&(name::STOP,)),
            Self::Chat(chat) => serde_json::to_string(&(name::CHAT, chat)),
            Self::Poll(open) => serde_json::to_string(&(name::POLL, open)),
            Self::Vote(vote) => serde_json::to_string(&(name::VOTE, vote)),
            Self::React(react) => serde_json::to_string(&(name::REACT, react)),
            Self::Typing(typing) => serde_json::to_string(&(name::TYPING, typing)),
            Self::Action(action) => serde_json::to_string(&(name::ACTION, action)),
            Self::Input(seq, action, for_tick) => {
                serde_json::to_string(&(name::INPUT, seq, action, for_tick))
            }
            Self::Resync => serde_json::to_string(&(name::RESYNC,)),
            Self::Rematch => serde_json::to_string(&(name::REMATCH,)),
            Self::Peer => serde_json::to_string(&(name::PEER,)),
            Self::Leave => serde_json::to_string(&(name::LEAVE,)),
        };
        serializer.serialize_str(&event.map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = String::deserialize(deserializer)?;
        if json::check(&event).is_err() || !event.starts_with('[') {
            return Err(D::Error::custom("not an event"));
        }
        Self::read(&Args::of_event(&event, &[]))
            .map_err(|refusal| D::Error::custom(refusal.message))
    }
}

fn has_argument(args: &Args<'_>) -> bool {
    args.raw().next().is_some_and(|raw| raw != "null")
}
