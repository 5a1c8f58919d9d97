//! A Gateway under load.

use crate::common::backend::Backend;
use crate::common::certificates::{Authority, Pair};
use crate::common::load::{Load, Mix, Target};
use crate::common::manifests::{documents, gateway, route, secret, service};
use crate::common::tidegate::{Options, Tidegate};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The listeners that carry the load.
pub const LISTENERS: &str = "
- {name: http, protocol: HTTP, port: 8080}
- {name: https, protocol: HTTPS, port: 8443, tls: {certificateRefs: [{name: shop}]}}";

pub const HOST: &str = "shop.example.com";

/// How long each test loads the proxy; longer where `LONG` is set.
pub fn duration() -> Duration {
    Duration::from_secs(if std::env::var_os("LONG").is_some() { 60 } else { 6 })
}

/// Two Services, `a` and `b`, half of the requests each.
pub struct World {
    pub tidegate: Tidegate,
    pub a: Vec<Backend>,
    pub b: Vec<Backend>,
    pub authority: Authority,
    /// The last field: what is above ends before the next world begins.
    _alone: MutexGuard<'static, ()>,
}

impl World {
    pub fn start() -> Self {
        Self::start_with(Options::default())
    }

    pub fn start_with(options: Options) -> Self {
        // One load at a time: two of them side by side would each be half of what is asked for.
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let authority = Authority::new();
        let a: Vec<Backend> = (0..2).map(|number| Backend::start_for_load(&format!("a{number}"))).collect();
        let b: Vec<Backend> = (0..2).map(|number| Backend::start_for_load(&format!("b{number}"))).collect();
        let files = [
            ("gateway.yaml", gateway(LISTENERS)),
            ("secret.yaml", secret("shop", &authority.issue(&[HOST]))),
            ("a.yaml", slices("a", &a)),
            ("b.yaml", slices("b", &b)),
            ("route.yaml", split(50, 50)),
        ];
        Self { tidegate: Tidegate::start_with(options, &files), a, b, authority, _alone: alone }
    }

    /// All kinds of clients, over HTTP and HTTPS, until they have met answers.
    pub fn load(&self) -> Load {
        let tls = self.authority.client(&[]);
        let targets =
            [Target::http(self.tidegate.http(), HOST), Target::https(self.tidegate.https(), HOST, tls)];
        let load = Load::start(Mix::FULL, &targets);
        load.wait_until_warm();
        load
    }

    pub fn certificate(&self) -> Pair {
        self.authority.issue(&[HOST])
    }
}

/// A Service and its slices.
pub fn slices(name: &str, backends: &[Backend]) -> String {
    service(name, &backends.iter().collect::<Vec<_>>())
}

/// The route that splits the requests.
pub fn split(a: u32, b: u32) -> String {
    let rule =
        format!("- backendRefs: [{{name: a, port: 80, weight: {a}}}, {{name: b, port: 80, weight: {b}}}]");
    route("split", &[HOST], &rule)
}

/// Routes of other hosts, in one file.
pub fn other_routes(numbers: std::ops::Range<u32>) -> String {
    let routes = numbers.map(|number| {
        let rule = format!(
            "- matches: [{{path: {{value: /{number}}}}}]\n  backendRefs: [{{name: a, port: 80}}, {{name: b, port: 80}}]"
        );
        route(&format!("other-{number}"), &[&format!("host{}.example.com", number % 20)], &rule)
    });
    documents(&routes.collect::<Vec<_>>())
}
