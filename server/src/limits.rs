//! How much clients of one network, and of one account, may do: rates that all shards share, and
//! the meter of each session. What becomes of messages past them is core's part.
//! Everything that is kept per network or account is bounded, and forgotten once it says nothing.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use parlor_core::{
    rate::{Allowance, Lease, Rate},
    time::Time,
};

use crate::{
    address::{Counted, Network, Per, PerAddress},
    config,
};

/// Networks, or accounts, that something is kept of: past it, those that say nothing are forgotten,
/// and if all do say something, who is new is not limited. Who has so many networks needs no more
/// of each.
pub(crate) const MAX_KEPT: usize = 65_536;
/// How often it is looked whether something can be forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Messages and kibibytes that a session takes from its allowances at once.
const LEASED_MESSAGES: u32 = 64;
const LEASED_KIB: u32 = 64;

/// How long a network is shut out after too many failed tokens; twice as long each further time.
const SHUT_OUT_AT_FIRST: Duration = Duration::from_secs(60);
const SHUT_OUT_AT_MOST: Duration = Duration::from_secs(3600);
/// After so long without being shut out, a network begins anew.
const SHUT_OUT_FORGOTTEN: Duration = Duration::from_secs(3600);

/// An account's CONNECTs that may come at once, in seconds' worth.
const CONNECTS_AT_ONCE: u32 = 10;

/// All of them.
#[derive(Debug)]
pub(crate) struct Limits {
    sessions: PerAddress,
    /// Sessions that have joined no namespace yet.
    pending: PerAddress,
    handshakes: Option<Rate>,
    failures: Option<Rate>,
    visitors: Mutex<Kept<Network, Visitor>>,
    sockets: Per<Arc<str>>,
    connects: Option<Rate>,
    connecting: Mutex<Kept<Arc<str>, Connects>>,
    traffic: Traffic,
    of_network: Option<Traffic>,
    of_account: Option<Traffic>,
    network_budgets: Mutex<Kept<Network, Arc<Budget>>>,
    account_budgets: Mutex<Kept<Arc<str>, Arc<Budget>>>,
}

/// A session's places among those of its network, and what it has to share with them.
#[derive(Debug)]
pub(crate) struct Pass {
    _session: Counted,
    /// Until it has joined a namespace.
    pub(crate) pending: Option<Counted>,
    pub(crate) budget: Option<Arc<Budget>>,
}

/// Why a handshake is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The network has as many sessions as it may.
    Sessions,
    /// It comes too often; it may come again after this.
    TooOften(Duration),
}

impl Limits {
    pub(crate) fn new(limits: &config::Limits, max_payload: usize) -> Self {
        let per_minute = |n: u32| Rate { burst: n, every: Duration::from_secs(60) / n };
        let traffic = Traffic::new(limits, max_payload);
        let worth = |n: u32| (n > 0).then(|| traffic.times(n));
        let (handshakes, burst) =
            (limits.max_handshakes_per_second_per_address, limits.max_handshake_burst_per_address);
        let connects = limits.max_connects_per_second_per_account;
        let failures = limits.max_failed_auths_per_minute_per_address.min(1_000_000);
        Self {
            sessions: PerAddress::new(limits.max_sessions_per_address),
            pending: PerAddress::new(limits.max_pending_sessions_per_address),
            handshakes: Rate::per_second(handshakes, burst),
            failures: (failures > 0).then(|| per_minute(failures)),
            visitors: Mutex::default(),
            sockets: Per::new(limits.max_sockets_per_account),
            connects: Rate::per_second(connects, connects.saturating_mul(CONNECTS_AT_ONCE)),
            connecting: Mutex::default(),
            traffic,
            of_network: worth(limits.max_traffic_per_address),
            of_account: worth(limits.max_traffic_per_account),
            network_budgets: Mutex::default(),
            account_budgets: Mutex::default(),
        }
    }

    /// A session begins. Who is refused uses nothing up. `is_known`: its [`Self::visit`] counts
    /// already.
    pub(crate) fn pass(&self, now: Time, network: Network, is_known: bool) -> Result<Pass, Denied> {
        let session = self.sessions.take(network).ok_or(Denied::Sessions)?;
        let pending = self.pending.take(network).ok_or(Denied::Sessions)?;
        if !is_known {
            self.visit(now, network)?;
        }
        let budget = Budget::shared(self.of_network, &self.network_budgets, now, network);
        Ok(Pass { _session: session, pending: Some(pending), budget })
    }

    /// Somebody wants something that makes work, and is nobody yet.
    pub(crate) fn visit(&self, now: Time, network: Network) -> Result<(), Denied> {
        let mut visitors = lock(&self.visitors);
        if let Some(until) = visitors.shut_out_until(now, network) {
            return Err(Denied::TooOften(until.since(now)));
        }
        let Some(rate) = self.handshakes else { return Ok(()) };
        let Some(visitor) = visitors.get(now, network, Visitor::default) else { return Ok(()) };
        let full = || (Allowance::full(now, rate), rate);
        match visitor.handshakes.get_or_insert_with(full).0.take(now, rate) {
            true => Ok(()),
            false => Err(Denied::TooOften(rate.every)),
        }
    }

    /// A client of this network has brought what may be a guess.
    pub(crate) fn auth_failed(&self, now: Time, network: Network) {
        let Some(rate) = self.failures else { return };
        if let Some(visitor) = lock(&self.visitors).get(now, network, Visitor::default) {
            visitor.failures.get_or_insert_with(|| Failures::new(now, rate)).note(now);
        }
    }

    /// True if too many tokens of this network were not accepted a while ago.
    pub(crate) fn is_shut_out(&self, now: Time, network: Network) -> bool {
        lock(&self.visitors).shut_out_until(now, network).is_some()
    }

    /// An account's socket begins.
    pub(crate) fn socket(&self, now: Time, account: &Arc<str>) -> Option<Counted<Arc<str>>> {
        let socket = self.sockets.take(Arc::clone(account))?;
        self.may_connect(now, account).then_some(socket)
    }

    /// Takes one of an account's CONNECTs, which renewals are too; false if it has none left.
    pub(crate) fn may_connect(&self, now: Time, account: &Arc<str>) -> bool {
        let Some(rate) = self.connects else { return true };
        let fresh = || Connects(Allowance::full(now, rate), rate);
        let mut connecting = lock(&self.connecting);
        let connects = connecting.get(now, Arc::clone(account), fresh);
        connects.is_none_or(|connects| connects.0.take(now, rate))
    }

    /// What an account's sessions share.
    pub(crate) fn account_budget(&self, now: Time, account: &Arc<str>) -> Option<Arc<Budget>> {
        Budget::shared(self.of_account, &self.account_budgets, now, Arc::clone(account))
    }

    /// What a new session may send before anything is counted. Most never send more, and need no
    /// meter.
    pub(crate) fn first_lease(&self) -> Lease {
        let most =
            |rate: Option<Rate>, leased| rate.map_or(u32::MAX, |rate| rate.burst.min(leased));
        let kib = most(self.traffic.kib, LEASED_KIB);
        Lease::new(most(self.traffic.messages, LEASED_MESSAGES), kib.saturating_mul(1024))
    }

    /// Takes one more message of so many bytes, for which the lease is not enough; false if that is
    /// more than may be.
    pub(crate) fn take(
        &self,
        now: Time,
        n_bytes: usize,
        (meter, lease): (&mut Option<Box<Meter>>, &mut Lease),
        shared: [Option<&Budget>; 2],
    ) -> bool {
        let meter = meter.get_or_insert_with(|| {
            let mut meter = Meter::full(now, &self.traffic);
            // The first lease.
            meter.take_up_to(now, &self.traffic, Unit::Messages, LEASED_MESSAGES);
            meter.take_up_to(now, &self.traffic, Unit::Kib, LEASED_KIB);
            Box::new(meter)
        });
        let (n_messages, n_lacking) = lease.lacks(n_bytes);
        let n_messages = if n_messages == 0 { 0 } else { LEASED_MESSAGES };
        let n_kib = if n_lacking == 0 { 0 } else { n_lacking.div_ceil(1024).max(LEASED_KIB) };
        let messages = draw(now, &self.traffic, meter, shared, Unit::Messages, n_messages);
        let kib = draw(now, &self.traffic, meter, shared, Unit::Kib, n_kib);
        lease.add(messages, kib.saturating_mul(1024));
        lease.take(n_bytes)
    }
}

/// Takes as much as all have.
fn draw(
    now: Time,
    traffic: &Traffic,
    meter: &mut Meter,
    shared: [Option<&Budget>; 2],
    unit: Unit,
    most: u32,
) -> u32 {
    let own = meter.take_up_to(now, traffic, unit, most);
    let mut n = own;
    let mut drawn: [Option<(&Budget, u32)>; 2] = [None; 2];
    for (place, budget) in drawn.iter_mut().zip(shared) {
        let Some(budget) = budget else { continue };
        let granted = lock(&budget.meter).take_up_to(now, &budget.traffic, unit, n);
        *place = Some((budget, granted));
        n = n.min(granted);
    }
    // What one had and another had not is used by nobody.
    meter.give_back(traffic, unit, own, n);
    for (budget, granted) in drawn.into_iter().flatten() {
        lock(&budget.meter).give_back(&budget.traffic, unit, granted, n);
    }
    n
}

/// How many messages and bytes may come.
#[derive(Debug, Clone, Copy)]
struct Traffic {
    messages: Option<Rate>,
    kib: Option<Rate>,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Messages,
    Kib,
}

impl Traffic {
    fn new(limits: &config::Limits, max_payload: usize) -> Self {
        let kib = |n_bytes: u32| n_bytes.div_ceil(1024);
        // A message of the largest size must fit into it.
        let largest = u32::try_from(max_payload).unwrap_or(u32::MAX);
        let burst = kib(limits.max_byte_burst.max(largest));
        let messages = Rate::per_second(limits.max_messages_per_second, limits.max_message_burst);
        Self { messages, kib: Rate::per_second(kib(limits.max_bytes_per_second), burst) }
    }

    fn times(&self, n: u32) -> Self {
        let times = |rate: Rate| {
            let per_second = 1_000_000_000 / rate.every.as_nanos().max(1);
            let per_second = u32::try_from(per_second).unwrap_or(u32::MAX).saturating_mul(n);
            Rate::per_second(per_second, rate.burst.saturating_mul(n))
        };
        Self { messages: self.messages.and_then(times), kib: self.kib.and_then(times) }
    }

    fn rate(&self, unit: Unit) -> Option<Rate> {
        match unit {
            Unit::Messages => self.messages,
            Unit::Kib => self.kib,
        }
    }
}

/// What is left of a traffic.
#[derive(Debug)]
pub(crate) struct Meter {
    messages: Allowance,
    kib: Allowance,
}

impl Meter {
    fn full(now: Time, traffic: &Traffic) -> Self {
        let full = |rate: Option<Rate>| {
            Allowance::full(now, rate.unwrap_or(Rate { burst: 0, every: Duration::MAX }))
        };
        Self { messages: full(traffic.messages), kib: full(traffic.kib) }
    }

    fn of(&mut self, unit: Unit) -> &mut Allowance {
        match unit {
            Unit::Messages => &mut self.messages,
            Unit::Kib => &mut self.kib,
        }
    }

    fn take_up_to(&mut self, now: Time, traffic: &Traffic, unit: Unit, most: u32) -> u32 {
        match traffic.rate(unit) {
            None => most,
            Some(rate) => self.of(unit).take_up_to(now, rate, most),
        }
    }

    /// Of what was granted, only so much was used.
    fn give_back(&mut self, traffic: &Traffic, unit: Unit, granted: u32, used: u32) {
        if let Some(rate) = traffic.rate(unit) {
            self.of(unit).give_back(rate, granted - used);
        }
    }

    fn is_full(&mut self, now: Time, traffic: &Traffic) -> bool {
        let mut is_full = |unit| {
            let rate = traffic.rate(unit);
            rate.is_none_or(|rate| self.of(unit).is_full(now, rate))
        };
        is_full(Unit::Messages) && is_full(Unit::Kib)
    }
}

/// What sessions on any shard share.
#[derive(Debug)]
pub(crate) struct Budget {
    traffic: Traffic,
    /// Held for a few instructions, once per lease.
    meter: Mutex<Meter>,
}

impl Budget {
    fn shared<K: Eq + Hash>(
        traffic: Option<Traffic>,
        budgets: &Mutex<Kept<K, Arc<Self>>>,
        now: Time,
        key: K,
    ) -> Option<Arc<Self>> {
        let traffic = traffic?;
        let make = || Arc::new(Self { traffic, meter: Mutex::new(Meter::full(now, &traffic)) });
        lock(budgets).get(now, key, make).map(|budget| Arc::clone(budget))
    }
}

/// What is known of a network that comes, or came, to open sessions.
#[derive(Debug, Default)]
struct Visitor {
    handshakes: Option<(Allowance, Rate)>,
    failures: Option<Failures>,
}

/// Tokens of a network that were not accepted.
#[derive(Debug)]
struct Failures {
    rate: Rate,
    allowance: Allowance,
    until: Time,
    n_times: u32,
}

impl Failures {
    fn new(now: Time, rate: Rate) -> Self {
        Self { rate, allowance: Allowance::full(now, rate), until: Time::ZERO, n_times: 0 }
    }

    fn note(&mut self, now: Time) {
        if now < self.until || self.allowance.take(now, self.rate) {
            return;
        }
        if now.since(self.until) >= SHUT_OUT_FORGOTTEN {
            self.n_times = 0;
        }
        let time = SHUT_OUT_AT_FIRST * 2_u32.saturating_pow(self.n_times.min(16));
        self.until = now + time.min(SHUT_OUT_AT_MOST);
        self.n_times += 1;
    }

    fn is_idle(&mut self, now: Time) -> bool {
        let is_forgotten = self.n_times == 0 || now.since(self.until) >= SHUT_OUT_FORGOTTEN;
        now >= self.until && is_forgotten && self.allowance.is_full(now, self.rate)
    }
}

impl Kept<Network, Visitor> {
    fn shut_out_until(&self, now: Time, network: Network) -> Option<Time> {
        let failures = self.all.get(&network)?.failures.as_ref()?;
        (failures.until > now).then_some(failures.until)
    }
}

/// An account's CONNECTs.
#[derive(Debug)]
struct Connects(Allowance, Rate);

/// Something that is kept for as long as it says something.
trait Idle {
    /// True if a new one would say the same.
    fn is_idle(&mut self, now: Time) -> bool;
}

impl Idle for Visitor {
    fn is_idle(&mut self, now: Time) -> bool {
        self.handshakes.as_mut().is_none_or(|(allowance, rate)| allowance.is_full(now, *rate))
            && self.failures.as_mut().is_none_or(|failures| failures.is_idle(now))
    }
}

impl Idle for Connects {
    fn is_idle(&mut self, now: Time) -> bool {
        self.0.is_full(now, self.1)
    }
}

impl Idle for Arc<Budget> {
    fn is_idle(&mut self, now: Time) -> bool {
        Self::strong_count(self) == 1 && lock(&self.meter).is_full(now, &self.traffic)
    }
}

/// Something per network or account, of [`MAX_KEPT`] at most.
#[derive(Debug)]
struct Kept<K, V> {
    all: HashMap<K, V>,
    swept: Option<Time>,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self { all: HashMap::new(), swept: None }
    }
}

impl<K: Eq + Hash, V: Idle> Kept<K, V> {
    /// What is kept of this one, made if it is new; `None` if there is no room for it.
    fn get(&mut self, now: Time, key: K, make: impl FnOnce() -> V) -> Option<&mut V> {
        if self.all.len() >= MAX_KEPT && !self.all.contains_key(&key) {
            if self.swept.is_some_and(|at| now.since(at) < SWEEP_EVERY) {
                return None;
            }
            self.swept = Some(now);
            self.all.retain(|_, value| !value.is_idle(now));
            if self.all.len() >= MAX_KEPT {
                return None;
            }
        }
        Some(self.all.entry(key).or_insert_with(make))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds it can panic half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn limits(change: impl FnOnce(&mut config::Limits)) -> Limits {
        let mut limits = config::Limits::default();
        change(&mut limits);
        Limits::new(&limits, 1000)
    }

    fn network(n: u32) -> Network {
        Network::of(Ipv4Addr::from_bits(n).into())
    }

    fn at(ms: u64) -> Time {
        Time::after_start(Duration::from_millis(ms))
    }

    #[test]
    fn a_network_comes_as_often_as_it_may_and_not_once_more() {
        let limits = limits(|limits| {
            limits.max_handshakes_per_second_per_address = 2;
            limits.max_handshake_burst_per_address = 3;
        });
        (0..3).for_each(|_| assert!(limits.pass(at(0), network(1), false).is_ok()));
        let half = Duration::from_millis(500);
        assert_eq!(limits.pass(at(0), network(1), false).unwrap_err(), Denied::TooOften(half));
        assert!(limits.pass(at(0), network(2), false).is_ok());
        assert!(limits.pass(at(499), network(1), false).is_err());
        assert!(limits.pass(at(500), network(1), false).is_ok());
        assert!(limits.pass(at(500), network(1), false).is_err());
    }

    #[test]
    fn a_network_has_as_many_sessions_that_join_nothing_as_it_may_and_not_one_more() {
        let limits = limits(|limits| limits.max_pending_sessions_per_address = 2);
        let mut first = limits.pass(at(0), network(1), false).unwrap();
        let _second = limits.pass(at(0), network(1), false).unwrap();
        assert_eq!(limits.pass(at(0), network(1), false).unwrap_err(), Denied::Sessions);
        first.pending = None;
        assert!(limits.pass(at(0), network(1), false).is_ok());
    }

    #[test]
    fn auth_04_a_network_with_many_bad_tokens_is_shut_out_for_longer_each_time() {
        let limits = limits(|limits| limits.max_failed_auths_per_minute_per_address = 100);
        let mut now = 0;
        for seconds in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
            for _ in 0..100 {
                limits.auth_failed(at(now), network(1));
            }
            assert!(limits.pass(at(now), network(1), false).is_ok(), "as many as may be");
            limits.auth_failed(at(now), network(1));
            let left = Denied::TooOften(Duration::from_secs(seconds));
            assert_eq!(limits.pass(at(now), network(1), false).unwrap_err(), left);
            assert!(limits.pass(at(now), network(2), false).is_ok());
            now += seconds * 1000;
            assert!(limits.pass(at(now - 1), network(1), false).is_err());
            assert!(limits.pass(at(now), network(1), false).is_ok());
        }
        now += 3600 * 1000;
        (0..101).for_each(|_| limits.auth_failed(at(now), network(1)));
        let left = Denied::TooOften(Duration::from_secs(60));
        assert_eq!(limits.pass(at(now), network(1), false).unwrap_err(), left, "it begins anew");
    }

    #[test]
    fn as_much_is_kept_as_may_be_and_what_says_nothing_any_more_is_forgotten() {
        let limits = limits(|limits| {
            limits.max_handshakes_per_second_per_address = 1;
            limits.max_handshake_burst_per_address = 1;
            limits.max_traffic_per_address = 0;
        });
        for n in 0..MAX_KEPT as u32 {
            drop(limits.pass(at(0), network(n), false).unwrap());
        }
        let n_kept = || lock(&limits.visitors).all.len();
        assert_eq!(n_kept(), MAX_KEPT);
        assert!(limits.pass(at(1), network(7), false).is_err(), "those that are known are limited");
        for _ in 0..3 {
            assert!(
                limits.pass(at(1), network(u32::MAX), false).is_ok(),
                "who finds no room is not"
            );
        }
        assert_eq!(n_kept(), MAX_KEPT);
        assert!(limits.pass(at(1001), network(u32::MAX), false).is_ok());
        assert_eq!(n_kept(), 1, "all others are as good as new");
    }

    struct Session(Option<Box<Meter>>, Lease);

    impl Limits {
        fn session(&self) -> Session {
            Session(None, self.first_lease())
        }

        /// How many messages of so many bytes are taken, of 10,000.
        fn n_taken(
            &self,
            now: Time,
            Session(meter, lease): &mut Session,
            shared: [Option<&Budget>; 2],
            n_bytes: usize,
        ) -> usize {
            let mut take =
                || lease.take(n_bytes) || self.take(now, n_bytes, (meter, lease), shared);
            (0..10_000).filter(|_| take()).count()
        }
    }

    #[test]
    fn a_session_sends_as_many_messages_as_it_may_and_not_one_more() {
        let limits = limits(|limits| {
            (limits.max_messages_per_second, limits.max_message_burst) = (100, 130);
        });
        let mut session = limits.session();
        assert_eq!(limits.n_taken(at(0), &mut session, [None; 2], 1), 130);
        assert_eq!(limits.n_taken(at(9), &mut session, [None; 2], 1), 0);
        assert_eq!(limits.n_taken(at(510), &mut session, [None; 2], 1), 51);
        assert_eq!(limits.n_taken(at(99_000), &mut session, [None; 2], 1), 130);
    }

    #[test]
    fn a_session_sends_as_many_bytes_as_it_may_and_one_message_of_the_largest_size() {
        let limits = limits(|limits| {
            limits.max_messages_per_second = 0;
            (limits.max_bytes_per_second, limits.max_byte_burst) = (10 * 1024, 100 * 1024);
        });
        let mut session = limits.session();
        assert_eq!(limits.n_taken(at(0), &mut session, [None; 2], 1024), 100);
        assert_eq!(limits.n_taken(at(1000), &mut session, [None; 2], 512), 20);
        let limits =
            self::limits(|limits| (limits.max_byte_burst, limits.max_bytes_per_second) = (1, 1));
        assert_eq!(limits.n_taken(at(0), &mut limits.session(), [None; 2], 1000), 1);
    }

    #[test]
    fn what_is_not_limited_is_not() {
        let limits = limits(|limits| {
            (limits.max_messages_per_second, limits.max_bytes_per_second) = (0, 0);
        });
        assert_eq!(limits.n_taken(at(0), &mut limits.session(), [None; 2], 1_000_000), 10_000);
    }

    #[test]
    fn sessions_of_one_account_and_of_one_network_share_what_they_may_send() {
        let limits = limits(|limits| {
            (limits.max_messages_per_second, limits.max_message_burst) = (1, 164);
            (limits.max_traffic_per_account, limits.max_traffic_per_address) = (1, 2);
        });
        let account: Arc<str> = "ada".into();
        let [of_account, again] = [(); 2].map(|()| limits.account_budget(at(0), &account).unwrap());
        assert!(Arc::ptr_eq(&of_account, &again));
        let of_network = limits.pass(at(0), network(1), false).unwrap().budget.unwrap();
        let taken = |shared| limits.n_taken(at(0), &mut limits.session(), shared, 1);
        let both = [Some(&*of_account), Some(&*of_network)];
        // Of each session, 64 are not counted.
        assert_eq!([taken(both), taken(both), taken(both)], [164, 128, 64]);
        let network_alone = [None, Some(&*of_network)];
        let taken_alone = [(); 3].map(|()| taken(network_alone));
        assert_eq!(taken_alone, [164, 128, 64], "nothing was lost");
        let of_bob = limits.account_budget(at(0), &"bob".into()).unwrap();
        assert_eq!(taken([Some(&*of_bob), Some(&*of_network)]), 64);
        let bob_alone = [Some(&*of_bob), None];
        assert_eq!([taken(bob_alone), taken(bob_alone)], [164, 128], "what he could not use");
        assert_eq!(taken([None; 2]), 164);
    }

    #[test]
    fn an_account_has_as_many_sockets_as_it_may_and_connects_as_often() {
        let limits = limits(|limits| {
            (limits.max_sockets_per_account, limits.max_connects_per_second_per_account) = (2, 1);
        });
        let ada: Arc<str> = "ada".into();
        let first = limits.socket(at(0), &ada).unwrap();
        let second = limits.socket(at(0), &ada).unwrap();
        assert!(limits.socket(at(0), &ada).is_none());
        assert!(limits.socket(at(0), &"bob".into()).is_some());
        drop((first, second));
        for _ in 2..CONNECTS_AT_ONCE {
            assert!(limits.socket(at(0), &ada).is_some());
        }
        assert!(limits.socket(at(0), &ada).is_none());
        assert!(limits.socket(at(1000), &ada).is_some());
    }
}
