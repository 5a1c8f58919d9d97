//! Parameters of GatewayClasses and Gateways.

use super::Options;
use super::grants::not_watched;
use crate::api::gateway::{Gateway, GatewayClassSpec, ObjectReference};
use crate::api::gateway_parameters::GatewayParameters;
use crate::api::{Kind, ObjectId};
use crate::convert::unsupported::{self, Found};
use crate::convert::{self, Parameters};
use crate::index::Index;
use crate::model::ObjectKey;

/// What a reference to parameters leads to.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolved {
    /// The settings.
    pub(super) parameters: Parameters,
    /// Fields of theirs that may not be honoured.
    pub(super) found: Vec<Found>,
    /// Whose they are.
    objects: Vec<ObjectId>,
}

/// A reference to parameters, whoever has it.
struct Reference<'a> {
    /// For example `spec.parametersRef`.
    field: &'static str,
    group: &'a str,
    kind: &'a str,
    namespace: Option<&'a str>,
    name: &'a str,
}

/// Those of a class: the defaults of its Gateways.
///
/// # Errors
/// Why its reference leads to none, in words that name object and field.
pub(super) fn of_class(
    index: &Index,
    options: &Options,
    class: &GatewayClassSpec,
) -> Result<Resolved, String> {
    match &class.parameters_ref {
        Some(wire) => of_reference(index, options, "spec.parametersRef", wire),
        None => Ok(Resolved::default()),
    }
}

/// Those that a class refers to in this field.
///
/// # Errors
/// Why the reference leads to none, in words that name object and field.
pub(super) fn of_reference(
    index: &Index,
    options: &Options,
    field: &'static str,
    wire: &ObjectReference,
) -> Result<Resolved, String> {
    let reference = Reference {
        field,
        group: &wire.group,
        kind: &wire.kind,
        namespace: wire.namespace.as_deref(),
        name: &wire.name,
    };
    let unknown = reference.namespace.filter(|namespace| !options.reads_parameters(namespace));
    if let Some(namespace) = unknown {
        let Reference { field, name, .. } = reference;
        return Err(format!(
            "{field}: GatewayParameters {namespace}/{name} is in a namespace that {}",
            not_watched()
        ));
    }
    resolve(index, &reference)
}

/// Those of a Gateway, laid over those of its class.
///
/// # Errors
/// Why its reference leads to none, or why the two do not go together.
pub(super) fn of_gateway(
    index: &Index,
    namespace: &str,
    gateway: &Gateway,
    class: Resolved,
) -> Result<Resolved, String> {
    let infrastructure = gateway.spec.infrastructure.as_ref();
    let wire = infrastructure.and_then(|infrastructure| infrastructure.parameters_ref.as_ref());
    let own = match wire {
        None => Resolved::default(),
        Some(wire) => {
            let reference = Reference {
                field: "spec.infrastructure.parametersRef",
                group: &wire.group,
                kind: &wire.kind,
                namespace: Some(namespace),
                name: &wire.name,
            };
            resolve(index, &reference)?
        }
    };
    let objects = [class.objects, own.objects].concat();
    let parameters = own.parameters.over(class.parameters).map_err(|error| {
        let objects: Vec<_> = objects.iter().map(ToString::to_string).collect();
        format!("{}: {error}", objects.join(" with "))
    })?;
    Ok(Resolved { parameters, found: [class.found, own.found].concat(), objects })
}

fn resolve(index: &Index, reference: &Reference<'_>) -> Result<Resolved, String> {
    let Reference { field, group, kind, namespace, name } = *reference;
    if Kind::find(group, kind) != Some(Kind::GatewayParameters) {
        let (kind, ours) = (
            if group.is_empty() { kind.to_owned() } else { format!("{group}/{kind}") },
            Kind::GatewayParameters,
        );
        return Err(format!("{field}: {kind} is no kind of parameters: use {}/{ours}", ours.group()));
    }
    let Some(namespace) = namespace else {
        return Err(format!("{field}.namespace: is required, as GatewayParameters are in a namespace"));
    };
    let id = ObjectId { kind: Kind::GatewayParameters, key: ObjectKey::new(namespace, name) };
    if let Some(broken) = index.why_broken(&id) {
        return Err(format!("{field}: {id}: {}", broken.message()));
    }
    let Some(wire) = index.get::<GatewayParameters>(&id.key) else {
        return Err(format!("{field}: {id} does not exist"));
    };
    let parameters = convert::parameters(wire).map_err(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        format!("{field}: {id}: {}", super::list_problems(&errors))
    })?;
    let mut found = unsupported::find(Kind::GatewayParameters, &**wire);
    for found in &mut found {
        found.path = format!("{id} {}", found.path);
    }
    Ok(Resolved { parameters, found, objects: vec![id] })
}

#[cfg(test)]
mod tests;
