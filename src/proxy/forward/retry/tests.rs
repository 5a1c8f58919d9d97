use super::*;

fn retry(attempts: u32) -> Retry {
    Retry { codes: vec![503], attempts, backoff: None }
}

/// How many attempts beyond the first there are.
fn count(rule: Option<&Retry>, upstream: Option<u32>) -> u32 {
    let mut retries = Retries::new(rule, upstream);
    let failure = Failure { reason: Reason::ConnectFailed, again: Again::Safe };
    let mut count = 0;
    while retries.after_failure(failure, &Method::POST).is_some() {
        retries.take();
        count += 1;
    }
    count
}

#[test]
fn the_smaller_of_two_numbers_counts() {
    assert_eq!(count(None, None), 2);
    assert_eq!(count(Some(&retry(7)), None), 7);
    assert_eq!(count(None, Some(1)), 1);
    assert_eq!(count(Some(&retry(7)), Some(1)), 1);
    assert_eq!(count(Some(&retry(1)), Some(2)), 1);
    assert_eq!((count(Some(&retry(0)), Some(2)), count(Some(&retry(7)), Some(0))), (0, 0));
    assert_eq!(count(Some(&retry(u32::MAX)), None), Retry::MAX_ATTEMPTS);
}

#[test]
fn a_failure_is_tried_again_where_that_is_safe() {
    let asked = retry(1);
    let allowed = |again, rule, method: &Method| {
        let failure = Failure { reason: Reason::UpstreamReset, again };
        let reason = Retries::new(rule, None).after_failure(failure, method);
        assert!(matches!(reason, None | Some(RetryReason::Failed(Reason::UpstreamReset))));
        reason.is_some()
    };
    // With and without a rule that asks for retries, for a GET and for a POST.
    let table = |again| {
        [Some(&asked), None]
            .map(|rule| [Method::GET, Method::POST].map(|method| allowed(again, rule, &method)))
    };
    assert_eq!(table(Again::Safe), [[true, true], [true, true]]);
    assert_eq!(table(Again::Idempotent), [[true, false], [true, false]]);
    assert_eq!(table(Again::Late), [[true, false], [false, false]]);
    assert_eq!(table(Again::Never), [[false, false], [false, false]]);
}

#[test]
fn a_limit_of_the_attempt_leaves_room_for_another_one() {
    let late = |reason, sent| Failure::late(reason, sent).again;
    assert_eq!(late(Reason::UpstreamTimeout, true), Again::Late);
    assert_eq!(late(Reason::UpstreamTimeout, false), Again::Safe);
    assert_eq!(late(Reason::RouteTimeout, true), Again::Never);
    assert_eq!(late(Reason::RouteTimeout, false), Again::Never);
}

#[test]
fn only_the_codes_that_are_listed_are_not_final() {
    let (asked, never) = (retry(1), retry(0));
    let of = |rule, status| Retries::new(rule, None).after_answer(status);
    let rejected = StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(of(Some(&asked), rejected).unwrap().as_str(), "503");
    assert_eq!(of(Some(&asked), StatusCode::BAD_GATEWAY), None);
    assert_eq!((of(Some(&never), rejected), of(None, rejected)), (None, None));
}

fn pauses(rule: Option<&Retry>, count: usize) -> Vec<Duration> {
    let mut retries = Retries::new(rule, None);
    (0..count).map(|_| retries.take()).collect()
}

#[test]
fn pauses_grow_and_are_never_shorter_than_asked_for() {
    let second = Duration::from_secs(1);
    let rule = Retry { backoff: Some(second), ..retry(9) };
    for _ in 0..20 {
        let pauses = pauses(Some(&rule), 9);
        for (pause, least) in pauses.iter().zip([1, 2, 4, 8, 10, 10, 10, 10, 10]) {
            let bounds = least * second..=2 * least * second;
            assert!(bounds.contains(pause), "{pauses:?}");
        }
    }
}

#[test]
fn who_asks_for_no_pause_gets_one_only_after_many_attempts() {
    assert_eq!(pauses(None, 2), [Duration::ZERO; 2]);
    let pauses = pauses(Some(&retry(9)), 9);
    assert_eq!(pauses[..2], [Duration::ZERO; 2]);
    assert!(pauses[2] >= BACKOFF && pauses[3] >= 2 * BACKOFF, "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= 20 * BACKOFF), "{pauses:?}");
}

#[test]
fn only_an_attempt_that_was_none_for_the_backend_is_free() {
    let failed = |again| Resent::after::<()>(&Err(Failure { reason: Reason::UpstreamReset, again }));
    assert_eq!(failed(Again::Unused), Resent::Free);
    for again in [Again::Safe, Again::Idempotent, Again::Late] {
        assert_eq!(failed(again), Resent::Counted, "{again:?}");
    }
    assert_eq!(Resent::after(&Ok(())), Resent::Counted);
    let failure = Failure { reason: Reason::UpstreamReset, again: Again::Unused };
    let why = Retries::new(None, None).after_failure(failure, &Method::POST);
    assert_eq!(why, Some(RetryReason::Failed(Reason::UpstreamReset)), "whatever the method");
}
