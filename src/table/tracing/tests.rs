use super::*;
use crate::support::forbidden::TargetPolicy;
use crate::telemetry::Metrics;
use crate::tls::ClientConfigs;

fn model(sampling: Share, parent_sampling: Option<Share>) -> Arc<model::Tracing> {
    let object = model::ObjectKey::new("default", "web");
    Arc::new(model::Tracing {
        gateway: object.clone(),
        collector: model::UpstreamKey::Upstream(object),
        protocol: OtlpProtocol::Grpc,
        authority: "collector:4317".into(),
        headers: vec![("x-key".into(), "a".into())],
        sampling,
        parent_sampling,
        service_name: "web".into(),
        span_name: None,
        attributes: Vec::new(),
    })
}

fn registry() -> Registry {
    Registry::new(
        TargetPolicy::new(true, Vec::new()),
        ClientConfigs::new(rustls::RootCertStore::empty()),
        Metrics::new(),
    )
}

const HALF: Share = Share { numerator: 1, denominator: 2 };
const NONE: Share = Share { numerator: 0, denominator: 10 };

/// Whether it records with each number that may be drawn.
fn draws(tracing: &Tracing, sampled: Option<bool>) -> (bool, bool) {
    (tracing.records(sampled, |_| 0), tracing.records(sampled, |below| below - 1))
}

#[test]
fn what_is_recorded_goes_by_the_parent_and_by_luck() {
    let cases = [
        // Sampling, parent's, what the parent says; recorded with the smallest and the largest number.
        (Share::ALL, Some(Share::ALL), None, (true, true)),
        (HALF, Some(Share::ALL), None, (true, false)),
        (NONE, Some(Share::ALL), None, (false, false)),
        // The parent decides.
        (NONE, Some(Share::ALL), Some(true), (true, true)),
        (Share::ALL, Some(Share::ALL), Some(false), (false, false)),
        // But less of what it records.
        (Share::ALL, Some(HALF), Some(true), (true, false)),
        (Share::ALL, Some(NONE), Some(true), (false, false)),
        (Share::ALL, Some(HALF), Some(false), (false, false)),
        // It is not asked.
        (HALF, None, Some(false), (true, false)),
        (HALF, None, Some(true), (true, false)),
        (NONE, None, Some(true), (false, false)),
    ];
    for (sampling, parent, sampled, wanted) in cases {
        let tracing = Tracing::compile(&model(sampling, parent), &Identity::Anonymous, &mut registry());
        assert_eq!(draws(&tracing.unwrap(), sampled), wanted, "{sampling:?} {parent:?} {sampled:?}");
    }
}

#[test]
fn the_same_stays_and_another_is_made_anew() {
    let mut registry = registry();
    let mut next = |old: &Arc<Tracing>, model| {
        Tracing::keep_or_compile(Some(old.clone()), &model, &Identity::Anonymous, &mut registry).unwrap()
    };
    let first = Tracing::compile(&model(HALF, None), &Identity::Anonymous, &mut self::registry());
    let first = Arc::new(first.unwrap());
    assert!(Arc::ptr_eq(&first, &next(&first, model(HALF, None))));
    let second = next(&first, model(NONE, None));
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!(draws(&second, None), (false, false));
}

#[test]
fn what_no_head_can_have_is_no_tracing() {
    let mut bad = (*model(HALF, None)).clone();
    bad.headers = vec![("x-key".into(), "a\nb".into())];
    assert!(Tracing::keep_or_compile(None, &Arc::new(bad), &Identity::Anonymous, &mut registry()).is_none());
}
