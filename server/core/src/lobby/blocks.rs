//! Whom the players have blocked whose home this shard is: lists that are kept in memory, and those
//! that were not used for longest only as long as there is room. What follows from it is decided
//! where somebody would see or hear of somebody else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use parlor_shared::api::{
    Refusal, code,
    lobby::{self as api, MAX_BLOCKS},
};
use serde::{Deserialize, Serialize};

use crate::key::Address;

/// Whom all players of one home may have blocked together, at some 300 bytes each. With more, the
/// list that was not used for longest is forgotten.
pub const MAX_BLOCKS_OF_HOME: usize = 65_536;

/// A player's home is to look after the player's list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BlockMessage {
    /// Whose list.
    pub player: Arc<str>,
    /// The socket that asks.
    pub socket: Address,
    /// Where the answer goes, if one is wanted.
    pub ack: Option<u64>,
    /// What is to be done.
    pub wish: BlockWish,
}

/// What is to be done about a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum BlockWish {
    /// Add this player, who was called so where that was seen. `None`: the id was known.
    Block(Arc<str>, Option<Box<str>>),
    /// Take somebody out.
    Unblock(api::Unblock),
    /// Tell it.
    List,
}

impl BlockMessage {
    /// About how many bytes it keeps while it waits.
    pub(crate) fn n_bytes(&self) -> usize {
        let wish = match &self.wish {
            BlockWish::Block(whom, name) => whom.len() + name.as_ref().map_or(0, |name| name.len()),
            BlockWish::Unblock(api::Unblock::Player(player)) => player.len(),
            BlockWish::Unblock(api::Unblock::Number(_)) | BlockWish::List => 0,
        };
        self.player.len() + wish
    }
}

/// Whom a player has blocked, for those who keep others' words from them. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BlockSet(Option<Arc<BTreeSet<Arc<str>>>>);

impl BlockSet {
    /// Nobody is in it.
    pub(super) const NOBODY: Self = Self(None);

    /// True if this player is in it.
    pub(super) fn has(&self, player: &str) -> bool {
        self.0.as_ref().is_some_and(|set| set.contains(player))
    }

    /// About how many bytes it keeps while it waits.
    pub(crate) fn n_bytes(&self) -> usize {
        self.0.iter().flat_map(|set| set.iter()).map(|player| player.len()).sum()
    }
}

impl FromIterator<Arc<str>> for BlockSet {
    fn from_iter<I: IntoIterator<Item = Arc<str>>>(players: I) -> Self {
        let set: BTreeSet<_> = players.into_iter().collect();
        Self((!set.is_empty()).then(|| Arc::new(set)))
    }
}

/// The machine.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    lists: BTreeMap<Arc<str>, List>,
    /// By when each was used last, the longest ago first.
    by_use: BTreeMap<u64, Arc<str>>,
    n_uses: u64,
    n_numbers: u64,
    n_entries: usize,
}

/// Never empty.
#[derive(Debug)]
struct List {
    entries: Vec<Entry>,
    used: u64,
}

/// Somebody who is blocked. There may be two of one player: one who was seen, and one by the id.
/// That it is the same one is not told.
#[derive(Debug)]
struct Entry {
    number: u64,
    whom: Arc<str>,
    /// `None`: blocked by the id.
    name: Option<Box<str>>,
}

impl Entry {
    fn travel(&self) -> api::Blocked {
        let player = self.name.is_none().then(|| self.whom.to_string());
        let name = self.name.as_deref().map(str::to_owned);
        api::Blocked { number: self.number, name, player }
    }
}

impl Blocks {
    /// True if a player has blocked another.
    pub(super) fn has_blocked(&self, player: &str, whom: &str) -> bool {
        let list = self.lists.get(player);
        list.is_some_and(|list| list.entries.iter().any(|entry| *entry.whom == *whom))
    }

    /// All whom a player has blocked.
    pub(super) fn set(&self, player: &str) -> BlockSet {
        let list = self.lists.get(player);
        let entries = list.iter().flat_map(|list| &list.entries);
        entries.map(|entry| Arc::clone(&entry.whom)).collect()
    }

    /// Adds somebody to a player's list; whose lists had to go for it.
    pub(super) fn block(
        &mut self,
        player: &Arc<str>,
        whom: Arc<str>,
        name: Option<Box<str>>,
    ) -> Result<(api::Blocked, Vec<Arc<str>>), Refusal> {
        if *player == whom {
            return Err(Refusal::new(code::BAD_REQUEST, "nobody blocks themselves"));
        }
        let list = self.lists.entry(Arc::clone(player));
        let list = list.or_insert_with(|| List { entries: Vec::new(), used: 0 });
        let is_it = |entry: &Entry| entry.whom == whom && entry.name.is_some() == name.is_some();
        let at = list.entries.iter().position(is_it);
        if at.is_none() && list.entries.len() >= MAX_BLOCKS {
            let message = format!("one may block {MAX_BLOCKS}; unblock somebody first");
            return Err(Refusal::new(code::LIMIT, message));
        }
        let at = at.unwrap_or_else(|| {
            self.n_numbers += 1;
            self.n_entries += 1;
            list.entries.push(Entry { number: self.n_numbers, whom, name: None });
            list.entries.len() - 1
        });
        list.entries[at].name = name;
        let blocked = list.entries[at].travel();
        self.used(player);
        Ok((blocked, self.make_room()))
    }

    /// Forgets the lists that were not used for longest until there is room; whose.
    fn make_room(&mut self) -> Vec<Arc<str>> {
        let mut forgotten = Vec::new();
        while self.n_entries > MAX_BLOCKS_OF_HOME
            && let Some((_, player)) = self.by_use.pop_first()
        {
            let list = self.lists.remove(&player);
            self.n_entries -= list.map_or(0, |list| list.entries.len());
            forgotten.push(player);
        }
        forgotten
    }

    /// Takes somebody out of a player's list.
    pub(super) fn unblock(&mut self, player: &Arc<str>, which: &api::Unblock) {
        let Some(list) = self.lists.get_mut(player) else { return };
        let n_before = list.entries.len();
        list.entries.retain(|entry| match which {
            api::Unblock::Number(number) => entry.number != *number,
            api::Unblock::Player(whom) => entry.name.is_some() || *entry.whom != **whom,
        });
        self.n_entries -= n_before - list.entries.len();
        if list.entries.is_empty() {
            self.by_use.remove(&list.used);
            self.lists.remove(player);
        }
        self.used(player);
    }

    /// Whom a player has blocked.
    pub(super) fn list(&mut self, player: &Arc<str>) -> api::Blocks {
        self.used(player);
        let entries = self.lists.get(player).map_or(&[][..], |list| &list.entries);
        api::Blocks { blocks: entries.iter().map(Entry::travel).collect() }
    }

    /// A player is there, or uses the list.
    pub(super) fn used(&mut self, player: &Arc<str>) {
        let Some(list) = self.lists.get_mut(player) else { return };
        self.by_use.remove(&list.used);
        self.n_uses += 1;
        list.used = self.n_uses;
        self.by_use.insert(self.n_uses, Arc::clone(player));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(blocks: &mut Blocks, player: &str, whom: &str) -> Result<Vec<Arc<str>>, String> {
        let blocked = blocks.block(&player.into(), whom.into(), None);
        blocked.map(|(_, forgotten)| forgotten).map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_player_may_block_two_hundred_and_not_one_more() {
        let mut blocks = Blocks::default();
        for i in 0..MAX_BLOCKS {
            block(&mut blocks, "ada", &i.to_string()).unwrap();
        }
        block(&mut blocks, "ada", "7").unwrap();
        assert_eq!(block(&mut blocks, "ada", "x").unwrap_err(), "E_LIMIT");
        assert_eq!(block(&mut blocks, "ada", "ada").unwrap_err(), "E_BAD_REQUEST");
        blocks.unblock(&"ada".into(), &api::Unblock::Player("7".to_owned()));
        block(&mut blocks, "ada", "x").unwrap();
        assert!(blocks.has_blocked("ada", "x") && !blocks.has_blocked("ada", "7"));
        assert!(!blocks.has_blocked("x", "ada"));
    }

    #[test]
    fn the_list_that_was_not_used_for_longest_goes_when_a_home_is_full() {
        let mut blocks = Blocks::default();
        let n_full = MAX_BLOCKS_OF_HOME / MAX_BLOCKS;
        for player in 0..n_full {
            for i in 0..MAX_BLOCKS {
                block(&mut blocks, &player.to_string(), &format!("x{i}")).unwrap();
            }
        }
        for i in 0..MAX_BLOCKS_OF_HOME % MAX_BLOCKS {
            assert!(block(&mut blocks, "last", &i.to_string()).unwrap().is_empty());
        }
        blocks.used(&"0".into());
        let forgotten = block(&mut blocks, "last", "one more").unwrap();
        assert_eq!(forgotten, ["1".into()]);
        assert!(!blocks.has_blocked("1", "x0") && blocks.has_blocked("0", "x0"));
        assert_eq!(blocks.n_entries, MAX_BLOCKS_OF_HOME + 1 - MAX_BLOCKS);
        assert_eq!(blocks.by_use.len(), blocks.lists.len());
    }

    #[test]
    fn who_was_seen_and_who_was_known_by_the_id_are_not_told_to_be_one() {
        let (mut blocks, ada) = (Blocks::default(), Arc::from("ada"));
        let seen = blocks.block(&ada, "bob".into(), Some("B".into())).unwrap().0;
        assert_eq!((seen.name.as_deref(), seen.player.as_deref()), (Some("B"), None));
        blocks.unblock(&ada, &api::Unblock::Player("bob".to_owned()));
        assert!(blocks.has_blocked("ada", "bob"), "a guess at the id tells nothing");
        let known = blocks.block(&ada, "bob".into(), None).unwrap().0;
        assert_eq!((known.name.as_deref(), known.player.as_deref()), (None, Some("bob")));
        let renamed = blocks.block(&ada, "bob".into(), Some("C".into())).unwrap().0;
        assert_eq!((renamed.number, renamed.name.as_deref()), (seen.number, Some("C")));
        assert_eq!(blocks.list(&ada).blocks, [renamed, known]);
        blocks.unblock(&ada, &api::Unblock::Number(seen.number));
        assert!(blocks.has_blocked("ada", "bob"));
        blocks.unblock(&ada, &api::Unblock::Player("bob".to_owned()));
        assert!(blocks.lists.is_empty() && blocks.by_use.is_empty() && blocks.n_entries == 0);
    }
}
