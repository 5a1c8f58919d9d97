use super::*;

#[tokio::test]
async fn phases_only_go_forward() {
    let (trigger, mut watch) = channel();
    assert_eq!(watch.phase(), Phase::Serving);
    trigger.advance(Phase::Closing);
    trigger.advance(Phase::Announcing);
    assert_eq!(watch.phase(), Phase::Closing);
    watch.reached(Phase::Announcing).await;
}

#[tokio::test]
async fn complete_when_the_last_hold_is_gone() {
    let (mut trigger, watch) = channel();
    let (first, second) = (watch.hold(), watch.hold());
    drop(first);
    {
        let mut complete = std::pin::pin!(trigger.complete());
        assert!(futures::poll!(complete.as_mut()).is_pending());
        drop(second);
        complete.await;
    }
    drop(watch.hold());
    trigger.complete().await;
}
