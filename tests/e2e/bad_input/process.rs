//! The application as a process of its own, whose memory and CPU time can be told from the tests'.
//! Source: proc(5) for `VmHWM`, `clear_refs` and `schedstat`.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
    time::Duration,
};

use parlor_server::Transport;

use super::{
    super::{Process as Child, binary},
    clients::Client,
};

/// Input makes a server's memory grow by this much more than itself at most.
const MOST_TIMES_INPUT: usize = 4;
/// What the allocator and the kernel may take besides.
const SLACK_BYTES: usize = 1 << 20;

/// A server with one shard.
pub(super) struct Process {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Process {
    pub(super) fn start(options: &[&str]) -> Self {
        let mut command = Command::new(binary("fixture"));
        command.args(["--port", "0", "--shards", "1"]).args(options).stdout(Stdio::piped());
        let mut child = Child(command.spawn().expect("cargo build --bins comes first"));
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("READY ").unwrap().parse().unwrap();
        let process = Self { child, address };
        // What is allocated once is not the input's.
        for transport in [Transport::Polling, Transport::WebSocket] {
            Client::join(address, transport).assert_echoes();
        }
        process
    }

    /// While this runs, in which so many bytes are sent, memory stays within bounds; and the
    /// server serves others afterwards.
    pub(super) fn assert_bounded(&self, n_input: usize, run: impl FnOnce()) {
        let pid = self.child.0.id();
        // The peak is forgotten.
        fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
        let before = self.peak_bytes();
        run();
        let grown = self.peak_bytes() - before;
        let bound = n_input * MOST_TIMES_INPUT + SLACK_BYTES;
        assert!(grown <= bound, "{grown} bytes for an input of {n_input}");
        Client::join(self.address, Transport::WebSocket).assert_echoes();
    }

    /// How long its threads run for what happens meanwhile.
    pub(super) fn cpu(&self, run: impl FnOnce()) -> Duration {
        let before = self.run_time();
        run();
        self.run_time() - before
    }

    fn peak_bytes(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
    }

    fn run_time(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.0.id())).unwrap();
        let nanos = tasks.map(|task| {
            let times = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
            times.split(' ').next().unwrap().parse::<u64>().unwrap()
        });
        Duration::from_nanos(nanos.sum())
    }
}
