//! The handlers of namespace `/`, as a user could have written them: whatever a client says, they
//! do something at random that sockets of all shards may notice.

use std::time::Duration;

use parlor_core::{
    cluster::{Change, Question},
    delivery::Delivery,
    effect::DisconnectReason,
    input::{AckToken, Input, Target},
    key::{NamespaceKey, SocketKey},
    volatile_by_name,
};
use parlor_shared::socket_io::{Binary, Draft, Frame};

use super::{Sim, agenda::Happening, chance::Chance as _, oracle::MAIN};

const ROOMS: [&str; 5] = ["a", "b", "c", "d", "e"];

impl Sim {
    /// A socket wants in: most are let in at once, some after a while, a few not at all.
    pub(super) fn connecting(&mut self, at: usize, socket: SocketKey) {
        let answer = if self.random.one_in(30) {
            Input::Refuse(socket, "not today".to_owned(), None)
        } else {
            Input::Admit(socket)
        };
        let mut wishes = vec![answer];
        if self.random.one_in(3) {
            // Handlers may put a socket into a room before they let it in.
            wishes.insert(0, Input::Join(socket, self.random.pick(&ROOMS).to_owned()));
        }
        self.wish(at, wishes);
    }

    /// A client has said something.
    pub(super) fn handle_event(
        &mut self,
        at: usize,
        socket: SocketKey,
        name: &str,
        args: &str,
        ack: Option<u64>,
    ) {
        let number = args.split([',', ']']).nth(1).and_then(|word| word.parse().ok());
        self.oracle.heard(at, socket, number.unwrap_or(u64::MAX));
        match (name, ack) {
            ("echo", Some(id)) => {
                let mut draft = Draft::ack();
                draft.arg(&number).expect("numbers have a JSON form");
                let frame = draft.into_ack("/", id).expect("no attachments");
                let echo =
                    Input::Emit(MAIN.into(), Target::socket(socket), frame, Delivery::Reliable);
                self.wish(at, vec![echo]);
            }
            _ if self.random.one_in(6) => {
                let later = self.now + self.random.ms(0, 1_500);
                self.agenda.note(later, Happening::Act(at, MAIN, socket));
            }
            _ => {
                let wishes = self.act(at, MAIN, socket);
                self.shards[at].wanted.extend(wishes);
            }
        }
    }

    pub(super) fn act_arrives(&mut self, at: usize, namespace: NamespaceKey, socket: SocketKey) {
        for wish in self.act(at, namespace, socket) {
            self.input(at, wish);
        }
    }

    pub(super) fn act(
        &mut self,
        at: usize,
        namespace: NamespaceKey,
        socket: SocketKey,
    ) -> Vec<Input<'static>> {
        if namespace == MAIN { self.act_in_main(at, socket) } else { self.act_in_kept(at, socket) }
    }

    /// Handlers are quick, or take their time.
    pub(super) fn wish(&mut self, at: usize, wishes: Vec<Input<'static>>) {
        if self.random.one_in(6) {
            let later = self.now + self.random.ms(0, 1_500);
            self.agenda.note(later, Happening::Wish(at, wishes));
        } else {
            self.shards[at].wanted.extend(wishes);
        }
    }

    pub(super) fn wish_arrives(&mut self, at: usize, wishes: Vec<Input<'static>>) {
        for wish in wishes {
            self.input(at, wish);
        }
    }

    fn act_in_main(&mut self, at: usize, socket: SocketKey) -> Vec<Input<'static>> {
        let room = self.random.pick(&ROOMS).to_owned();
        match self.random.below(24) {
            0..5 => vec![Input::Join(socket, room)],
            5 => vec![Input::Leave(socket, room)],
            6..12 => vec![self.news(at, Some(socket), 0)],
            12 | 13 => (0..3).map(|_| self.news(at, None, 3_000)).collect(),
            14..18 => {
                let n = self.random.between(1, 12);
                (0..n).map(|i| self.picture(at, i)).collect()
            }
            18 | 19 => {
                let (number, draft) = self.question();
                let timeout = Some(self.random.ms(100, 4_000));
                vec![Input::Ask(socket, draft, AckToken(number), timeout)]
            }
            20 => {
                let (number, draft) = self.question();
                let question = Question::Ask(MAIN.into(), self.target(None), draft, self.timeout());
                vec![Input::Gather(AckToken(number), question)]
            }
            21 => {
                let number = self.number();
                let question = Question::Sockets(MAIN.into(), self.target(None));
                vec![Input::Gather(AckToken(number), question)]
            }
            22 => {
                let rooms = vec![room, self.random.pick(&ROOMS).to_owned()];
                let change = match self.random.below(3) {
                    0 => Change::Leave(rooms),
                    _ => Change::Join(rooms),
                };
                vec![Input::Change(MAIN.into(), self.target(None), change)]
            }
            _ => self.disconnect(socket),
        }
    }

    fn disconnect(&mut self, socket: SocketKey) -> Vec<Input<'static>> {
        let reason = DisconnectReason::ServerNamespaceDisconnect;
        match self.random.below(8) {
            0 => vec![Input::Disconnect(socket, true, reason)],
            1 | 2 => vec![Input::Disconnect(socket, false, reason)],
            3 => {
                let rooms = [self.random.pick(&ROOMS).into()].into();
                let target = Target { rooms, ..self.target(None) };
                vec![Input::Change(MAIN.into(), target, Change::Disconnect(self.random.one_in(2)))]
            }
            _ => Vec::new(),
        }
    }

    fn timeout(&mut self) -> Duration {
        self.random.ms(100, 4_000)
    }

    fn number(&mut self) -> u64 {
        self.n_emitted += 1;
        self.n_emitted
    }

    fn question(&mut self) -> (u64, Draft) {
        let number = self.number();
        let mut draft = Draft::event("ask").expect("not reserved");
        draft.arg(&number).expect("numbers have a JSON form");
        (number, draft)
    }

    /// A reliable broadcast.
    fn news(&mut self, at: usize, except: Option<SocketKey>, n_more: usize) -> Input<'static> {
        let target = self.target(except);
        Input::Emit(MAIN.into(), target, self.event(at, "news", n_more), Delivery::Reliable)
    }

    /// A volatile broadcast of one of several kinds.
    fn picture(&mut self, at: usize, kind: u64) -> Input<'static> {
        let name = format!("picture {kind}");
        let delivery = volatile_by_name(&MAIN.into(), &name);
        Input::Emit(MAIN.into(), self.target(None), self.event(at, &name, 100), delivery)
    }

    fn event(&mut self, at: usize, name: &str, n_more: usize) -> Frame {
        self.trace.n_broadcasts += 1;
        let number = self.number();
        let mut draft = Draft::event(name).expect("not reserved");
        let mut arg = |value: &dyn erased::Arg| value.write(&mut draft);
        arg(&number);
        arg(&(at as u64));
        arg(&"x".repeat(n_more));
        if self.random.one_in(5) {
            arg(&Binary::from(number.to_le_bytes().to_vec()));
        }
        draft.into_event("/", None).expect("one attachment at most")
    }

    fn target(&mut self, except: Option<SocketKey>) -> Target {
        let rooms = (0..self.random.below(3)).map(|_| self.random.pick(&ROOMS).into());
        let mut target = Target { rooms: rooms.collect(), ..Target::default() };
        match self.random.below(8) {
            0 => target.except = [self.random.pick(&ROOMS).into()].into(),
            1 => target.local = true,
            2 => target.except_socket = except,
            3 => {
                let id = self.oracle.some_id(&mut self.random);
                target.rooms = id.map(Into::into).into_iter().collect();
            }
            _ => {}
        }
        target
    }
}

/// Arguments of several types.
mod erased {
    use parlor_shared::socket_io::Draft;
    use serde::Serialize;

    pub(super) trait Arg {
        fn write(&self, draft: &mut Draft);
    }

    impl<T: Serialize> Arg for T {
        fn write(&self, draft: &mut Draft) {
            draft.arg(self).expect("it has a JSON form");
        }
    }
}
