//! Defaults and checks of the core kinds, which the API server has in its code, not in a schema.

mod config_map;
mod endpoint_slice;
mod ingress;
mod port;
mod secret;
mod service;

use super::schema::{Path, Report, excerpt};
use super::{Namespace, Object, head};
use std::sync::Arc;

pub(super) use secret::{join_base64, merge_string_data};

/// Fills in what is not given and reports what is wrong.
pub(super) fn finish(object: &mut Object, report: &mut Report) {
    match object {
        Object::Service(service) => service::finish(Arc::make_mut(service), report),
        Object::EndpointSlice(slice) => endpoint_slice::finish(Arc::make_mut(slice), report),
        Object::Secret(secret) => secret::finish(Arc::make_mut(secret), report),
        Object::Ingress(ingress) => ingress::finish(ingress, report),
        Object::IngressClass(class) => ingress::finish_class(Arc::make_mut(class), report),
        Object::ConfigMap(config_map) => config_map::finish(config_map, report),
        Object::Namespace(namespace) => check_namespace(namespace, report),
        // Of custom kinds the schema says it all.
        _ => {}
    }
}

fn check_namespace(namespace: &Namespace, report: &mut Report) {
    let root = Path::Root;
    let spec = root.field("spec");
    let path = spec.field("finalizers");
    let finalizers = namespace.spec.iter().flat_map(|spec| spec.finalizers.iter().flatten());
    for (index, finalizer) in finalizers.enumerate() {
        head::check_finalizer(finalizer, &path.index(index), report);
    }
}

/// In Go an empty text is as good as none.
fn fill_in(field: &mut Option<String>, default: &str) {
    if field.as_deref().unwrap_or_default().is_empty() {
        *field = Some(default.to_owned());
    }
}

/// Reports a text that is given and none of those that are supported.
fn check_choice(given: Option<&str>, supported: &[&str], path: &Path<'_>, report: &mut Report) {
    if let Some(given) = given
        && !supported.contains(&given)
    {
        report
            .error(path, format!("{} is not supported; supported: {}", excerpt(given), supported.join(", ")));
    }
}

/// Reports fields that are given, that the API server would judge and that mean nothing here.
fn leave_unjudged(given: &[(&str, bool)], path: &Path<'_>, report: &mut Report) {
    for (name, given) in given {
        if *given {
            report.not_judged(&path.field(name), "the value, which means nothing to Tidegate");
        }
    }
}
