//! Who is not to be let in any more, whatever a signature says: accounts and single tokens, named
//! by calls and by a file of the operator's.

use std::{collections::HashSet, str::FromStr};

use super::Account;

/// Accounts and tokens that may be revoked by calls, and as many by the file.
pub(crate) const MAX_REVOKED: usize = 1_000_000;

/// An account, or one token of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// All tokens of an account: their claim `sub`.
    Account(String),
    /// One token: its claim `jti`.
    Token(String),
}

impl Revoked {
    /// True if this is about that account, or about the token it came with.
    pub(super) fn is_about(&self, account: &Account) -> bool {
        match self {
            Self::Account(id) => account.id() == id,
            Self::Token(id) => account.token_id() == Some(id),
        }
    }
}

impl FromStr for Revoked {
    type Err = ();

    /// `account ID` or `token ID`
    fn from_str(line: &str) -> Result<Self, ()> {
        match line.split_once(char::is_whitespace) {
            Some(("account", id)) => Ok(Self::Account(id.trim().to_owned())),
            Some(("token", id)) => Ok(Self::Token(id.trim().to_owned())),
            _ => Err(()),
        }
    }
}

/// All that are revoked.
#[derive(Debug, Default)]
pub(super) struct RevokedList {
    by_calls: Set,
    by_file: Set,
}

#[derive(Debug, Default)]
struct Set {
    accounts: HashSet<String>,
    tokens: HashSet<String>,
}

impl RevokedList {
    /// False if there is no room for another.
    pub(super) fn add(&mut self, revoked: Revoked) -> bool {
        self.by_calls.add(revoked)
    }

    pub(super) fn remove(&mut self, revoked: &Revoked) {
        match revoked {
            Revoked::Account(id) => self.by_calls.accounts.remove(id),
            Revoked::Token(id) => self.by_calls.tokens.remove(id),
        };
    }

    /// Takes what the file says in place of what it said before: a line for each, empty ones and
    /// those that begin with `#` aside.
    ///
    /// # Errors
    /// The line that is wrong; nothing has changed then.
    pub(super) fn read_file(&mut self, content: &str) -> Result<(), String> {
        let mut set = Set::default();
        for (at, line) in content.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
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
                || account.token_id().is_some_and(|id| set.tokens.contains(id))
        })
    }
}

impl Set {
    fn add(&mut self, revoked: Revoked) -> bool {
        let is_full = self.accounts.len() + self.tokens.len() >= MAX_REVOKED;
        let (set, id) = match revoked {
            Revoked::Account(id) => (&mut self.accounts, id),
            Revoked::Token(id) => (&mut self.tokens, id),
        };
        if is_full && !set.contains(&id) {
            return false;
        }
        set.insert(id);
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
        list.add(Revoked::Account("bob".to_owned()));
        list.read_file("").unwrap();
        assert!(!list.has(&account("ada lovelace", None)) && list.has(&account("bob", None)));
        list.remove(&Revoked::Account("bob".to_owned()));
        assert!(!list.has(&account("bob", None)));
    }

    #[test]
    fn as_many_are_revoked_as_may_be_and_not_one_more() {
        let mut list = RevokedList::default();
        let token = |n: usize| Revoked::Token(n.to_string());
        assert!((0..MAX_REVOKED).all(|n| list.add(token(n))));
        assert!(!list.add(Revoked::Account("one more".to_owned())));
        assert!(list.add(token(7)), "it is there already");
        list.remove(&token(7));
        assert!(list.add(Revoked::Account("one more".to_owned())));
    }
}
