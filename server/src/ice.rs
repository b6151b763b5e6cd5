//! What clients are told of STUN and TURN servers, read once at the start.
//! Source: RFC 7064 and RFC 7065 (their URLs).

use parlor_shared::api::signal::IceServer;

use crate::config::SignalingSection;

/// The servers of the configuration, each with what it asks for.
///
/// # Errors
/// The first that is none, or that the password cannot be read.
pub(crate) fn servers(config: &SignalingSection) -> Result<Vec<IceServer>, String> {
    let credential = match config.turn_credential.as_str() {
        "" => None,
        path => {
            let text = std::fs::read_to_string(path);
            let text =
                text.map_err(|error| format!("signaling.turn_credential: {path}: {error}"))?;
            Some(text.trim_end().to_owned())
        }
    };
    let username = Some(config.turn_username.clone()).filter(|name| !name.is_empty());
    if username.is_some() != credential.is_some() {
        let what = "signaling.turn_username and signaling.turn_credential belong together";
        return Err(what.to_owned());
    }
    let server = |url: &String| {
        let (scheme, host) = url.split_once(':').unwrap_or((url, ""));
        let is_turn = match scheme {
            "stun" | "stuns" => false,
            "turn" | "turns" => true,
            _ => return Err(format!("signaling.ice_servers: `{url}` is no stun: or turn: URL")),
        };
        if host.is_empty() || host.starts_with('/') || !host.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!("signaling.ice_servers: `{url}` names no host"));
        }
        Ok(IceServer {
            urls: vec![url.clone()],
            username: username.clone().filter(|_| is_turn),
            credential: credential.clone().filter(|_| is_turn),
        })
    };
    config.ice_servers.iter().map(server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(urls: &[&str]) -> Result<Vec<IceServer>, String> {
        let ice_servers = urls.iter().map(|url| (*url).to_owned()).collect();
        servers(&SignalingSection { ice_servers, ..SignalingSection::default() })
    }

    #[test]
    fn servers_are_told_as_browsers_take_them_and_turn_servers_with_their_password() {
        let told = of(&["stun:stun.example.org:3478", "turn:192.0.2.1?transport=tcp"]).unwrap();
        assert_eq!(told[1].urls, ["turn:192.0.2.1?transport=tcp"]);
        assert!(told.iter().all(|server| server.username.is_none()));
        let file = std::env::temp_dir().join(format!("parlor-turn-{}", std::process::id()));
        std::fs::write(&file, "open sesame\n").unwrap();
        let mut config = SignalingSection {
            ice_servers: vec!["stun:a".to_owned(), "turns:b".to_owned()],
            turn_username: "ali".to_owned(),
            turn_credential: file.display().to_string(),
            ..SignalingSection::default()
        };
        let told = servers(&config).unwrap();
        assert_eq!((&told[0].username, &told[0].credential), (&None, &None));
        assert_eq!(told[1].credential.as_deref(), Some("open sesame"));
        config.turn_username.clear();
        assert!(servers(&config).unwrap_err().contains("belong together"));
        std::fs::remove_file(file).unwrap();
        config.turn_username = "ali".to_owned();
        assert!(servers(&config).unwrap_err().starts_with("signaling.turn_credential: "));
    }

    #[test]
    fn what_is_no_such_url_is_said_at_the_start() {
        for bad in ["http://a", "stun", "stun:", "turn://a", "stun:a b", ""] {
            assert!(of(&[bad]).unwrap_err().contains(&format!("`{bad}`")), "{bad}");
        }
    }
}
