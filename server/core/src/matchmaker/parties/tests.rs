//! What parties do, in virtual time.

mod random;

use super::*;
use crate::{
    ids::REFILL,
    key::{Key as _, Origin},
};

/// Parties, stocked with identities.
struct Room {
    parties: Parties,
    ids: Ids,
    n_refills: u64,
    effects: PartyEffects,
}

fn person(n: u32) -> PersonKey {
    PersonKey::new(n, 0)
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

fn caller(n: u32, name: &str) -> Caller<'_> {
    let who = Who { player: None, address: Origin(u64::from(n)) };
    Caller { person: person(n), who, name: Some(name) }
}

impl Room {
    fn new(settings: PartySettings) -> Self {
        let parties = Parties::new(settings);
        Self { parties, ids: Ids::default(), n_refills: 0, effects: Vec::new() }
    }

    fn refill(&mut self) {
        if self.ids.n_left() == 0 {
            let fresh = (0..REFILL).map(|i| {
                let mut id = [0; ID_BYTES];
                id[..16].copy_from_slice(
                    &u128::from(self.n_refills * 1_000 + i as u64)
                        .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
                        .to_le_bytes(),
                );
                id
            });
            self.ids.refill(fresh.collect());
            self.n_refills += 1;
        }
    }

    fn create(&mut self, n: u32, name: &str) -> Result<api::OwnParty, Refusal> {
        self.refill();
        self.parties.create(caller(n, name), &mut self.ids)
    }

    fn join(&mut self, n: u32, name: &str, code: &str) -> Result<api::OwnParty, Refusal> {
        self.join_as(at(0), caller(n, name), code)
    }

    fn join_as(
        &mut self,
        now: Time,
        caller: Caller<'_>,
        code: &str,
    ) -> Result<api::OwnParty, Refusal> {
        let party = self.parties.find(now, &caller, code)?;
        self.parties.join(caller, party, &mut self.effects)
    }

    fn kick(&mut self, n: u32, number: u32) -> Result<(), Refusal> {
        self.refill();
        self.parties.kick(person(n), number, &mut self.ids, &mut self.effects)
    }

    /// Persons 0 to n - 1 in one party, whose code it gives.
    fn of(n: u32, settings: PartySettings) -> (Self, String) {
        let mut room = Self::new(settings);
        let code = room.create(0, "Ada").unwrap().party.code;
        (1..n).for_each(|n| drop(room.join(n, &format!("P{n}"), &code).unwrap()));
        room.effects.clear();
        (room, code)
    }

    fn names(&self, n: u32) -> Vec<String> {
        let told = self.parties.told(person(n)).unwrap();
        told.party.members.into_iter().map(|member| member.name).collect()
    }

    fn is_changed(&mut self) -> bool {
        let changed = |effect: &PartyEffect| matches!(effect, PartyEffect::Changed(_));
        std::mem::take(&mut self.effects).iter().any(changed)
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
    result.unwrap_err().code
}

#[test]
fn who_founds_a_party_leads_it_and_others_come_in_by_its_code() {
    let mut room = Room::new(PartySettings::default());
    let own = room.create(0, "  Ada ").unwrap();
    assert_eq!((own.member, own.party.leader, own.party.max_members), (0, 0, 16));
    assert_eq!((own.party.code.len(), room.names(0)), (6, vec!["Ada".to_owned()]));
    assert!(room.effects.is_empty(), "nobody else is there to be told");
    let typed = format!(" {}-{}", &own.party.code[..3].to_lowercase(), &own.party.code[3..]);
    let joined = room.join(1, "Bob", &typed).unwrap();
    assert_eq!((joined.member, joined.party.leader), (1, 0));
    assert!(joined.party.version > own.party.version);
    let key = room.parties.of(person(1)).unwrap();
    let all = vec![person(0), person(1)];
    let told = PartyEffect::Tell(all, joined.party);
    assert_eq!(room.effects, [PartyEffect::Changed(key), told]);
    let members = room.parties.members(key);
    assert_eq!((&*members[1].name, members[1].who.address), ("Bob", Origin(1)));
}

#[test]
fn each_is_in_one_party_at_most() {
    let (mut room, code) = Room::of(2, PartySettings::default());
    let other = room.create(5, "Eve").unwrap().party.code;
    for n in [0, 1] {
        assert_eq!(refusal(room.create(n, "Ada")), "E_PARTY");
        assert_eq!(refusal(room.join(n, "Ada", &other)), "E_PARTY");
        assert_eq!(refusal(room.join(n, "Ada", &code)), "E_PARTY");
    }
    room.parties.leave(person(1), &mut room.effects).unwrap();
    assert_eq!(room.join(1, "Bob", &other).unwrap().party.members.len(), 2);
}

#[test]
fn who_looks_like_a_member_gets_a_number_and_who_says_nothing_is_a_player() {
    let (mut room, code) = Room::of(1, PartySettings::default());
    assert_eq!(room.join(1, "ADA", &code).unwrap().party.members[1].name, "ADA 2");
    assert_eq!(room.join(2, "ada", &code).unwrap().party.members[2].name, "ada 3");
    for n in [3, 4] {
        let nameless = Caller { name: None, ..caller(n, "") };
        room.join_as(at(0), nameless, &code).unwrap();
    }
    assert_eq!(room.names(0)[3..], ["Player", "Player 2"]);
    assert_eq!(refusal(room.join(5, "a\nb", &code)), "E_NAME");
    assert_eq!(refusal(room.create(5, "")), "E_NAME");
}

#[test]
fn a_party_has_16_members_or_fewer_if_the_server_says_so_and_one_more_is_refused() {
    for (max_members, most) in [(16, 16), (200, 16), (3, 3), (0, 1)] {
        let settings = PartySettings { max_members, ..PartySettings::default() };
        let (mut room, code) = Room::of(most, settings);
        assert_eq!(room.parties.told(person(0)).unwrap().party.max_members, most as u8);
        assert_eq!(refusal(room.join(99, "Eve", &code)), "E_FULL");
        assert!(room.effects.is_empty() && room.parties.of(person(99)).is_none());
    }
}

#[test]
fn a_server_has_as_many_parties_as_it_may_and_one_more_is_refused() {
    let mut room = Room::new(PartySettings { max_parties: 2, ..PartySettings::default() });
    assert!(room.create(0, "Ada").is_ok() && room.create(1, "Bob").is_ok());
    assert_eq!(refusal(room.create(2, "Cid")), "E_LIMIT");
    room.parties.leave(person(0), &mut room.effects).unwrap();
    assert!(room.create(2, "Cid").is_ok());
}

#[test]
fn a_code_that_no_party_has_is_a_guess_of_which_an_address_has_twenty() {
    let (mut room, code) = Room::of(1, PartySettings::default());
    for bad in ["", "BCDFG", "BCDFGHJ", "0OILAE"].into_iter().cycle().take(20) {
        assert_eq!(refusal(room.join(7, "Eve", bad)), "E_NOT_FOUND");
    }
    assert_eq!(refusal(room.join(7, "Eve", &code)), "E_RATE", "even if it is right");
    for _ in 0..100 {
        assert!(room.join(8, "Fay", &code).is_ok(), "who is right does not guess");
        room.parties.leave(person(8), &mut room.effects).unwrap();
    }
}

#[test]
fn a_ticket_is_handed_in_by_the_leader_when_all_others_are_ready_and_there() {
    let (mut room, _) = Room::of(3, PartySettings::default());
    let key = room.parties.of(person(0)).unwrap();
    assert_eq!(refusal(room.parties.may_seek(person(9))), "E_PARTY");
    assert_eq!(refusal(room.parties.may_seek(person(1))), "E_PARTY");
    let refused = room.parties.may_seek(person(0)).unwrap_err();
    assert_eq!(refused.message, "P1 of your party is not ready");
    for n in [1, 2] {
        room.parties.ready(person(n), true, &mut room.effects).unwrap();
    }
    assert_eq!(room.parties.may_seek(person(0)), Ok(key));
    room.parties.gone(at(0), person(2), &mut room.effects);
    let refused = room.parties.may_seek(person(0)).unwrap_err();
    assert_eq!((&*refused.code, &*refused.message), ("E_NOT_READY", "P2 of your party is away"));
    room.parties.back(person(2), &Who::default(), &mut room.effects);
    assert_eq!(room.parties.may_seek(person(0)), Ok(key));
    room.parties.unready(key, &mut room.effects);
    assert_eq!(refusal(room.parties.may_seek(person(0))), "E_NOT_READY");
    assert!(!room.is_changed(), "nobody has come or gone");
}

#[test]
fn what_changes_nothing_is_told_to_nobody() {
    let (mut room, _) = Room::of(2, PartySettings::default());
    let key = room.parties.of(person(0)).unwrap();
    room.parties.ready(person(1), false, &mut room.effects).unwrap();
    room.parties.promote(person(0), 0, &mut room.effects).unwrap();
    room.parties.unready(key, &mut room.effects);
    room.parties.back(person(1), &Who::default(), &mut room.effects);
    room.parties.gone(at(0), person(9), &mut room.effects);
    room.parties.expire(at(1_000_000), &mut room.effects);
    assert!(room.effects.is_empty(), "{:?}", room.effects);
    room.parties.gone(at(0), person(1), &mut room.effects);
    room.parties.gone(at(9), person(1), &mut room.effects);
    assert_eq!((room.effects.len(), room.parties.deadline()), (1, Some(at(30))));
}

#[test]
fn whoever_comes_or_goes_makes_the_ticket_bad_and_nothing_else_does() {
    let (mut room, code) = Room::of(3, PartySettings::default());
    room.parties.ready(person(1), true, &mut room.effects).unwrap();
    room.parties.promote(person(0), 1, &mut room.effects).unwrap();
    room.parties.gone(at(0), person(0), &mut room.effects);
    assert!(!room.is_changed());
    room.join(3, "Cid", &code).unwrap();
    assert!(room.is_changed(), "come");
    room.parties.leave(person(3), &mut room.effects).unwrap();
    assert!(room.is_changed(), "left");
    room.kick(1, 2).unwrap();
    assert!(room.is_changed(), "sent away");
    room.parties.expire(at(30), &mut room.effects);
    assert!(room.is_changed(), "not come back");
    room.parties.leave(person(1), &mut room.effects).unwrap();
    assert!(room.is_changed() && room.parties.is_empty(), "the last one");
}

#[test]
fn who_is_away_for_thirty_seconds_is_in_the_party_no_more() {
    let (mut room, _) = Room::of(2, PartySettings::default());
    room.parties.gone(at(5), person(1), &mut room.effects);
    assert_eq!(room.parties.deadline(), Some(at(35)));
    assert!(room.parties.told(person(1)).unwrap().party.members[1].away);
    room.parties.expire(at(34), &mut room.effects);
    let from = Who { player: Some("bob".into()), address: Origin(77) };
    room.parties.back(person(1), &from, &mut room.effects);
    assert_eq!(room.parties.deadline(), None);
    let key = room.parties.of(person(1)).unwrap();
    assert_eq!(room.parties.members(key)[1].who, from, "from another address");
    room.parties.gone(at(40), person(1), &mut room.effects);
    room.effects.clear();
    room.parties.expire(at(70), &mut room.effects);
    let left = PartyEffect::Left(person(1), api::PartyLeftReason::Expired);
    let rest = PartyEffect::Tell(vec![person(0)], room.parties.told(person(0)).unwrap().party);
    assert_eq!(room.effects, [PartyEffect::Changed(key), left, rest]);
    assert_eq!((room.names(0).len(), room.parties.deadline()), (1, None));
    room.parties.back(person(1), &from, &mut room.effects);
    assert_eq!(refusal(room.parties.told(person(1))), "E_PARTY", "too late");
}

#[test]
fn who_leads_next_is_the_first_who_is_there() {
    let (mut room, _) = Room::of(4, PartySettings::default());
    let leader = |room: &Room, n| room.parties.told(person(n)).unwrap().party.leader;
    room.parties.gone(at(0), person(0), &mut room.effects);
    room.parties.gone(at(0), person(1), &mut room.effects);
    assert_eq!(leader(&room, 3), 0, "who is expected back still leads");
    room.parties.leave(person(0), &mut room.effects).unwrap();
    assert_eq!(leader(&room, 3), 2);
    room.parties.promote(person(2), 3, &mut room.effects).unwrap();
    assert_eq!(leader(&room, 3), 3);
    assert_eq!(refusal(room.parties.promote(person(2), 2, &mut room.effects)), "E_PARTY");
    room.parties.leave(person(3), &mut room.effects).unwrap();
    room.parties.leave(person(2), &mut room.effects).unwrap();
    assert_eq!(leader(&room, 1), 1, "away, but nobody else is left");
}

#[test]
fn who_is_sent_away_does_not_come_back_by_the_code_that_was() {
    let (mut room, code) = Room::of(3, PartySettings::default());
    assert_eq!(refusal(room.kick(1, 2)), "E_PARTY");
    assert_eq!(refusal(room.kick(0, 9)), "E_NOT_FOUND");
    assert_eq!(refusal(room.kick(0, 0)), "E_NOT_FOUND", "oneself");
    room.kick(0, 1).unwrap();
    assert!(room.effects.contains(&PartyEffect::Left(person(1), api::PartyLeftReason::Kicked)));
    assert_eq!(refusal(room.join(1, "Bob", &code)), "E_NOT_FOUND");
    let fresh = room.parties.told(person(0)).unwrap().party.code;
    let again = room.join(1, "Bob", &fresh).unwrap();
    assert_eq!(again.member, 3, "nobody gets another's number");
    assert_eq!(refusal(room.kick(0, 1)), "E_NOT_FOUND");
}

#[test]
fn who_is_in_no_party_can_do_nothing_in_one() {
    let (mut room, _) = Room::of(1, PartySettings::default());
    let (nobody, effects) = (person(9), &mut Vec::new());
    assert_eq!(refusal(room.parties.ready(nobody, true, effects)), "E_PARTY");
    assert_eq!(refusal(room.parties.leave(nobody, effects)), "E_PARTY");
    assert_eq!(refusal(room.parties.promote(nobody, 0, effects)), "E_PARTY");
    assert_eq!(refusal(room.parties.told(nobody)), "E_PARTY");
    assert_eq!(refusal(room.kick(9, 0)), "E_PARTY");
    assert!(effects.is_empty());
}

#[test]
fn codes_that_are_taken_are_not_given_again() {
    let mut parties = Parties::new(PartySettings::default());
    let mut ids = Ids::default();
    // Of bytes that are all the same each window is the same code.
    ids.refill(vec![[7; ID_BYTES]; REFILL]);
    parties.create(caller(0, "Ada"), &mut ids).unwrap();
    assert_eq!(refusal(parties.create(caller(1, "Bob"), &mut ids)), "E_LIMIT");
    assert!(parties.of(person(1)).is_none() && parties.len() == 1);
    let mut other = [7; ID_BYTES];
    other[8] = 9;
    ids.refill(vec![other]);
    parties.create(caller(1, "Bob"), &mut ids).unwrap();
}
