//! Label selectors.

use crate::api::LabelSelector;
use std::collections::BTreeMap;

/// A choice of objects by their labels. Without any requirement it chooses all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    kind: RequirementKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum RequirementKind {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

/// Why a selector chooses nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSelector {
    /// An operator that Kubernetes does not have.
    #[error("matchExpressions[{0}].operator {1:?} is unknown: use In, NotIn, Exists or DoesNotExist")]
    Operator(usize, String),
    /// In and NotIn want values, the others do not.
    #[error("matchExpressions[{0}].values: In and NotIn need values, Exists and DoesNotExist must have none")]
    Values(usize),
}

impl Selector {
    /// Reads `matchLabels` and `matchExpressions`.
    ///
    /// # Errors
    /// An expression that Kubernetes refuses too.
    pub fn parse(wire: &LabelSelector) -> Result<Self, InvalidSelector> {
        let labels = wire.match_labels.iter().flatten();
        let mut requirements: Vec<_> = labels
            .map(|(key, value)| Requirement {
                key: key.clone(),
                kind: RequirementKind::In(vec![value.clone()]),
            })
            .collect();
        for (index, expression) in wire.match_expressions.iter().flatten().enumerate() {
            let values = expression.values.clone().unwrap_or_default();
            let kind = match (expression.operator.as_str(), values.is_empty()) {
                ("In", false) => RequirementKind::In(values),
                ("NotIn", false) => RequirementKind::NotIn(values),
                ("Exists", true) => RequirementKind::Exists,
                ("DoesNotExist", true) => RequirementKind::DoesNotExist,
                ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => {
                    return Err(InvalidSelector::Values(index));
                }
                (other, _) => return Err(InvalidSelector::Operator(index, other.to_owned())),
            };
            requirements.push(Requirement { key: expression.key.clone(), kind });
        }
        Ok(Self { requirements })
    }

    /// Whether an object with these labels is chosen.
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            match &requirement.kind {
                RequirementKind::In(values) => value.is_some_and(|value| values.contains(value)),
                // An object without the label is chosen, as by kubectl.
                RequirementKind::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
                RequirementKind::Exists => value.is_some(),
                RequirementKind::DoesNotExist => value.is_none(),
            }
        })
    }
}

#[cfg(test)]
mod tests;
