use super::*;
use crate::support::drain;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn the_least_time_is_waited_even_without_any_connection() {
    let (mut trigger, watch) = drain::channel();
    let start = Instant::now();
    assert_eq!(run(&mut trigger, 15 * SECOND, 60 * SECOND).await, Outcome::Complete);
    assert_eq!((start.elapsed(), watch.phase()), (15 * SECOND, Phase::Closing));
}

#[tokio::test(start_paused = true)]
async fn it_is_over_when_the_last_connection_ends() {
    let (mut trigger, mut watch) = drain::channel();
    let (start, hold) = (Instant::now(), watch.hold());
    tokio::spawn(async move {
        watch.reached(Phase::Announcing).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        watch.reached(Phase::Closing).await;
        assert_eq!(start.elapsed(), 15 * SECOND);
        tokio::time::sleep(20 * SECOND).await;
        drop(hold);
    });
    assert_eq!(run(&mut trigger, 15 * SECOND, 60 * SECOND).await, Outcome::Complete);
    assert_eq!(start.elapsed(), 35 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_in_the_end_is_cut() {
    let (mut trigger, mut watch) = drain::channel();
    let (start, hold) = (Instant::now(), watch.hold());
    let cut = tokio::spawn(async move {
        watch.reached(Phase::Cutting).await;
        drop(hold);
        start.elapsed()
    });
    assert_eq!(run(&mut trigger, 15 * SECOND, 60 * SECOND).await, Outcome::Cut);
    assert_eq!(cut.await.unwrap(), 60 * SECOND);
    assert_eq!(start.elapsed(), 60 * SECOND);

    let (mut trigger, watch) = drain::channel();
    let _stuck = watch.hold();
    let start = Instant::now();
    assert_eq!(run(&mut trigger, Duration::ZERO, SECOND).await, Outcome::Cut);
    assert_eq!(start.elapsed(), SECOND + CUT, "nor is a connection waited for that does not end");
}
