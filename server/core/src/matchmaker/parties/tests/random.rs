//! Random people in random parties, beside a plain model: after every step all are told what is
//! true, and at the end nothing is left.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const N_PEOPLE: u32 = 7;
const MAX_MEMBERS: usize = 3;
const MAX_PARTIES: usize = 3;

#[derive(Debug, Clone)]
enum Op {
    Create(u32),
    /// Joins by the code that this one was told last.
    Join(u32, u32),
    Ready(u32, bool),
    Leave(u32),
    Kick(u32, u32),
    Promote(u32, u32),
    Gone(u32),
    Back(u32),
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let who = || 0..N_PEOPLE;
    prop_oneof![
        2 => who().prop_map(Op::Create),
        5 => (who(), who()).prop_map(|(who, whose)| Op::Join(who, whose)),
        2 => (who(), any::<bool>()).prop_map(|(who, ready)| Op::Ready(who, ready)),
        1 => who().prop_map(Op::Leave),
        1 => (who(), 0..6_u32).prop_map(|(who, number)| Op::Kick(who, number)),
        1 => (who(), 0..6_u32).prop_map(|(who, number)| Op::Promote(who, number)),
        2 => who().prop_map(Op::Gone),
        2 => who().prop_map(Op::Back),
        2 => (1..20_u64).prop_map(Op::Wait),
    ]
}

/// A party as a plain list.
#[derive(Debug, Clone, Default)]
struct Plain {
    /// Who, by which number, ready, and since when away.
    members: Vec<(u32, u32, bool, Option<u64>)>,
    leader: u32,
    n_numbers: u32,
}

#[derive(Debug, Default)]
struct Model {
    parties: Vec<Plain>,
    now: u64,
}

impl Model {
    fn of(&mut self, who: u32) -> Option<&mut Plain> {
        self.parties.iter_mut().find(|party| party.members.iter().any(|member| member.0 == who))
    }

    /// Takes somebody out. True if there was somebody to take out.
    fn let_go(&mut self, who: u32) -> bool {
        let is_in = self.of(who).is_some();
        if let Some(party) = self.of(who) {
            party.members.retain(|member| member.0 != who);
            let present = party.members.iter().find(|member| member.3.is_none());
            if party.leader == who {
                party.leader =
                    present.or_else(|| party.members.first()).map_or(who, |member| member.0);
            }
        }
        self.parties.retain(|party| !party.members.is_empty());
        is_in
    }

    fn led_by(&mut self, who: u32, number: u32) -> Option<u32> {
        let party = self.of(who).filter(|party| party.leader == who)?;
        party.members.iter().find(|member| member.1 == number).map(|member| member.0)
    }

    /// What should come of it: whether it is done, and whether anybody has come or gone.
    fn apply(&mut self, op: &Op, codes_led_to: Option<u32>) -> (bool, bool) {
        let now = self.now;
        match *op {
            Op::Create(who) => {
                let may = self.of(who).is_none() && self.parties.len() < MAX_PARTIES;
                if may {
                    let members = vec![(who, 0, false, None)];
                    self.parties.push(Plain { members, leader: who, n_numbers: 1 });
                }
                (may, false)
            }
            Op::Join(who, _) => {
                let is_outside = self.of(who).is_none();
                let party = codes_led_to.and_then(|member| self.of(member));
                let party = party.filter(|party| party.members.len() < MAX_MEMBERS);
                let Some(party) = party.filter(|_| is_outside) else { return (false, false) };
                party.members.push((who, party.n_numbers, false, None));
                party.n_numbers += 1;
                (true, true)
            }
            Op::Ready(who, ready) => {
                let Some(party) = self.of(who) else { return (false, false) };
                party.members.iter_mut().filter(|m| m.0 == who).for_each(|m| m.2 = ready);
                (true, false)
            }
            Op::Leave(who) => {
                let may = self.let_go(who);
                (may, may)
            }
            Op::Kick(who, number) => {
                let other = self.led_by(who, number).filter(|other| *other != who);
                let may = other.is_some_and(|other| self.let_go(other));
                (may, may)
            }
            Op::Promote(who, number) => {
                let Some(other) = self.led_by(who, number) else { return (false, false) };
                self.of(who).into_iter().for_each(|party| party.leader = other);
                (true, false)
            }
            Op::Gone(who) | Op::Back(who) => {
                let is_away = matches!(op, Op::Gone(_));
                let party = self.of(who).into_iter();
                for member in party.flat_map(|party| &mut party.members).filter(|m| m.0 == who) {
                    member.3 = is_away.then_some(member.3.unwrap_or(now));
                }
                (true, false)
            }
            Op::Wait(seconds) => {
                self.now += seconds;
                let all = self.parties.iter().flat_map(|party| &party.members);
                let mut late: Vec<(u64, u32)> = all
                    .filter_map(|m| Some((m.3?, m.0)))
                    .filter(|m| m.0 + 30 <= self.now)
                    .collect();
                late.sort_unstable();
                assert!(late.iter().all(|(_, who)| self.let_go(*who)));
                (true, !late.is_empty())
            }
        }
    }
}

/// What somebody believes.
type Beliefs = BTreeMap<PersonKey, api::Party>;

fn hear(beliefs: &mut Beliefs, effects: PartyEffects) -> bool {
    let mut has_changed = false;
    for effect in effects {
        match effect {
            PartyEffect::Tell(all, party) => {
                for who in all {
                    let before = beliefs.insert(who, party.clone());
                    assert!(before.is_none_or(|before| before.version < party.version));
                }
            }
            PartyEffect::Left(who, _) => {
                assert!(beliefs.remove(&who).is_some(), "{who:?} left what it was not in");
            }
            PartyEffect::Changed(_) => has_changed = true,
        }
    }
    has_changed
}

fn check(room: &Room, model: &mut Model, beliefs: &Beliefs) {
    let parties = &room.parties;
    assert_eq!(parties.len(), model.parties.len());
    assert_eq!(parties.by_code.len(), parties.len());
    let n_members: usize = model.parties.iter().map(|party| party.members.len()).sum();
    assert_eq!((parties.by_person.len(), beliefs.len()), (n_members, n_members));
    for who in 0..N_PEOPLE {
        let told = parties.told(person(who));
        let Some(plain) = model.of(who) else {
            assert!(told.is_err() && parties.of(person(who)).is_none());
            continue;
        };
        let own = told.unwrap();
        assert_eq!(beliefs.get(&person(who)), Some(&own.party), "{who} believes what is so");
        let told: Vec<(u32, bool, bool)> =
            own.party.members.iter().map(|m| (m.member, m.ready, m.away)).collect();
        let so: Vec<(u32, bool, bool)> =
            plain.members.iter().map(|m| (m.1, m.2, m.3.is_some())).collect();
        assert_eq!(told, so);
        let number = |who| plain.members.iter().find(|m| m.0 == who).unwrap().1;
        assert_eq!((own.member, own.party.leader), (number(who), number(plain.leader)));
        let may_seek =
            plain.leader == who && plain.members.iter().all(|m| m.0 == who || m.2 && m.3.is_none());
        assert_eq!(parties.may_seek(person(who)).is_ok(), may_seek);
        let names = own.party.members.iter().map(|member| name::fold(&member.name));
        assert_eq!(names.collect::<std::collections::BTreeSet<_>>().len(), so.len());
    }
    let all = model.parties.iter().flat_map(|party| &party.members);
    let due = all.filter_map(|member| Some(at(member.3? + 30))).min();
    assert_eq!(parties.deadline(), due);
}

fn run(ops: &[Op]) {
    let mut room = Room::new(PartySettings {
        max_members: MAX_MEMBERS as u8,
        max_parties: MAX_PARTIES,
        ..PartySettings::default()
    });
    let (mut model, mut beliefs) = (Model::default(), Beliefs::new());
    let mut codes: BTreeMap<u32, String> = BTreeMap::new();
    let end = (0..N_PEOPLE).map(Op::Gone).chain([Op::Wait(30)]);
    for (step, op) in ops.iter().cloned().chain(end).enumerate() {
        let effects = &mut room.effects;
        let code = if let Op::Join(_, whose) = op { codes.get(&whose).cloned() } else { None };
        let led_to = code.as_ref().and_then(|code| {
            let mut all = (0..N_PEOPLE).map(|n| (n, room.parties.told(person(n))));
            all.find(|(_, told)| told.as_ref().is_ok_and(|own| own.party.code == *code))
        });
        let (should, changes) = model.apply(&op, led_to.map(|(n, _)| n));
        let now = at(model.now);
        let done = match op {
            Op::Create(n) => room.create(n, "Ada").map(|own| {
                beliefs.insert(person(n), own.party);
            }),
            Op::Join(n, _) => {
                // From another address each time, so that nobody guesses too often.
                let who = Who { player: None, address: Origin(step as u64) };
                let caller = Caller { who, ..caller(n, "ADA") };
                let code = code.unwrap_or_default();
                room.join_as(now, caller, &code).map(drop)
            }
            Op::Ready(n, ready) => room.parties.ready(person(n), ready, effects),
            Op::Leave(n) => room.parties.leave(person(n), effects),
            Op::Kick(n, number) => room.kick(n, number),
            Op::Promote(n, number) => room.parties.promote(person(n), number, effects),
            Op::Gone(n) => {
                room.parties.gone(now, person(n), effects);
                Ok(())
            }
            Op::Back(n) => {
                room.parties.back(person(n), &Who::default(), effects);
                Ok(())
            }
            Op::Wait(_) => {
                room.parties.expire(now, effects);
                Ok(())
            }
        };
        assert_eq!(done.is_ok(), should, "{op:?}: {done:?}");
        let has_changed = hear(&mut beliefs, std::mem::take(&mut room.effects));
        assert_eq!(has_changed, changes, "{op:?}");
        check(&room, &mut model, &beliefs);
        codes.extend(
            (0..N_PEOPLE).filter_map(|n| Some((n, room.parties.told(person(n)).ok()?.party.code))),
        );
    }
    assert!(room.parties.is_empty() && room.parties.away.is_empty() && beliefs.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn random_people_find_what_a_plain_model_says(ops in prop::collection::vec(op(), 1..120)) {
        run(&ops);
    }
}
