//! What sockets are told in `/signal`: that it is due, and what they know from then on.

use super::*;

impl Peers {
    /// A socket is told something.
    pub(super) fn told(
        &mut self,
        at: usize,
        who: At,
        said: Said,
        turn: &mut Turn,
    ) -> Result<(), String> {
        let is_due = |turn: &mut Turn, said: &Said| {
            let next = turn.data.get_mut(&who).and_then(VecDeque::pop_front);
            let is_it = next.as_ref() == Some(said);
            if is_it { Ok(()) } else { Err(format!("{said:?}, where it should be {next:?}")) }
        };
        let Said::Push(name, what) = &said else {
            if let Said::Frame(_, link, _) = &said {
                self.knows_link(at, who, *link)?;
            }
            is_due(turn, &said)?;
            return match said {
                Said::Answer(_, answer) if answer["topology"].is_string() => {
                    self.has_joined(at, who, &answer, turn)
                }
                _ => Ok(()),
            };
        };
        match name.as_str() {
            "signal" => {
                self.knows_link(at, who, what["link"].as_u64().unwrap_or_default() as u32)?;
                is_due(turn, &said)
            }
            "quality" => is_due(turn, &said),
            "refused" => {
                let short = json!([what["link"], what["code"]]);
                is_due(turn, &Said::Push("refused".to_owned(), short))
            }
            "ended" => {
                self.views.remove(&(at, who));
                is_due(turn, &said)
            }
            _ => {
                let view = self.views.get_mut(&(at, who)).ok_or("no peer, but told so")?;
                let key = view.lobby;
                let hub = self.hubs.get_mut(&(at, key));
                view.told(name, what, hub, turn)
            }
        }
    }

    fn knows_link(&self, at: usize, who: At, link: u32) -> Result<(), String> {
        let view = self.views.get(&(at, who));
        let knows = view.is_some_and(|view| view.links.contains_key(&link));
        if knows { Ok(()) } else { Err(format!("link {link} is not known there")) }
    }

    fn has_joined(
        &mut self,
        at: usize,
        who: At,
        answer: &Value,
        turn: &Turn,
    ) -> Result<(), String> {
        let joined: api::Joined =
            serde_json::from_value(answer.clone()).map_err(|error| error.to_string())?;
        let Some(view) = self.views.get_mut(&(at, who)) else { return Ok(()) };
        let key = view.lobby;
        let Some(hub) = self.hubs.get_mut(&(at, key)) else { return Ok(()) };
        if turn.came != Some((joined.peer, joined.resumed)) {
            return Err(format!("{:?} has come, and not {joined:?}", turn.came));
        }
        let own = hub.peers.get(&joined.peer).map(|peer| peer.seat);
        if own != Some(joined.seat) || joined.topology != hub.topology {
            return Err(format!("{joined:?} of seat {own:?}"));
        }
        view.number = joined.peer;
        view.peers = joined.peers.iter().map(|peer| (peer.peer, peer.clone())).collect();
        view.links = joined.links.iter().map(|link| (link.link, *link)).collect();
        (view.host, view.term) = (joined.host.peer, joined.host.term);
        joined.links.iter().try_for_each(|link| hub.announce(joined.peer, link))?;
        hub.hand(joined.peer, &joined.host)
    }
}
