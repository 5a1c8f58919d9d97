use super::*;

#[test]
fn places_are_bounded_and_come_back() {
    let places = Places::default();
    let mut taken: Vec<_> = (0..3).map(|_| places.take(2)).collect();
    assert_eq!(taken.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
    taken.remove(0);
    assert!(places.take(2).is_some());
    drop(taken);
    assert_eq!(places.0.get(), 0);
    assert!(places.take(0).is_none());
}

/// Reads pieces of those sizes, the last of which may break.
fn read_pieces(sizes: &[usize], breaks: bool) -> (bool, usize) {
    let mut pieces = sizes.iter();
    let mut asked = 0;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let whole = runtime.block_on(read(|_| {
        asked += 1;
        Poll::Ready(match pieces.next() {
            Some(size) => Some(Ok(Frame::data(Bytes::from(vec![0; *size])))),
            None if breaks => Some(Err(())),
            None => None,
        })
    }));
    (whole, asked)
}

#[test]
fn of_an_answer_only_so_much_is_read() {
    assert_eq!(read_pieces(&[], false), (true, 1));
    assert_eq!(read_pieces(&[READ, 0], false), (true, 3));
    assert_eq!(read_pieces(&[1, READ, 1], false), (false, 2));
    assert_eq!(read_pieces(&[1], true), (false, 2));
}
