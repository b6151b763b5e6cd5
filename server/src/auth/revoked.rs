//! Who is not to be let in any more, whatever a signature says: accounts and single tokens, named
//! by calls and by a file of the operator's.

use std::{
    collections::{HashMap, HashSet},
    str::FromStr,
};

use super::Account;

/// Accounts and tokens that may be revoked by calls, and as many by the file.
pub(crate) const MAX_REVOKED: usize = 1_000_000;
/// How often at most it is looked which of them have expired anyway: that takes a while.
const SWEEP_EVERY_MS: u64 = 10_000;

/// An account, or one token of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// All tokens of an account: their claim `sub`.
    Account(String),
    /// One token.
    Token {
        /// Its claim `jti`.
        id: String,
        /// When it expires, in milliseconds from the Unix epoch: past that it may be forgotten, to
        /// make room for others. `None`: it is known for as long as the process lives.
        until_ms: Option<u64>,
    },
}

impl Revoked {
    /// The token that an account came with, until that expires, as for a logout; `None` if it has
    /// no `jti`.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// use parlor_server::{AccountRule, Revoked};
    ///
    /// let emitter = server.emitter();
    /// server.namespace("/").accounts(AccountRule::Required).on("log out", move |cx, _| {
    ///     if let Some(token) = cx.account().and_then(|account| Revoked::token_of(account)) {
    ///         // Its other sockets go, and this one.
    ///         let _ = emitter.revoke(&token);
    ///     }
    /// });
    /// ```
    pub fn token_of(account: &Account) -> Option<Self> {
        let id = account.token_id()?.to_owned();
        Some(Self::Token { id, until_ms: account.expires_ms() })
    }

    /// True if this is about that account, or about the token it came with.
    pub(super) fn is_about(&self, account: &Account) -> bool {
        match self {
            Self::Account(id) => account.id() == id,
            Self::Token { id, .. } => account.token_id() == Some(id),
        }
    }
}

impl FromStr for Revoked {
    type Err = ();

    /// `account ID` or `token ID`
    fn from_str(line: &str) -> Result<Self, ()> {
        match line.split_once(char::is_whitespace) {
            Some(("account", id)) => Ok(Self::Account(id.trim().to_owned())),
            Some(("token", id)) => Ok(Self::Token { id: id.trim().to_owned(), until_ms: None }),
            _ => Err(()),
        }
    }
}

/// All that are revoked.
#[derive(Debug, Default)]
pub(super) struct RevokedList {
    by_calls: Set,
    by_file: Set,
    swept_ms: u64,
}

#[derive(Debug, Default)]
struct Set {
    accounts: HashSet<String>,
    /// With the times from which on they may be forgotten.
    tokens: HashMap<String, Option<u64>>,
}

impl RevokedList {
    /// False if there is no room for another at this time since the Unix epoch.
    pub(super) fn add(&mut self, unix_ms: u64, revoked: Revoked) -> bool {
        if self.by_calls.len() >= MAX_REVOKED
            && unix_ms.saturating_sub(self.swept_ms) >= SWEEP_EVERY_MS
        {
            self.swept_ms = unix_ms;
            self.by_calls.tokens.retain(|_, until_ms| until_ms.is_none_or(|end| end > unix_ms));
        }
        self.by_calls.add(revoked)
    }

    pub(super) fn remove(&mut self, revoked: &Revoked) {
        match revoked {
            Revoked::Account(id) => drop(self.by_calls.accounts.remove(id)),
            Revoked::Token { id, .. } => drop(self.by_calls.tokens.remove(id)),
        }
    }

    /// Takes what the file says in place of what it said before: a line for each, empty ones and
    /// those that begin with `#` aside. A name may hold blanks, so that a comment behind it would
    /// be part of it: it is refused.
    ///
    /// # Errors
    /// The line that is wrong; nothing has changed then.
    pub(super) fn read_file(&mut self, content: &str) -> Result<(), String> {
        let mut set = Set::default();
        let content = content.strip_prefix('\u{feff}').unwrap_or(content);
        for (at, line) in content.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.split_whitespace().skip(1).any(|word| word.starts_with('#')) {
                return Err(format!("line {}: a comment needs a line of its own", at + 1));
            }
            let revoked = line
                .parse()
                .map_err(|()| format!("line {}: neither `account ID` nor `token ID`", at + 1))?;
            if !set.add(revoked) {
                return Err(format!("it has more than {MAX_REVOKED} lines"));
            }
        }
        self.by_file = set;
        Ok(())
    }

    pub(super) fn has(&self, account: &Account) -> bool {
        [&self.by_calls, &self.by_file].into_iter().any(|set| {
            set.accounts.contains(account.id())
                || account.token_id().is_some_and(|id| set.tokens.contains_key(id))
        })
    }
}

impl Set {
    fn len(&self) -> usize {
        self.accounts.len() + self.tokens.len()
    }

    fn add(&mut self, revoked: Revoked) -> bool {
        let is_known = match &revoked {
            Revoked::Account(id) => self.accounts.contains(id),
            Revoked::Token { id, .. } => self.tokens.contains_key(id),
        };
        if !is_known && self.len() >= MAX_REVOKED {
            return false;
        }
        match revoked {
            Revoked::Account(id) => drop(self.accounts.insert(id)),
            // Who is told twice of a token remembers it for the longer time.
            Revoked::Token { id, until_ms } => {
                let known = self.tokens.entry(id).or_insert(until_ms);
                *known = known.zip(until_ms).map(|(one, other)| one.max(other));
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_is_taken_whole_or_not_at_all() {
        let account = |id: &str, token| Account::test(id, token);
        let mut list = RevokedList::default();
        list.read_file("# banned\n\n account ada lovelace \ntoken\tt1\n").unwrap();
        assert!(list.has(&account("ada lovelace", None)) && list.has(&account("bob", Some("t1"))));
        assert!(!list.has(&account("t1", Some("ada lovelace"))));
        let error = list.read_file("account bob\n\nsomebody eve").unwrap_err();
        assert_eq!(error, "line 3: neither `account ID` nor `token ID`");
        assert!(list.has(&account("ada lovelace", None)) && !list.has(&account("bob", None)));
        for comment in ["account bob # rude", "token t2\t# stolen", "account bob #"] {
            let error = list.read_file(comment).unwrap_err();
            assert_eq!(error, "line 1: a comment needs a line of its own", "{comment}");
        }
        list.read_file("\u{feff}account ada lovelace\naccount r#7").unwrap();
        assert!(list.has(&account("ada lovelace", None)) && list.has(&account("r#7", None)));
        list.add(0, Revoked::Account("bob".to_owned()));
        list.read_file("").unwrap();
        assert!(!list.has(&account("ada lovelace", None)) && list.has(&account("bob", None)));
        list.remove(&Revoked::Account("bob".to_owned()));
        assert!(!list.has(&account("bob", None)));
    }

    #[test]
    fn as_many_are_revoked_as_may_be_and_not_one_more() {
        let mut list = RevokedList::default();
        let token = |n: usize| Revoked::Token { id: n.to_string(), until_ms: None };
        let one_more = || Revoked::Account("one more".to_owned());
        assert!((0..MAX_REVOKED).all(|n| list.add(0, token(n))));
        assert!(!list.add(0, one_more()));
        assert!(list.add(0, token(7)), "it is there already");
        list.remove(&token(7));
        assert!(list.add(0, one_more()));
    }

    #[test]
    fn tokens_that_have_expired_make_room_for_others() {
        let mut list = RevokedList::default();
        let until = |n: usize, until_ms| Revoked::Token { id: n.to_string(), until_ms };
        let end = 1_000_000;
        for n in 0..MAX_REVOKED {
            assert!(list.add(0, until(n, (n > 2).then_some(end + n as u64))));
        }
        // The longer time counts.
        for until_ms in [None, Some(0), Some(u64::MAX)] {
            assert!(list.add(0, until(5, Some(u64::MAX))) && list.add(0, until(1, until_ms)));
        }
        let new = MAX_REVOKED;
        assert!(!list.add(end + 3 - 1, until(new, None)));
        assert!(!list.add(end + 6, until(new, None)), "one looks seldom");
        let later = end + 2 + SWEEP_EVERY_MS;
        assert!(list.add(later, until(new, None)));
        assert_eq!(list.by_calls.len(), MAX_REVOKED - SWEEP_EVERY_MS as usize + 2);
        for (n, is_there) in [(0, true), (1, true), (3, false), (5, true), (20_000, true)] {
            let account = Account::test("ada", Some(&n.to_string()));
            assert_eq!(list.has(&account), is_there, "{n}");
        }
    }
}
