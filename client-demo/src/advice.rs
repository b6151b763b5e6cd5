//! What a person can do about an error of `parlor-player`.

use parlor_client_demo::{
    client::{ClientError, ConnectionError, OpeningError},
    lobby::LobbyError,
    player::PlayError,
};
use parlor_shared::api::code;

/// One sentence of advice, if there is something to do.
pub(crate) fn on(error: &PlayError) -> Option<&'static str> {
    match error {
        PlayError::Lobby(LobbyError::Connection(error)) => on_connection(error),
        PlayError::Lobby(LobbyError::Refused(refusal)) => on_refusal(&refusal.code),
        PlayError::Lobby(LobbyError::Unreadable { .. } | LobbyError::Story(_))
        | PlayError::Unreadable(_) => {
            Some("Server and player do not fit together; are they of the same version of Parlor?")
        }
        PlayError::NotChess(_) | PlayError::Patience(_) => None,
    }
}

fn on_connection(error: &ConnectionError) -> Option<&'static str> {
    match error {
        ConnectionError::Host { .. } => Some("Check the name of the host in --server."),
        ConnectionError::Unreachable { .. } => {
            Some("Start a server with `parlor dev`, or say with --server where one runs.")
        }
        ConnectionError::Client(ClientError::Opening(OpeningError::Refused {
            status: 429 | 503,
            ..
        })) => Some("Try again in a few seconds."),
        ConnectionError::Client(ClientError::Opening(_)) => {
            Some("Something else seems to answer there; check --server and --path.")
        }
        ConnectionError::Client(ClientError::OpeningTimeout) => {
            Some("Somebody listens there, but it does not speak Socket.IO; check --server.")
        }
        ConnectionError::Refused { .. } => {
            Some("It is a Socket.IO server, but it keeps no lobbies for us; check --server.")
        }
        ConnectionError::Lost(_) | ConnectionError::Closed(_) | ConnectionError::Stalled => {
            Some("The server may have stopped; its log tells more.")
        }
        ConnectionError::Client(ClientError::ConnectionLost | ClientError::PingTimeout) => {
            Some("The server may have stopped; its log tells more.")
        }
        _ => None,
    }
}

fn on_refusal(code: &str) -> Option<&'static str> {
    match code {
        code::NOT_FOUND => Some("Check the code; a lobby ends when its last player leaves."),
        code::FULL => Some("Two others play there; open a lobby of your own with --create."),
        code::PHASE => Some("Wait until the match there has ended, or use --create."),
        code::NAME => Some("Choose another --name."),
        code::UNKNOWN_GAME => Some("This server does not offer chess."),
        code::RATE | code::LIMIT => Some("Try again in a few seconds."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use parlor_shared::api::Refusal;

    use super::*;

    #[test]
    fn a_wrong_code_and_an_absent_server_are_explained() {
        let refused = Refusal::new(code::NOT_FOUND, "no such lobby");
        let error = PlayError::Lobby(LobbyError::Refused(refused));
        assert!(on(&error).unwrap().contains("Check the code"));

        let absent = ConnectionError::Unreachable {
            address: "http://127.0.0.1:3000".parse().unwrap(),
            source: std::io::ErrorKind::ConnectionRefused.into(),
        };
        let error = PlayError::Lobby(LobbyError::Connection(absent));
        assert!(on(&error).unwrap().contains("parlor dev"));
    }
}
