//! The file that tickets are written to when they end, for `parlor queue-sim`: by a thread of its
//! own, so that no shard waits for a disk.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write as _},
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    time::Duration,
};

use parlor_core::matchmaker::TicketRecord;

/// Tickets that wait to be written; one more is lost.
const MAX_QUEUED: usize = 16_384;
/// A ticket is in the file so long after it has ended, if the disk is no slower.
const FLUSHED_EVERY: Duration = Duration::from_secs(1);

/// Where a shard puts tickets.
#[derive(Debug, Clone)]
pub(crate) struct TicketTrace {
    queue: SyncSender<Box<TicketRecord>>,
    n_lost: u64,
}

/// What the thread does.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Receiver<Box<TicketRecord>>,
    file: BufWriter<File>,
    n_bytes: u64,
    max_bytes: u64,
}

/// Opens the file, behind what is in it.
///
/// # Errors
/// If it cannot be opened for writing.
pub(crate) fn open(path: &Path, max_bytes: u64) -> io::Result<(TicketTrace, Writer)> {
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("matchmaking.trace: {}: {error}", path.display()))
    };
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(named)?;
    let n_bytes = file.metadata().map_err(named)?.len();
    let (sender, queue) = sync_channel(MAX_QUEUED);
    let writer = Writer { queue, file: BufWriter::new(file), n_bytes, max_bytes };
    Ok((TicketTrace { queue: sender, n_lost: 0 }, writer))
}

impl TicketTrace {
    /// Hands a ticket over, and waits for nothing.
    pub(crate) fn put(&mut self, record: Box<TicketRecord>) {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(record) {
            self.n_lost += 1;
            if self.n_lost.is_power_of_two() {
                tracing::warn!(lost = self.n_lost, "tickets end faster than they are written");
            }
        }
    }
}

impl Writer {
    /// Writes until there is nobody left who puts anything, or the file is full.
    ///
    /// # Errors
    /// None: what is wrong with the file is logged, and the server goes on without it.
    pub(crate) fn run(mut self) -> io::Result<()> {
        match self.write() {
            Ok(true) => {}
            Ok(false) => tracing::warn!(max = self.max_bytes, "the trace of tickets is full"),
            Err(error) => tracing::error!(%error, "the trace of tickets cannot be written"),
        }
        Ok(())
    }

    /// True if all is written.
    fn write(&mut self) -> io::Result<bool> {
        let mut is_flushed = true;
        loop {
            match self.queue.recv_timeout(FLUSHED_EVERY) {
                Ok(record) => {
                    let mut line = serde_json::to_vec(&record)?;
                    line.push(b'\n');
                    self.n_bytes += line.len() as u64;
                    if self.n_bytes > self.max_bytes {
                        self.file.flush()?;
                        return Ok(false);
                    }
                    self.file.write_all(&line)?;
                    is_flushed = false;
                }
                Err(RecvTimeoutError::Timeout) if is_flushed => {}
                Err(RecvTimeoutError::Timeout) => {
                    self.file.flush()?;
                    is_flushed = true;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.file.flush()?;
                    return Ok(true);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use parlor_core::matchmaker::MemberRecord;

    use super::*;

    fn record(at_ms: u64) -> Box<TicketRecord> {
        let member = MemberRecord { rating: 1500.0, ..Default::default() };
        let (queue, leave_ms) = (Some("blitz".to_owned()), None);
        let attributes = Default::default();
        Box::new(TicketRecord { at_ms, queue, leave_ms, members: vec![member], attributes })
    }

    #[test]
    fn tickets_stand_behind_what_was_there_up_to_the_limit() {
        let path = std::env::temp_dir().join(format!("parlor-trace-{}", std::process::id()));
        let line = serde_json::to_string(&record(1)).unwrap().len() as u64 + 1;
        for round in 0..2 {
            let (mut trace, writer) = open(&path, 3 * line).unwrap();
            trace.put(record(2 * round));
            trace.put(record(2 * round + 1));
            drop(trace);
            writer.run().unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let read = |line: &str| serde_json::from_str::<TicketRecord>(line).unwrap().at_ms;
        assert_eq!(text.lines().map(read).collect::<Vec<_>>(), [0, 1, 2]);
        let folder = open(Path::new("/"), 1).unwrap_err();
        assert!(folder.to_string().starts_with("matchmaking.trace: /: "), "{folder}");
    }

    #[test]
    fn what_does_not_fit_is_lost_and_nobody_waits() {
        let path = std::env::temp_dir().join(format!("parlor-lost-{}", std::process::id()));
        let (mut trace, writer) = open(&path, u64::MAX).unwrap();
        (0..=MAX_QUEUED as u64).for_each(|at_ms| trace.put(record(at_ms)));
        assert_eq!(trace.n_lost, 1);
        drop(trace);
        writer.run().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(text.lines().count(), MAX_QUEUED);
    }
}
