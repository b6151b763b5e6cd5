//! Faults that the simulator plants to see whether it would find them. Only with the feature
//! `planted-faults`, which nothing but the simulator of the simulator turns on; without it the
//! question is a constant `false`, and nothing of this is compiled in.

/// A mistake somebody could make, at the place where it would be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A session is pinged at once, not an interval after it opened.
    FirstPingAtOnce,
    /// Who does not answer a ping is asked again, for ever.
    PingTimeoutIgnored,
    /// A client that joins no namespace may stay.
    ConnectTimeoutIgnored,
    /// A client that takes no byte may stay.
    StallIgnored,
    /// More may wait for a client than is allowed.
    QueueUnlimited,
    /// Volatile frames of a blocked client queue up, where the newest counts.
    VolatileQueued,
    /// With one kind of volatile frames too many, the newest is dropped and not the oldest.
    NewestVolatileDropped,
    /// A reliable frame is dropped while its client is blocked.
    ReliableDroppedWhileBlocked,
    /// A frame that is begun is not finished when a session ends.
    BegunFrameAbandoned,
    /// What waits for a poll is lost when a WebSocket takes over.
    UpgradeLosesQueue,
    /// Other shards are told of a broadcast twice.
    BroadcastTwiceAbroad,
    /// Other shards are not told of broadcasts.
    BroadcastNotForwarded,
    /// On other shards nobody is excepted from a broadcast.
    ExceptIgnoredAbroad,
    /// Who leaves a room stays in it.
    LeaveIgnored,
    /// Rooms keep those who are disconnected.
    RoomKeptAfterDisconnect,
    /// Answers that come from other shards are counted twice.
    GatheredTwice,
    /// A deadline outlives its client.
    DeadlineLeftBehind,
    /// A dropped player's seat is kept for ever.
    SeatLeak,
    /// A dropped player's seat is freed at once.
    SeatFreedAtOnce,
    /// A token is good again though its successor has been used.
    TokenUsableTwice,
    /// An action is acknowledged as it was before it was applied.
    AckBeforeApply,
    /// Acknowledgements for sockets of other shards are lost.
    AckLostAbroad,
    /// Requests that were held are handled in the wrong order.
    HeldReleasedBackwards,
    /// A version is left out now and then.
    VersionSkipped,
    /// Who returns to a lobby is told of one push less than it has missed.
    MissedButOne,
    /// Private lobbies are listed.
    PrivateLobbyListed,
    /// A seat is shown what the other one may know.
    WrongSeatsView,
    /// Other shards are not told of new states.
    StateNotToldAbroad,
    /// A delta goes to clients that have another key.
    WrongDeltaBase,
    /// Who begins to look anew is sent a delta to what it had before.
    KeyNotRenewed,
    /// What was left is shown once more.
    StaleViewAfterLeaving,
    /// Who asks for a whole state gets none.
    ResyncIgnored,
    /// An input that comes twice counts twice.
    InputAppliedTwice,
    /// Ticks that are late delay those that follow.
    TickDrift,
    /// A client that comes back is sent the last event that it has once more.
    MissedFromOneBefore,
    /// Who fetches a socket from another shard does not wait for what others have on their way.
    AskerDoesNotWait,
    /// What is on its way to both counts where a socket comes from and where it comes to.
    CountedAtBothEnds,
    /// What is sent to those who are away is not kept for them.
    AwayNotLogged,
    /// Clients are taken to have what was sent before their ping, without a pong.
    ConfirmedWithoutPong,
    /// Those who are away are forgotten before their time is up.
    ForgottenTooEarly,
    /// A socket is given to whoever names its pid.
    IdentityNotChecked,
    /// Who comes back is in no room.
    RoomsNotRestored,
    /// What a shard sends to its own socket that is just leaving is lost.
    LostWhileLeaving,
    /// Who is disconnected while away comes back all the same.
    DisconnectSparesTheAway,
    /// What was fetched and cannot be given on is never forgotten.
    FetchedInVain,
    /// What a game says to one seat reaches all seats.
    WhisperToAll,
    /// A finished lobby is never open again by itself.
    FinishedForEver,
    /// What only hosts may do is done for anybody.
    OthersLead,
    /// Who is sent away does not hear of it.
    KickedUnheard,
    /// The token of who is sent away stays in the tables.
    KickedTokenKept,
    /// Who is sent away, or whose place has fallen, counts as inside on its own shard.
    RemovedStillInside,
    /// Who is kept out comes in all the same.
    BanForgotten,
    /// Any password will do, and none.
    PasswordNotAsked,
    /// A locked lobby lets everybody in.
    LockIgnored,
    /// A claim is taken though nobody is overdue.
    ClaimBeforeOverdue,
    /// Who is lost in a match is overdue at once.
    OverdueAtOnce,
    /// The audience is shown what only spectators may see.
    AudienceSeesSpectators,
    /// The audience is shown what a seat sees.
    AudienceSeesSeat,
    /// The audience hears what members say to each other.
    AudienceHearsTalk,
    /// Who has left an audience is told on.
    AudienceLeftHears,
    /// Who votes anew has two votes.
    VoteCountedTwice,
    /// A question does not end when its time is up.
    PollForever,
    /// The end of a question is told twice.
    PollEndedTwice,
    /// Who seeks a seat is never sent into a lobby that there is.
    QuickOpensAlways,
    /// Somebody takes a seat that a full lobby does not have.
    OneSeatTooMany,
    /// Nobody is told that a bot made way.
    BotMadeWayUntold,
    /// A lobby of bots alone stays.
    BotsKeepLobby,
    /// Of ticks that are late one more is left out than need be.
    OneMoreLeftOut,
    /// A countdown does not end.
    EndlessCountdown,
    /// A signal says that it is from its receiver.
    SenderAsWritten,
    /// What peers tell each other goes to the newest peer of the lobby, linked or not.
    SignalToStranger,
    /// Candidates that come before their description are lost.
    EarlyCandidatesDropped,
    /// Signals of an earlier generation pass.
    StaleGenerationPasses,
    /// An answer passes though nobody has made an offer.
    AnswerToNoOffer,
    /// A description comes behind the candidates that waited for it.
    CandidatesAhead,
    /// Signals kept for who is away are lost when it is back.
    HeldSignalsLost,
    /// The links of a peer that is gone stay.
    GoneLinkKept,
    /// A star keeps its links when another is host.
    StarNotRebuilt,
    /// Another is host in the same term.
    TermStays,
    /// A host may keep what is of an earlier term.
    OldCheckpointTaken,
    /// Both ends are told to give way.
    PoliteBoth,
    /// Any number of bytes is relayed.
    RelayUnlimited,
    /// Of frames under one key the first that waits stays.
    OlderVolatileStays,
    /// What only counts while it is new waits for as long as it takes.
    FleetingForever,
    /// Who is away stays a peer for ever.
    AwayForever,
    /// A peer may show another certificate.
    CertificateNotPinned,
    /// Where links are private, addresses are told.
    AddressesTold,
    /// What a hub says to another shard's socket is handed on twice.
    FramesTwiceAbroad,
    /// Who leaves a lobby stays a peer.
    LeftStaysPeer,
    /// Who waits again through somebody else has not waited yet.
    WaitForgotten,
    /// Who says no to a match waits on, as do the others.
    NoUnheard,
    /// Who has said no may wait anew at once.
    CoolDownForgotten,
    /// Two may meet if one of them would.
    OneWindowOfTwo,
    /// Two may meet however far they are from each other.
    RuleIgnored,
    /// All who are matched are told of the first one's seat.
    SeatGivenTwice,
    /// When somebody says no, the others do not wait again.
    OthersLost,
    /// A match has its lobby as soon as one says yes.
    OneYesIsEnough,
    /// Who asks again with the same key gets another ticket.
    TicketKeyIgnored,
    /// No queue gives anybody up.
    WaitsForever,
    /// Nobody's wish for a side counts.
    SideIgnored,
    /// Who has come to a lobby counts as absent when others have not.
    AllAbsent,
    /// Seats wait for ever.
    HoldForever,
    /// A match begins with the first who comes.
    BegunTooSoon,
    /// A seat that is kept for somebody is given away.
    StrangersSeated,
    /// The matchmaker does not hear how a match ended.
    ResultUntold,
    /// A party that has changed waits on.
    PartyWaitsOn,
    /// A party that has changed waits again when its match comes to nothing.
    PartyWaitsAgain,
    /// Of a party only its leader hears of the ticket.
    PartyTicketUntold,
    /// Those of one party sit in two teams.
    PartySplit,
    /// One more is in a party than may be.
    OnePartyMemberTooMany,
    /// Who leaves a party stays in it, for others.
    LeftStaysInParty,
    /// Who is away keeps the place in a party for ever.
    PartyAwayForever,
    /// Who is sent away from a party still knows its code.
    PartyCodeKept,
    /// Anybody leads a party.
    PartyLedByAll,
    /// A party whose leader is gone has none.
    PartyLedByNobody,
    /// A party that is another has the version that it had.
    PartyUnversioned,
    /// A party seeks that is not ready.
    UnreadySought,
    /// Who has played with a party is ready for the next match.
    ReadyForever,
    /// Nobody comes back to a party by a token.
    PartyTokenIgnored,
    /// Who asks again for a party is its first member.
    PartyKeyOfFirst,
    /// Who is in a party with others seeks a rated match alone.
    RatedBesideParty,
    /// Who seeks a rated match alone still does in a party with others.
    RatedKeptInParty,
    /// A rated match counts twice.
    RatedTwice,
    /// What a match has made of a rating is told, and forgotten.
    RatingNotKept,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 124] = [
        Self::FirstPingAtOnce,
        Self::PingTimeoutIgnored,
        Self::ConnectTimeoutIgnored,
        Self::StallIgnored,
        Self::QueueUnlimited,
        Self::VolatileQueued,
        Self::NewestVolatileDropped,
        Self::ReliableDroppedWhileBlocked,
        Self::BegunFrameAbandoned,
        Self::UpgradeLosesQueue,
        Self::BroadcastTwiceAbroad,
        Self::BroadcastNotForwarded,
        Self::ExceptIgnoredAbroad,
        Self::LeaveIgnored,
        Self::RoomKeptAfterDisconnect,
        Self::GatheredTwice,
        Self::DeadlineLeftBehind,
        Self::SeatLeak,
        Self::SeatFreedAtOnce,
        Self::TokenUsableTwice,
        Self::AckBeforeApply,
        Self::AckLostAbroad,
        Self::HeldReleasedBackwards,
        Self::VersionSkipped,
        Self::MissedButOne,
        Self::PrivateLobbyListed,
        Self::WrongSeatsView,
        Self::StateNotToldAbroad,
        Self::WrongDeltaBase,
        Self::KeyNotRenewed,
        Self::StaleViewAfterLeaving,
        Self::ResyncIgnored,
        Self::InputAppliedTwice,
        Self::TickDrift,
        Self::MissedFromOneBefore,
        Self::AskerDoesNotWait,
        Self::CountedAtBothEnds,
        Self::AwayNotLogged,
        Self::ConfirmedWithoutPong,
        Self::ForgottenTooEarly,
        Self::IdentityNotChecked,
        Self::RoomsNotRestored,
        Self::LostWhileLeaving,
        Self::DisconnectSparesTheAway,
        Self::FetchedInVain,
        Self::WhisperToAll,
        Self::FinishedForEver,
        Self::OthersLead,
        Self::KickedUnheard,
        Self::KickedTokenKept,
        Self::RemovedStillInside,
        Self::BanForgotten,
        Self::PasswordNotAsked,
        Self::LockIgnored,
        Self::ClaimBeforeOverdue,
        Self::OverdueAtOnce,
        Self::AudienceSeesSpectators,
        Self::AudienceSeesSeat,
        Self::AudienceHearsTalk,
        Self::AudienceLeftHears,
        Self::VoteCountedTwice,
        Self::PollForever,
        Self::PollEndedTwice,
        Self::QuickOpensAlways,
        Self::OneSeatTooMany,
        Self::BotMadeWayUntold,
        Self::BotsKeepLobby,
        Self::OneMoreLeftOut,
        Self::EndlessCountdown,
        Self::SenderAsWritten,
        Self::SignalToStranger,
        Self::EarlyCandidatesDropped,
        Self::StaleGenerationPasses,
        Self::AnswerToNoOffer,
        Self::CandidatesAhead,
        Self::HeldSignalsLost,
        Self::GoneLinkKept,
        Self::StarNotRebuilt,
        Self::TermStays,
        Self::OldCheckpointTaken,
        Self::PoliteBoth,
        Self::RelayUnlimited,
        Self::OlderVolatileStays,
        Self::FleetingForever,
        Self::AwayForever,
        Self::CertificateNotPinned,
        Self::AddressesTold,
        Self::FramesTwiceAbroad,
        Self::LeftStaysPeer,
        Self::WaitForgotten,
        Self::NoUnheard,
        Self::CoolDownForgotten,
        Self::OneWindowOfTwo,
        Self::RuleIgnored,
        Self::SeatGivenTwice,
        Self::OthersLost,
        Self::OneYesIsEnough,
        Self::TicketKeyIgnored,
        Self::WaitsForever,
        Self::SideIgnored,
        Self::AllAbsent,
        Self::HoldForever,
        Self::BegunTooSoon,
        Self::StrangersSeated,
        Self::ResultUntold,
        Self::PartyWaitsOn,
        Self::PartyWaitsAgain,
        Self::PartyTicketUntold,
        Self::PartySplit,
        Self::OnePartyMemberTooMany,
        Self::LeftStaysInParty,
        Self::PartyAwayForever,
        Self::PartyCodeKept,
        Self::PartyLedByAll,
        Self::PartyLedByNobody,
        Self::PartyUnversioned,
        Self::UnreadySought,
        Self::ReadyForever,
        Self::PartyTokenIgnored,
        Self::PartyKeyOfFirst,
        Self::RatedBesideParty,
        Self::RatedKeptInParty,
        Self::RatedTwice,
        Self::RatingNotKept,
    ];
}

/// True if this fault is planted in this process.
#[cfg(not(feature = "planted-faults"))]
pub(crate) const fn is_planted(_: Fault) -> bool {
    false
}

#[cfg(feature = "planted-faults")]
mod planted {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::Fault;

    /// The fault's number and one; 0 if there is none.
    static PLANTED: AtomicU8 = AtomicU8::new(0);

    /// Plants a fault in the whole process, or takes it out.
    pub fn plant(fault: Option<Fault>) {
        PLANTED.store(fault.map_or(0, |fault| fault as u8 + 1), Ordering::Relaxed);
    }

    pub(crate) fn is_planted(fault: Fault) -> bool {
        PLANTED.load(Ordering::Relaxed) == fault as u8 + 1
    }
}

#[cfg(feature = "planted-faults")]
pub(crate) use planted::is_planted;
#[cfg(feature = "planted-faults")]
pub use planted::plant;
