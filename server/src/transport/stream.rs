//! A TCP connection as hyper sees it: what was read of it already comes first, and what is small is
//! written in one piece.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::patience::Progress;

/// A head and a body that fit are copied together: that costs less than a list of two.
const COPIED_BYTES: usize = 1024;

/// The connection.
#[derive(Debug)]
pub(crate) struct Stream {
    inner: TokioIo<TcpStream>,
    /// Read before hyper had the connection.
    read: Bytes,
    /// It took nothing when it was last written to.
    is_blocked: bool,
    progress: Progress,
}

impl Stream {
    pub(crate) fn new(inner: TcpStream, read: Bytes) -> Self {
        let inner = TokioIo::new(inner);
        Self { inner, read, is_blocked: false, progress: Progress::default() }
    }

    /// Told when what had to wait is written.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Waits until it can be written to.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.inner.inner().writable().await
    }

    fn note(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => self.is_blocked = true,
            Poll::Ready(_) if std::mem::take(&mut self.is_blocked) => self.progress.note(),
            Poll::Ready(_) => {}
        }
        written
    }

    /// The connection, and what hyper has not taken of what was read.
    pub(crate) fn into_parts(self) -> (TcpStream, Bytes) {
        (self.inner.into_inner(), self.read)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buffer);
        }
        let n = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read.split_to(n));
        if self.read.is_empty() {
            self.read = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let n_bytes: usize = slices.iter().map(|slice| slice.len()).sum();
        if n_bytes > COPIED_BYTES {
            let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
            return self.note(written);
        }
        let mut copied = [0; COPIED_BYTES];
        let mut end = 0;
        for slice in slices {
            copied[end..end + slice.len()].copy_from_slice(slice);
            end += slice.len();
        }
        let written = Pin::new(&mut self.inner).poll_write(cx, &copied[..end]);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
