use super::*;
use std::thread;

fn constraint(percent: u32, min_retries: u32) -> RetryConstraint {
    RetryConstraint {
        percent,
        interval: Duration::from_secs(16),
        min_retries,
        min_interval: Duration::from_millis(1600),
    }
}

/// A budget with a clock that is moved by hand, in seconds.
struct Moved {
    budgets: RetryBudgets,
    budget: RetryBudget,
    began: Instant,
}

impl Moved {
    fn new(percent: u32, min_retries: u32) -> Self {
        let (mut budgets, began) = (RetryBudgets::default(), Instant::now());
        let budget = budgets.get(&of("cart", constraint(percent, min_retries)), began);
        Self { budgets, budget, began }
    }

    fn at(&self, seconds: f64) -> Instant {
        self.began + Duration::from_secs_f64(seconds)
    }

    fn request(&self, seconds: f64, count: usize) {
        (0..count).for_each(|_| self.budget.count_request(self.at(seconds)));
    }

    /// How many of so many retries are allowed.
    fn retry(&self, seconds: f64, count: usize) -> usize {
        let now = self.at(seconds);
        let allowed = (0..count).filter(|_| {
            let has_room = self.budget.has_room(now);
            if has_room {
                self.budget.count_retry(now);
            }
            has_room
        });
        allowed.count()
    }
}

fn of(backend: &str, constraint: RetryConstraint) -> model::RetryBudget {
    model::RetryBudget { backend: backend.into(), constraint }
}

#[test]
fn retries_are_no_more_than_their_share_of_all_that_is_sent() {
    let moved = Moved::new(20, 0);
    assert_eq!(moved.retry(0.5, 1), 0, "nothing was sent yet");
    moved.request(0.5, 80);
    assert_eq!(moved.retry(0.5, 100), 20, "a fifth of the hundred that they are together");
    moved.request(1.5, 4);
    assert_eq!(moved.retry(1.5, 100), 1);
    let half = Moved::new(50, 0);
    half.request(0.5, 7);
    assert_eq!(half.retry(0.5, 100), 7);
}

#[test]
fn none_and_all_of_them_may_be_retries() {
    let none = Moved::new(0, 0);
    none.request(0.5, 1000);
    assert_eq!(none.retry(0.5, 10), 0);
    let all = Moved::new(100, 0);
    assert_eq!(all.retry(0.5, 1000), 1000);
}

#[test]
fn what_is_longer_ago_than_the_interval_counts_no_more() {
    let moved = Moved::new(20, 0);
    moved.request(0.5, 40);
    moved.request(8.5, 40);
    assert_eq!(moved.retry(15.5, 100), 20);
    // The first forty are gone, and none of the retries.
    assert_eq!(moved.retry(16.5, 100), 0);
    moved.request(16.5, 40);
    assert_eq!(moved.retry(16.5, 100), 0, "twenty of a hundred still");
    moved.request(16.5, 4);
    assert_eq!(moved.retry(16.5, 100), 1);
    // What was counted in the last step is just in it.
    moved.request(31.5, 4);
    assert_eq!(moved.retry(31.5, 100), 48 / 4 - 1);
    assert_eq!(moved.retry(100.5, 100), 0);
    moved.request(100.5, 4);
    assert_eq!(moved.retry(100.5, 100), 1);
}

#[test]
fn the_least_rate_is_allowed_whatever_the_share() {
    let moved = Moved::new(0, 3);
    assert_eq!(moved.retry(0.05, 10), 3);
    assert_eq!(moved.retry(1.45, 10), 0, "its 1.6 s are not over");
    assert_eq!(moved.retry(1.65, 10), 3);
    // Where the share allows more, that counts.
    let moved = Moved::new(20, 3);
    moved.request(0.05, 80);
    assert_eq!(moved.retry(0.05, 100), 20);
    assert_eq!(moved.retry(1.65, 100), 3, "the share is used up for longer");
}

#[test]
fn a_clock_that_was_read_before_another_loses_nothing() {
    let moved = Moved::new(50, 0);
    moved.request(17.2, 5);
    // The bucket of this moment is that of a later one already.
    moved.request(1.2, 2);
    assert_eq!(moved.retry(17.2, 100), 7);
}

#[test]
fn only_another_interval_begins_anew() {
    let mut moved = Moved::new(20, 0);
    moved.request(0.5, 80);
    assert_eq!(moved.retry(0.5, 100), 20);
    let now = moved.at(1.0);
    let used_up = moved.budgets.get(&of("cart", constraint(20, 0)), now);
    assert!(!used_up.has_room(now));
    let larger = moved.budgets.get(&of("cart", constraint(50, 0)), now);
    assert!(larger.has_room(now), "the same hundred requests, and half of them may be retries");
    let other = moved.budgets.get(&of("shop", constraint(20, 0)), now);
    other.count_request(now);
    assert!(!other.has_room(now), "a backend of its own");
    let shorter = RetryConstraint { interval: Duration::from_secs(10), ..constraint(20, 0) };
    let shorter = moved.budgets.get(&of("cart", shorter), now);
    (0..4).for_each(|_| shorter.count_request(now));
    assert!(shorter.has_room(now));

    moved.budgets.forget_gone();
    assert_eq!((moved.budgets.traffic.len(), moved.budgets.rates.len()), (3, 2));
    drop((used_up, larger, other, shorter));
    moved.budgets.forget_gone();
    assert_eq!((moved.budgets.traffic.len(), moved.budgets.rates.len()), (1, 1), "the first is in use");
}

#[test]
fn workers_share_what_is_counted() {
    let moved = Moved::new(20, 0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1000).for_each(|_| moved.budget.count_request(moved.at(0.5))));
        }
    });
    assert_eq!(moved.retry(0.5, 2000), 1000);
}
