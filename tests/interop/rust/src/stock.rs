//! The two clients of rust_socketio, threaded and asynchronous, under one face, and a network that
//! fails. What is asked of them is `main`'s part.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use futures_util::FutureExt as _;
use rust_socketio::{
    ClientBuilder, Event, Payload, TransportType, asynchronous, client::Client as Threaded,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// No answer takes longer, on a busy machine.
const WAIT: Duration = Duration::from_secs(5);

/// Which of the two.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Threaded,
    Async,
}

/// How one is to connect.
#[derive(Clone)]
pub struct Options {
    pub kind: Kind,
    pub transport: TransportType,
    pub url: String,
    pub namespace: &'static str,
    pub auth: Option<Value>,
}

enum Inner {
    Threaded(Threaded),
    Async(asynchronous::Client),
}

/// A client, and what it has heard.
pub struct Client<'r> {
    inner: Inner,
    runtime: &'r Runtime,
    heard: mpsc::Receiver<(String, Payload)>,
}

impl<'r> Client<'r> {
    /// Begins to connect; the event `connect` says when it has.
    pub fn begin(runtime: &'r Runtime, options: &Options) -> Result<Self> {
        let (tell, heard) = mpsc::channel();
        let Options { kind, transport, url, namespace, auth } = options.clone();
        // These are no events to `on_any`.
        let ends = [Event::Connect, Event::Close, Event::Error];
        let inner = match kind {
            Kind::Threaded => {
                let any = tell.clone();
                let mut builder = ClientBuilder::new(url)
                    .namespace(namespace)
                    .transport_type(transport)
                    .reconnect(true)
                    .reconnect_on_disconnect(true)
                    .reconnect_delay(10, 50)
                    .on_any(move |event, payload, _| {
                        let _ = any.send((event.to_string(), payload));
                    });
                for event in ends {
                    let (tell, name) = (tell.clone(), event.to_string());
                    builder = builder.on(event, move |payload, _| {
                        let _ = tell.send((name.clone(), payload));
                    });
                }
                if let Some(auth) = auth {
                    builder = builder.auth(auth);
                }
                Inner::Threaded(builder.connect()?)
            }
            Kind::Async => {
                let any = tell.clone();
                let mut builder = asynchronous::ClientBuilder::new(url)
                    .namespace(namespace)
                    .transport_type(transport)
                    .reconnect(true)
                    .reconnect_on_disconnect(true)
                    .reconnect_delay(10, 50)
                    .on_any(move |event, payload, _| {
                        let _ = any.send((event.to_string(), payload));
                        async {}.boxed()
                    });
                for event in ends {
                    let (tell, name) = (tell.clone(), event.to_string());
                    builder = builder.on(event, move |payload, _| {
                        let _ = tell.send((name.clone(), payload));
                        async {}.boxed()
                    });
                }
                if let Some(auth) = auth {
                    builder = builder.auth(auth);
                }
                Inner::Async(runtime.block_on(builder.connect())?)
            }
        };
        Ok(Self { inner, runtime, heard })
    }

    /// A connected one.
    pub fn open(runtime: &'r Runtime, options: &Options) -> Result<Self> {
        let client = Self::begin(runtime, options)?;
        client.next("connect")?;
        Ok(client)
    }

    pub fn emit(&self, event: &str, payload: impl Into<Payload>) -> Result<()> {
        match &self.inner {
            Inner::Threaded(client) => client.emit(event, payload)?,
            Inner::Async(client) => self.runtime.block_on(client.emit(event, payload))?,
        }
        Ok(())
    }

    /// The answer to an event.
    pub fn ask(&self, event: &str, payload: impl Into<Payload>) -> Result<Payload> {
        let (tell, answer) = mpsc::channel();
        match &self.inner {
            Inner::Threaded(client) => {
                client.emit_with_ack(event, payload, WAIT, move |payload, _| {
                    let _ = tell.send(payload);
                })?;
            }
            Inner::Async(client) => {
                let ask = client.emit_with_ack(event, payload, WAIT, move |payload, _| {
                    let _ = tell.send(payload);
                    async {}.boxed()
                });
                self.runtime.block_on(ask)?;
            }
        }
        answer.recv_timeout(WAIT).with_context(|| format!("no answer to {event}"))
    }

    /// The next of these events; others before it are passed over.
    pub fn next(&self, event: &str) -> Result<Payload> {
        let end = Instant::now() + WAIT;
        let mut others = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok((name, payload)) = self.heard.recv_timeout(left) else {
                bail!("no {event} in time, only {others:?}");
            };
            if name == event {
                return Ok(payload);
            }
            others.push(name);
        }
    }

    /// Waits until it says that something is wrong.
    pub fn notices(&self, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.heard.recv_timeout(left) {
                Ok((name, _)) if name == "error" || name == "close" => return Ok(()),
                Ok(_) => {}
                Err(_) => bail!("it does not notice"),
            }
        }
    }

    /// Waits until it is connected again, and does something until it notices that it is not.
    pub fn comes_back(&self, limit: Duration, mut harm: impl FnMut() -> Result<()>) -> Result<()> {
        let end = Instant::now() + limit;
        let (mut has_noticed, mut heard) = (false, Vec::new());
        while Instant::now() < end {
            match self.heard.recv_timeout(Duration::from_millis(100)) {
                Ok((name, _)) if name == "connect" => return Ok(()),
                Ok((name, _)) => {
                    has_noticed |= name == "error" || name == "close";
                    heard.push(name);
                }
                Err(_) if !has_noticed => harm()?,
                Err(_) => {}
            }
        }
        heard.dedup();
        bail!("it does not come back, after {heard:?}")
    }

    /// The server answers it once more.
    pub fn asks_again(&self) -> Result<()> {
        self.ask("message-with-ack", json!(1)).map(drop)
    }

    /// True if one of these events has come; others before it are passed over.
    pub fn has_heard(&self, event: &str) -> bool {
        self.heard.try_iter().any(|(name, _)| name == event)
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = match &self.inner {
            Inner::Threaded(client) => client.disconnect(),
            Inner::Async(client) => self.runtime.block_on(client.disconnect()),
        };
    }
}

/// A proxy in front of the server (`proxy.mjs`), with a URL of its own.
pub struct Network {
    process: Child,
    verbs: ChildStdin,
    answers: BufReader<ChildStdout>,
    pub url: String,
}

impl Network {
    pub fn open(url: &str) -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proxy.mjs");
        let target = url.trim_start_matches("http://").trim_end_matches('/');
        let mut process = Command::new("node")
            .arg(script)
            .arg(target)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let verbs = process.stdin.take().context("it has an input")?;
        let mut answers = BufReader::new(process.stdout.take().context("it has an output")?);
        let mut ready = String::new();
        answers.read_line(&mut ready)?;
        let port = ready.trim().strip_prefix("READY ").context("the proxy did not start")?;
        let url = format!("http://127.0.0.1:{port}");
        Ok(Self { process, verbs, answers, url })
    }

    /// Does what one of the proxy's verbs says.
    pub fn does(&mut self, verb: &str) -> Result<()> {
        writeln!(self.verbs, "{verb}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        if answer.trim() != "ok" {
            bail!("the proxy says {answer:?} to {verb}");
        }
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // It is gone, or goes now.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
