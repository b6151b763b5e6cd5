//! A server in tests of whatever connects by itself: it listens on a port of its own and plays a
//! script to the first client that comes.

use std::{
    collections::VecDeque,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::Duration,
};

use parlor_shared::websocket::{Decoder, Limits, Opcode, Role, write_frame};

use super::{
    Address,
    peer::{GREETING, read_all, switching_protocols},
};

/// Runs a script in a thread; the address to connect to, and what to join in the end.
pub(crate) fn serve(
    script: impl FnOnce(&mut Server) + Send + 'static,
) -> (Address, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let limits = Limits { max_message_bytes: 1 << 20, max_fragments: 8 };
        let decoder = Decoder::new(Role::Server, limits);
        script(&mut Server { stream, decoder, heard: VecDeque::new() });
    });
    (address, thread)
}

/// The server's end of the connection.
pub(crate) struct Server {
    stream: TcpStream,
    decoder: Decoder,
    heard: VecDeque<String>,
}

impl Server {
    /// Reads the request.
    pub(crate) fn request(&mut self) -> String {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        String::from_utf8(request).unwrap()
    }

    /// Opens the WebSocket, greets, and welcomes the client to one namespace.
    pub(crate) fn welcome(&mut self, namespace: &str) {
        self.open(GREETING);
        assert_eq!(self.hear(), format!("40{namespace},"));
        self.say(&format!("40{namespace},{{\"sid\":\"me\"}}"));
    }

    /// Opens the WebSocket and greets.
    pub(crate) fn open(&mut self, greeting: &str) {
        let request = self.request();
        self.raw(switching_protocols(&request).as_bytes());
        self.say(greeting);
    }

    /// The next message of the client's, in the words of [`read_all`]; `end` at its end.
    pub(crate) fn hear(&mut self) -> String {
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return heard;
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes).unwrap() {
                0 => return "end".to_owned(),
                n => self.heard.extend(read_all(&mut self.decoder, &mut bytes[..n])),
            }
        }
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.send(Opcode::Text, text.as_bytes());
    }

    pub(crate) fn send(&mut self, opcode: Opcode, payload: &[u8]) {
        let mut frame = Vec::new();
        write_frame(&mut frame, opcode, payload);
        self.raw(&frame);
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Answers the next question of the client's, which must be this.
    pub(crate) fn answer(&mut self, namespace: &str, question: &str, answer: &str) {
        let heard = self.hear();
        let rest = heard.strip_prefix(&format!("42{namespace},")).expect(&heard);
        let (id, asked) = rest.split_at(rest.find('[').unwrap());
        assert_eq!(asked, question);
        self.say(&format!("43{namespace},{id}[{answer}]"));
    }
}
