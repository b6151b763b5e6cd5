//! An application on bare Engine.IO: messages as they are, without namespaces.

use std::{fmt, sync::Arc};

use parlor_core::delivery::Delivery;
use parlor_shared::{engine_io::Packet, socket_io::Frame};

/// A message of an Engine.IO session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineMessage<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

type OnMessage = dyn Fn(&mut EngineContext, EngineMessage<'_>) + Send + Sync;

/// The handler of such an application.
#[derive(Clone)]
pub(crate) struct EngineApp(Arc<OnMessage>);

impl EngineApp {
    pub(crate) fn new(
        handler: impl Fn(&mut EngineContext, EngineMessage<'_>) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(handler))
    }

    pub(crate) fn call(&self, context: &mut EngineContext, packet: &Packet<'_>) {
        match packet {
            Packet::Text(text) => (self.0)(context, EngineMessage::Text(text)),
            Packet::Binary(bytes) => (self.0)(context, EngineMessage::Binary(bytes)),
            _ => {}
        }
    }
}

impl fmt::Debug for EngineApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EngineApp")
    }
}

/// What a handler of bare Engine.IO may do.
#[derive(Debug, Default)]
pub struct EngineContext {
    pub(crate) frames: Vec<(Frame, Delivery)>,
    pub(crate) close: bool,
}

impl EngineContext {
    /// Sends a message to the session that sent the one being handled.
    pub fn send(&mut self, message: EngineMessage<'_>) {
        let frame = match message {
            EngineMessage::Text(text) => Frame::message_text(text),
            EngineMessage::Binary(bytes) => Frame::message_binary(bytes),
        };
        self.frames.push((frame, Delivery::Reliable));
    }

    /// Ends the session.
    pub fn close(&mut self) {
        self.close = true;
    }
}
