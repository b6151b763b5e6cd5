//! The demo site at `/`: what Vite built, or a page that says how to build it.
//! A release holds the files in the binary; a debug build reads them from the folder.

use hyper::{
    HeaderMap, StatusCode,
    header::{self, HeaderValue},
};
use rust_embed::RustEmbed;

use crate::transport::polling::{Answer, empty, text};

#[derive(RustEmbed)]
#[folder = "../client-demo/web/dist"]
#[allow_missing = true]
struct Files;

const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Parlor</title>\
<h1>Parlor is running</h1><p>The demo site has not been built yet. Run <code>make run</code>, or \
<code>npm ci &amp;&amp; npm run build</code> in <code>client-demo/web</code>.</p>";

/// The file at this path, or why not.
pub(crate) fn page(path: &str, request: &HeaderMap) -> Answer {
    let name = match path.trim_start_matches('/') {
        "" => "index.html".to_owned(),
        // A page is called without its ending.
        name if !name.contains('.') => format!("{name}.html"),
        name => name.to_owned(),
    };
    let Some(file) = Files::get(&name) else {
        return if name == "index.html" {
            text(StatusCode::OK, "text/html; charset=utf-8", NOT_BUILT.as_bytes().to_vec())
        } else {
            empty(StatusCode::NOT_FOUND)
        };
    };
    let hash = file.metadata.sha256_hash();
    let tag: String = hash[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = HeaderValue::from_str(&format!("\"{tag}\"")).expect("hex may stand in a header");
    let mut response = if request.get(header::IF_NONE_MATCH) == Some(&tag) {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        text(StatusCode::OK, kind(&name), file.data.into_owned())
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // The page may talk to another server (`?server=`); all else comes from here.
    let policy = HeaderValue::from_static("default-src 'self'; connect-src *; base-uri 'none'");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("json" | "map" | "webmanifest") => "application/json",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
