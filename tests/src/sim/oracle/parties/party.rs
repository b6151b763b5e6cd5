//! One party: its versions tell one story, whoever is told of them.

use std::collections::{BTreeMap, BTreeSet};

use parlor_shared::api::matchmaking as api;

use super::Check;

/// One party, with all that anybody was told of it.
#[derive(Debug, Default)]
pub(super) struct Party {
    pub(super) versions: BTreeMap<u64, api::Party>,
    /// Whom each number means, as far as that is known.
    pub(super) clients: BTreeMap<u32, usize>,
    /// Who is no member after a version.
    pub(super) left: Vec<(u64, u32)>,
    /// Codes that are good no more after a version.
    pub(super) codes: Vec<(u64, String)>,
    /// Members who have perhaps left, or been sent away.
    pub(super) going: BTreeSet<u32>,
}

impl Party {
    /// Versions agree with each other, and with who has left.
    pub(super) fn agrees(&self) -> Check {
        let mut before: Option<&api::Party> = None;
        let mut newest_number = None;
        for told in self.versions.values() {
            let (now, was) = (numbers(told), before.map(numbers).unwrap_or_default());
            let is_ghost = |number: &&u32| newest_number.is_some_and(|newest| **number <= newest);
            if let Some(ghost) = now.difference(&was).find(is_ghost) {
                return Err(format!("{ghost} was gone, and is in {told:?}"));
            }
            let leads = now.contains(&told.leader);
            let names: BTreeSet<&str> = told.members.iter().map(|one| &*one.name).collect();
            if !leads || names.len() < now.len() || now.len() < told.members.len() {
                return Err(format!("{told:?}"));
            }
            newest_number = newest_number.max(now.last().copied());
            before = Some(told);
        }
        for (version, number) in &self.left {
            let mut later = self.versions.range(version + 1..);
            if let Some((_, ghost)) = later.find(|(_, told)| numbers(told).contains(number)) {
                return Err(format!("{number} has left after version {version}: {ghost:?}"));
            }
        }
        for (version, code) in &self.codes {
            let mut later = self.versions.range(version + 1..);
            if let Some((_, open)) = later.find(|(_, told)| told.code == *code) {
                return Err(format!("somebody was sent away by version {version}: {open:?}"));
            }
        }
        Ok(())
    }
}

/// By which its members are known.
pub(super) fn numbers(party: &api::Party) -> BTreeSet<u32> {
    party.members.iter().map(|member| member.member).collect()
}
