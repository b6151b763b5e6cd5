//! Who is host of a lobby's peers: the star is built around it, and what it keeps with the server
//! is handed to the next.

use super::*;

impl Hub {
    /// Another seat is the lobby's host now.
    pub(in crate::signaling) fn lead(&mut self, now: Time, seat: Option<u8>, out: &mut Out<'_>) {
        self.host_seat = seat;
        self.settle_host(now, None, out);
    }

    /// The host is the peer in the seat of the lobby's host. If that is another now, all are told
    /// but `newcomer`, who hears of it in its answer.
    pub(super) fn settle_host(&mut self, now: Time, newcomer: Option<u32>, out: &mut Out<'_>) {
        let seat = self.host_seat;
        let host = self.peers.iter().find(|peer| Some(peer.seat) == seat).map(|peer| peer.number);
        if std::mem::replace(&mut self.host, host) == host {
            return;
        }
        self.term += u32::from(!fault::is_planted(Fault::TermStays));
        let told = event(push::HOST, &self.shown_host(false));
        let to_host = event(push::HOST, &self.shown_host(true));
        for peer in self.peers.iter().filter(|peer| Some(peer.number) != newcomer) {
            let frame = if Some(peer.number) == host { &to_host } else { &told };
            peer.socket.into_iter().for_each(|socket| out.push(socket, frame));
        }
        let is_star = self.links_as.topology == Topology::Star;
        if is_star && !fault::is_planted(Fault::StarNotRebuilt) {
            self.build_star(now, newcomer, out);
        }
    }

    /// Links all with the host, and nobody else.
    fn build_star(&mut self, now: Time, newcomer: Option<u32>, out: &mut Out<'_>) {
        let host = self.host;
        let is_of_star =
            |link: &Link| host.is_some_and(|host| link.ends.iter().any(|end| end.peer == host));
        for link in self.links.iter().filter(|link| !is_of_star(link)) {
            let closed = Closed { link: link.number, reason: "host".to_owned() };
            let told = event(push::CLOSED, &closed);
            link.ends.iter().for_each(|end| self.tell(end.peer, &told, out));
        }
        self.drop_links(|link| !is_of_star(link), out.figures);
        let Some(host) = host else { return };
        let is_linked =
            |peer: &&Peer| self.links.iter().any(|link| link.side_of(peer.number).is_some());
        let others: Vec<u32> = self
            .peers
            .iter()
            .filter(|peer| peer.number != host && !is_linked(peer))
            .map(|peer| peer.number)
            .collect();
        for other in others {
            self.link(now, [host, other], newcomer, out);
        }
    }

    /// As others see the host, or as it does: until it has kept something of its own, it is told
    /// what was kept before. What was sent to it once may be lost with its connection.
    pub(super) fn shown_host(&self, is_own: bool) -> api::Host {
        let kept = self.checkpoint.as_ref().filter(|(term, _)| is_own && *term < self.term);
        let checkpoint = kept.map(|(_, state)| state.clone());
        api::Host { peer: self.host, term: self.term, checkpoint }
    }

    /// The host keeps something for whoever is host next.
    ///
    /// # Errors
    /// `E_FORBIDDEN`, `E_TERM`, `E_TOO_LARGE`.
    pub(in crate::signaling) fn keep(
        &mut self,
        number: u32,
        checkpoint: api::Checkpoint,
    ) -> Result<Done, Refusal> {
        if self.host != Some(number) {
            // Who was host until a moment ago learns that by the same code as who lags behind.
            expect_term(self.term, checkpoint.term)?;
            return Err(Refusal::new(code::FORBIDDEN, "only the host keeps checkpoints"));
        }
        if !fault::is_planted(Fault::OldCheckpointTaken) {
            expect_term(self.term, checkpoint.term)?;
        }
        if checkpoint.state.get().len() > api::MAX_CHECKPOINT_BYTES {
            let sentence = format!("a checkpoint has at most {} bytes", api::MAX_CHECKPOINT_BYTES);
            return Err(Refusal::new(signal_code::TOO_LARGE, sentence));
        }
        self.checkpoint = Some((self.term, checkpoint.state));
        Ok(Done {})
    }
}

/// A checkpoint of this term may come from this peer.
fn expect_term(term: u32, told: u32) -> Result<(), Refusal> {
    if term == told {
        return Ok(());
    }
    Err(Refusal::new(signal_code::TERM, format!("the term is {term}")))
}
