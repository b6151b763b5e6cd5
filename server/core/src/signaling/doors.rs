//! A door to what reads descriptions, for the fuzz targets alone: no part of the API.

use super::description;

/// A description as it passes on a private link; `None` if it is refused.
pub fn bare_description(sdp: &str) -> Option<String> {
    description::read(sdp).ok()?;
    Some(description::without_addresses(sdp))
}
