//! Cross-origin headers of the Engine.IO path, as engine.io's `cors` option sets them.
//! It says which pages may read answers, which browsers see to themselves. What they do not see to
//! is checked here: who may open a WebSocket, and who may use cookies.

use hyper::{
    HeaderMap, Method, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS,
        CONTENT_LENGTH, HOST, HeaderValue, ORIGIN, VARY,
    },
};

/// What the answer to a preflight depends on, and what with the origin: one line for both.
const ASKED_HEADERS: &str = "Access-Control-Request-Headers";
const BOTH: &str = "Origin, Access-Control-Request-Headers";

/// Which origins are told that they may read answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
    credentials: bool,
    /// A cookie may say who somebody is.
    cookies: bool,
}

impl Cors {
    /// `origins` empty: no headers at all; `*`: any, without credentials. `cookies`: one of them
    /// says who somebody is.
    ///
    /// # Errors
    /// The origin that cannot stand in a header, or that credentials cannot go with `*`.
    pub(crate) fn new(
        origins: &[String],
        credentials: bool,
        cookies: bool,
    ) -> Result<Self, String> {
        if (credentials || cookies) && origins.iter().any(|origin| origin == "*") {
            return Err("credentials cannot be allowed for every origin; name them".to_owned());
        }
        let value = |origin: &String| {
            HeaderValue::from_str(origin).map_err(|_| format!("`{origin}` is no origin"))
        };
        let origins = origins.iter().map(value).collect::<Result<_, _>>()?;
        Ok(Self { origins, credentials, cookies })
    }

    /// True if the page that a request comes from may open a WebSocket: browsers let any.
    pub(crate) fn may_upgrade(&self, request: &HeaderMap) -> bool {
        let is_checked = self.cookies || !self.origins.is_empty();
        !is_checked || self.knows(request)
    }

    /// True if the page that a request comes from may open a session by polling. Without cookies
    /// any may: it cannot read the answer.
    pub(crate) fn may_poll(&self, request: &HeaderMap) -> bool {
        !self.cookies || self.knows(request)
    }

    /// True if the request is not a page's, or that of a page which is listed or from here.
    fn knows(&self, request: &HeaderMap) -> bool {
        let Some(origin) = request.get(ORIGIN) else { return true };
        let is_listed = |listed: &HeaderValue| listed == "*" || listed == origin;
        self.origins.iter().any(is_listed) || foreign_page(request).is_none()
    }

    /// True if a preflight is answered here.
    pub(crate) fn handles(&self, method: &Method) -> bool {
        !self.origins.is_empty() && method == Method::OPTIONS
    }

    /// The answer to a preflight, without the headers that every answer gets.
    pub(crate) fn preflight<B: Default>(&self, request: &HeaderMap) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        let methods = HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE");
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        headers.insert(VARY, HeaderValue::from_static(ASKED_HEADERS));
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        response
    }

    /// What any answer to this request tells, errors and 101 included.
    pub(crate) fn told(&self, method: &Method, request: &HeaderMap) -> Told {
        let any = HeaderValue::from_static("*");
        let is_preflight = method == Method::OPTIONS && request.contains_key(ORIGIN);
        let origin = match self.origins.as_slice() {
            [] => return Told::default(),
            // One fixed origin is told to everybody, as by the reference; it is no echo. Only
            // the preflight of a foreign page learns nothing.
            [one] if !is_preflight || *one == any => Some(one.clone()),
            many if many.contains(&any) => Some(any.clone()),
            many => request.get(ORIGIN).filter(|origin| many.contains(origin)).cloned(),
        };
        Told { varies: origin != Some(any), credentials: self.credentials, origin }
    }
}

/// The origin of the page that a request comes from, if that is not from here.
pub(crate) fn foreign_page(request: &HeaderMap) -> Option<&HeaderValue> {
    let own = request.get(HOST).map(HeaderValue::as_bytes);
    request.get(ORIGIN).filter(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        !origin.zip(own).is_some_and(|((_, of), own)| own.eq_ignore_ascii_case(of.as_bytes()))
    })
}

/// What an answer tells the browser. It is known when the request is, and may wait for the answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    origin: Option<HeaderValue>,
    /// Other origins would be told something else.
    varies: bool,
    credentials: bool,
}

impl Told {
    /// Puts the headers on the answer.
    pub(crate) fn apply(self, response: &mut HeaderMap) {
        if self.varies {
            // Besides, only preflights vary, by one thing.
            let varies = if response.contains_key(VARY) { BOTH } else { "Origin" };
            response.insert(VARY, HeaderValue::from_static(varies));
        }
        if let Some(origin) = self.origin {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            if self.credentials {
                let yes = HeaderValue::from_static("true");
                response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(
        method: &Method,
        origins: &[&str],
        credentials: bool,
        origin: &str,
    ) -> Vec<(String, String)> {
        let origins: Vec<String> = origins.iter().map(|s| (*s).to_owned()).collect();
        let mut request = HeaderMap::new();
        request.insert(ORIGIN, origin.parse().unwrap());
        let mut response = HeaderMap::new();
        Cors::new(&origins, credentials, false)
            .unwrap()
            .told(method, &request)
            .apply(&mut response);
        let text = |v: &HeaderValue| v.to_str().unwrap().to_owned();
        response.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn origins_are_told_as_configured() {
        let allow = "access-control-allow-origin";
        assert_eq!(answer(&Method::GET, &[], false, "http://a"), []);
        assert_eq!(
            answer(&Method::GET, &["http://a"], false, "http://evil"),
            [pair("vary", "Origin"), pair(allow, "http://a")]
        );
        assert_eq!(answer(&Method::OPTIONS, &["*"], false, "http://any"), [pair(allow, "*")]);
        let two = ["http://a", "http://b"];
        assert_eq!(
            answer(&Method::OPTIONS, &["http://a"], false, "http://evil"),
            [pair("vary", "Origin")]
        );
        assert_eq!(answer(&Method::GET, &two, true, "http://evil"), [pair("vary", "Origin")]);
        assert_eq!(
            answer(&Method::OPTIONS, &two, true, "http://b"),
            [
                pair("vary", "Origin"),
                pair(allow, "http://b"),
                pair("access-control-allow-credentials", "true")
            ]
        );
        assert!(Cors::new(&["*".to_owned()], true, false).is_err());
        assert!(Cors::new(&["*".to_owned()], false, true).is_err());
        assert!(Cors::new(&["a\r\nb".to_owned()], false, false).is_err());
    }

    #[test]
    fn a_preflight_varies_in_one_line_whatever_it_asks_for() {
        for (origins, vary) in [(&["http://a", "http://b"][..], BOTH), (&["*"], ASKED_HEADERS)] {
            let origins: Vec<String> = origins.iter().map(|s| (*s).to_owned()).collect();
            let cors = Cors::new(&origins, false, false).unwrap();
            let mut request = HeaderMap::new();
            request.insert(ORIGIN, HeaderValue::from_static("http://a"));
            for asked in [None, Some("a, b")] {
                if let Some(asked) = asked {
                    request.insert(ACCESS_CONTROL_REQUEST_HEADERS, asked.parse().unwrap());
                }
                let mut answer: Response<()> = cors.preflight(&request);
                cors.told(&Method::OPTIONS, &request).apply(answer.headers_mut());
                let told = |name| answer.headers().get_all(name).iter().collect::<Vec<_>>();
                assert_eq!(told(VARY), [vary]);
                assert_eq!(told(ACCESS_CONTROL_ALLOW_HEADERS).len(), asked.iter().count());
            }
        }
    }

    #[test]
    fn pages_may_open_what_their_browser_would_let_any_page_open_if_they_are_known() {
        let may = |origins: &[&str], cookies: bool, origin: Option<&str>| {
            let origins: Vec<String> = origins.iter().map(|s| (*s).to_owned()).collect();
            let cors = Cors::new(&origins, false, cookies).unwrap();
            let mut request = HeaderMap::new();
            request.insert(HOST, HeaderValue::from_static("game.example:3000"));
            if let Some(origin) = origin {
                request.insert(ORIGIN, origin.parse().unwrap());
            }
            (cors.may_upgrade(&request), cors.may_poll(&request))
        };
        let evil = Some("http://evil.example");
        assert_eq!(may(&[], false, evil), (true, true), "as with the reference");
        assert_eq!(may(&["*"], false, evil), (true, true));
        let (listed, both) = (["http://a", "null"], (true, true));
        for origin in [None, Some("http://a"), Some("null"), Some("http://Game.Example:3000")] {
            assert_eq!(may(&listed, true, origin), both, "{origin:?}");
        }
        for origin in [
            evil,
            Some("null"),
            Some("http://a.evil.example"),
            Some("HTTP://A"),
            Some("http://game.example"),
            Some("http://game.example:3000.evil.example"),
            Some("game.example:3000"),
        ] {
            assert_eq!(may(&["http://a"], false, origin), (false, true), "{origin:?}");
            assert_eq!(may(&["http://a"], true, origin), (false, false), "{origin:?}");
            assert_eq!(may(&[], true, origin), (false, false), "{origin:?}");
        }
    }
}
