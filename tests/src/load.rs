//! What the measuring clients share: the contract server on a core of its own and what it uses,
//! Socket.IO clients that one thread reads, and percentiles.
//! The server is ended when its owner lets go of it.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};
use clap::{Arg, ArgMatches, Command as CommandLine};
use mio::{Events, Interest, Poll, Token};
use parlor_shared::websocket::{Decoder, Message, Opcode, write_masked_frame};
use socket2::{Domain, Socket, Type};

use crate::harness::{DEADLINE, WebSocket, get};

/// The contract server (`bin/contract.rs`) as a process on the first core.
#[derive(Debug)]
pub struct Server {
    child: Child,
    orders: ChildStdin,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts the one that was built beside this program, with one shard.
    ///
    /// # Errors
    /// If it is not there or does not get ready.
    pub fn start() -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let program = std::env::current_exe()?.with_file_name("contract");
        let mut child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(&program)
            .env("PORT", address.port().to_string())
            .env("SHARDS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("taskset -c 0 {}", program.display()))?;
        let orders = child.stdin.take().context("its stdin")?;
        let mut lines = BufReader::new(child.stdout.take().context("its stdout")?);
        let mut line = String::new();
        lines.read_line(&mut line)?;
        if line.trim() != "READY" {
            bail!("the server said {line:?}");
        }
        Ok(Self { child, orders, address })
    }

    /// Says one line of the contract to it.
    ///
    /// # Errors
    /// If it is gone.
    pub fn order(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.orders, "{line}")?)
    }

    /// What its threads have run, and waited for a core, since it started.
    ///
    /// # Errors
    /// If it is gone.
    pub fn cpu(&self) -> Result<Cpu> {
        let mut cpu = Cpu::default();
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let times = fs::read_to_string(task?.path().join("schedstat"))?;
            let mut times = times.split(' ').map(str::parse::<u64>);
            let mut next = || times.next().context("a time")?.context("a number");
            cpu.run += Duration::from_nanos(next()?);
            cpu.wait += Duration::from_nanos(next()?);
        }
        Ok(cpu)
    }

    /// Bytes of memory it has resident.
    ///
    /// # Errors
    /// If it is gone.
    pub fn resident_bytes(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(Path::new(&path))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).context("VmRSS")?;
        Ok(kib.parse::<u64>()? * 1024)
    }

    /// Its metrics by name and labels, as on the page `/metrics`.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn metrics(&self) -> Result<BTreeMap<String, f64>> {
        let page = get(self.address, "/metrics")?;
        let lines = page.lines().filter(|line| line.starts_with("parlor_"));
        let pairs = lines.filter_map(|line| line.rsplit_once(' '));
        Ok(pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Time of a process's threads on and off the core.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu {
    /// On the core.
    pub run: Duration,
    /// Ready to run while something else had the core.
    pub wait: Duration,
}

impl Cpu {
    /// What came since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self { run: self.run - earlier.run, wait: self.wait - earlier.wait }
    }
}

/// Microseconds since the Unix epoch: the time that states carry.
pub fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64
}

/// One state of the contract, as far as it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The tick it belongs to.
    pub n: u64,
    /// When that was due, in microseconds since the Unix epoch.
    pub due_us: u64,
}

impl State {
    /// From the text of a message, if it is one.
    pub fn read(text: &str) -> Option<Self> {
        let (n, rest) = text.strip_prefix("42[\"s\",{\"n\":")?.split_once(",\"t\":")?;
        let (due_us, _) = rest.split_once(',')?;
        Some(Self { n: n.parse().ok()?, due_us: due_us.parse().ok()? })
    }
}

/// One Socket.IO client on the main namespace.
#[derive(Debug)]
pub struct Client {
    /// Its connection, which does not block.
    pub stream: mio::net::TcpStream,
    decoder: Decoder,
    /// Bytes read since it joined.
    pub n_read: u64,
    /// The server has not closed it.
    pub is_open: bool,
}

impl Client {
    /// Connects, joins the namespace, and the room if one is named. `receive_buffer` is what the
    /// kernel is asked for; it makes twice that of it, for its own bookkeeping.
    ///
    /// # Errors
    /// If the server refuses any of it.
    pub fn join(
        server: SocketAddr,
        room: Option<&str>,
        receive_buffer: Option<usize>,
    ) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        socket.set_tcp_nodelay(true)?;
        socket.connect_timeout(&server.into(), DEADLINE)?;
        socket.set_read_timeout(Some(DEADLINE))?;
        let mut socket = WebSocket::over(socket.into(), "")?;
        socket.join_main()?;
        if let Some(room) = room {
            socket.send(&format!("420[\"join\",\"{room}\"]"))?;
            while !socket.text()?.starts_with("430") {}
        }
        Self::of(socket)
    }

    /// Connects and joins `/lobby`.
    ///
    /// # Errors
    /// If the server refuses either.
    pub fn in_lobby(server: SocketAddr) -> Result<Self> {
        let mut socket = WebSocket::open(server, "")?;
        socket.text()?;
        socket.send("40/lobby,")?;
        let answer = socket.text()?;
        if !answer.starts_with("40/lobby,{") {
            bail!("not joined: {answer}");
        }
        Self::of(socket)
    }

    fn of(socket: WebSocket) -> Result<Self> {
        let (stream, mut decoder, mut unread) = socket.into_parts();
        stream.set_nonblocking(true)?;
        // States that came with the answer are no part of what is measured.
        let mut rest = unread.as_mut_slice();
        while decoder.next(&mut rest)?.is_some() {}
        let stream = mio::net::TcpStream::from_std(stream);
        Ok(Self { stream, decoder, n_read: 0, is_open: true })
    }

    /// Sends a text message; what the kernel does not take at once closes the client.
    pub fn send(&mut self, text: &str) {
        let mut wire = Vec::new();
        write_masked_frame(&mut wire, Opcode::Text, text.as_bytes(), [7, 1, 8, 2]);
        if self.stream.write_all(&wire).is_err() {
            self.is_open = false;
        }
    }

    /// Sends an event with its one attachment; likewise.
    pub fn send_binary(&mut self, text: &str, attachment: &[u8]) {
        let mut wire = Vec::new();
        write_masked_frame(&mut wire, Opcode::Text, text.as_bytes(), [7, 1, 8, 2]);
        write_masked_frame(&mut wire, Opcode::Binary, attachment, [7, 1, 8, 2]);
        if self.stream.write_all(&wire).is_err() {
            self.is_open = false;
        }
    }

    /// Reads once into `buffer` and hands out each message with the position of its end among the
    /// bytes read.
    /// Pings are answered, and handed out too. False when there was nothing to read.
    pub fn read(&mut self, buffer: &mut [u8], mut on: impl FnMut(&str, u64)) -> bool {
        let n = match self.stream.read(buffer) {
            Ok(0) => {
                self.is_open = false;
                return false;
            }
            Ok(n) => n,
            Err(error) => {
                self.is_open &= error.kind() == io::ErrorKind::WouldBlock;
                return false;
            }
        };
        self.n_read += n as u64;
        let (mut rest, mut pings) = (&mut buffer[..n], 0);
        loop {
            match self.decoder.next(&mut rest) {
                Ok(Some(Message::Text(text))) => {
                    pings += u32::from(text == "2");
                    on(&text, self.n_read - rest.len() as u64);
                }
                Ok(Some(Message::Close(_))) | Err(_) => {
                    self.is_open = false;
                    break;
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
            }
        }
        for _ in 0..pings {
            self.send("3");
        }
        true
    }
}

/// Clients that read all they get, on one poll.
#[derive(Debug)]
pub struct Swarm {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    /// In the order they were added.
    pub clients: Vec<Client>,
}

impl Swarm {
    /// None yet.
    ///
    /// # Errors
    /// If the operating system gives no poll.
    pub fn new() -> Result<Self> {
        let (poll, events) = (Poll::new()?, Events::with_capacity(1024));
        Ok(Self { poll, events, buffer: vec![0; 256 << 10], clients: Vec::new() })
    }

    /// One more.
    ///
    /// # Errors
    /// If it cannot be watched.
    pub fn add(&mut self, mut client: Client) -> Result<()> {
        let token = Token(self.clients.len());
        self.poll.registry().register(&mut client.stream, token, Interest::READABLE)?;
        self.clients.push(client);
        Ok(())
    }

    /// Reads what comes within `timeout`, or what is there already, and hands out each message
    /// with its client's number and the time.
    ///
    /// # Errors
    /// If the operating system does.
    pub fn turn(&mut self, timeout: Duration, mut on: impl FnMut(usize, &str, u64)) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &self.events {
            let Token(i) = event.token();
            let now = now_us();
            while self.clients[i].read(&mut self.buffer, |text, _| on(i, text, now)) {}
        }
        Ok(())
    }

    /// [`Self::turn`] again and again, for so long.
    ///
    /// # Errors
    /// As [`Self::turn`].
    pub fn turn_for(&mut self, time: Duration, mut on: impl FnMut(usize, &str, u64)) -> Result<()> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.turn(left, &mut on)?;
        }
        Ok(())
    }

    /// How many the server has not closed.
    pub fn n_open(&self) -> usize {
        self.clients.iter().filter(|client| client.is_open).count()
    }
}

/// Values of which percentiles are wanted.
#[derive(Debug, Clone, Default)]
pub struct Sample(Vec<u64>);

impl Sample {
    /// One more.
    pub fn add(&mut self, value: u64) {
        self.0.push(value);
    }

    /// Moves all of `other` here.
    pub fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value that a share `q` (0 to 1) of all do not exceed; 0 if there are none.
    pub fn quantile(&mut self, q: f64) -> u64 {
        if self.0.is_empty() {
            return 0;
        }
        let at = ((self.0.len() - 1) as f64 * q).round() as usize;
        *self.0.select_nth_unstable(at).1
    }

    /// `p50 / p99 / max`, of microseconds, in milliseconds.
    pub fn summary_ms(&mut self) -> String {
        let ms = |us: u64| us as f64 / 1e3;
        let (p50, p99, max) = (self.quantile(0.5), self.quantile(0.99), self.quantile(1.0));
        format!("{:.2} / {:.2} / {:.2}", ms(p50), ms(p99), ms(max))
    }
}

/// The value in the middle of those in order, or between the two in the middle.
///
/// # Panics
/// If there are none.
pub fn median(in_order: &[f64]) -> f64 {
    let n = in_order.len();
    (in_order[(n - 1) / 2] + in_order[n / 2]) / 2.0
}

/// The median of some ratios, with least and greatest.
pub fn median_and_spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    match values.as_slice() {
        [] => "none".to_owned(),
        [only] => format!("{only:.2}"),
        [least, .., greatest] => {
            format!("{:.2} ({least:.2}–{greatest:.2})", median(&values))
        }
    }
}

/// Options of a measuring client: each a number with a default.
#[derive(Debug)]
pub struct Numbers(ArgMatches);

impl Numbers {
    /// Reads the command line: `--name number` for each of (name, default, what it is).
    pub fn from_command_line(program: &'static str, all: &[(&'static str, f64, &str)]) -> Self {
        let mut line = CommandLine::new(program);
        for (name, default, help) in all {
            let arg = Arg::new(*name).long(*name).value_parser(clap::value_parser!(f64));
            line = line.arg(arg.default_value(default.to_string()).help((*help).to_owned()));
        }
        Self(line.get_matches())
    }

    /// One of them.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn number(&self, name: &str) -> f64 {
        *self.0.get_one(name).expect("each has a default")
    }

    /// One that counts something.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn count(&self, name: &str) -> usize {
        self.number(name) as usize
    }
}
