//! Annotations of other controllers, by which many Ingresses say more than their spec. None of them
//! is honoured yet: each is told, so that nobody takes it for done.

use crate::api::Kind;
use crate::api::ingress::Ingress;
use crate::convert::unsupported::{Effect, Field, Found, field};

/// What the annotations of ingress-nginx begin with.
const INGRESS_NGINX: &str = "nginx.ingress.kubernetes.io/";

static ANNOTATION: Field = field(
    Kind::Ingress,
    "metadata.annotations",
    Effect::Told,
    "annotations of ingress-nginx are not honoured: requests are served as if it were not there",
);

/// The annotations that ask for something which does not happen.
pub(super) fn not_honoured(ingress: &Ingress) -> Vec<Found> {
    let keys = ingress.metadata.annotations.iter().flat_map(|all| all.keys());
    let found = keys.filter(|key| key.starts_with(INGRESS_NGINX));
    let told = |key: &String| Found {
        field: &ANNOTATION,
        path: format!("metadata.annotations[{key}]"),
        indices: Vec::new(),
    };
    found.map(told).collect()
}
