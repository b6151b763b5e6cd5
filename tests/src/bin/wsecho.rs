//! Echoes WebSocket messages, with Parlor's own frame codec and nothing above it: what Autobahn
//! judges. It prints `READY <address>` when it listens. A thread a connection will do for a judge.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use anyhow::{Context as _, Result};
use parlor_shared::websocket::{
    Decoder, Limits, Message, Opcode, Role, accept_key, write_close, write_frame,
};

/// Autobahn's largest message is 16 MB.
const LIMITS: Limits = Limits { max_message_bytes: 16 << 20, max_fragments: 1 << 20 };

fn main() -> Result<()> {
    let port = std::env::args().nth(1).as_deref().unwrap_or("0").parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    writeln!(std::io::stdout(), "READY {}", listener.local_addr()?)?;
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || {
            if let Err(error) = serve(stream) {
                let _ = writeln!(std::io::stderr(), "{error:#}");
            }
        });
    }
    Ok(())
}

fn serve(stream: TcpStream) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut key = None;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("sec-websocket-key")
        {
            key = Some(value.trim().to_owned());
        }
        line.clear();
    }
    let accept = accept_key(&key.context("no Sec-WebSocket-Key")?);
    let stream = reader.get_mut();
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )?;
    let mut buffer = vec![0; 64 * 1024];
    let mut decoder = Decoder::new(Role::Server, LIMITS);
    loop {
        let n = reader.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        let mut out = Vec::new();
        let goes_on = answer(&mut decoder, &mut buffer[..n], &mut out);
        reader.get_mut().write_all(&out)?;
        if !goes_on {
            return Ok(());
        }
    }
}

/// Writes the answers to all whole messages; false if the connection is over.
fn answer(decoder: &mut Decoder, mut data: &mut [u8], out: &mut Vec<u8>) -> bool {
    loop {
        match decoder.next(&mut data) {
            Ok(None) => return true,
            Ok(Some(Message::Text(text))) => write_frame(out, Opcode::Text, text.as_bytes()),
            Ok(Some(Message::Binary(bytes))) => write_frame(out, Opcode::Binary, &bytes),
            Ok(Some(Message::Ping(payload))) => write_frame(out, Opcode::Pong, &payload),
            Ok(Some(Message::Pong(_))) => {}
            Ok(Some(Message::Close(code))) => {
                match code {
                    Some(code) => write_close(out, code, ""),
                    None => write_frame(out, Opcode::Close, &[]),
                }
                return false;
            }
            Err(violation) => {
                write_close(out, violation.code, violation.reason);
                return false;
            }
        }
    }
}
