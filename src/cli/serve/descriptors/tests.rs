use super::*;

#[test]
fn clients_get_half_of_the_descriptors() {
    assert_eq!(connections_per_worker(1024, 2), 256);
    assert_eq!(connections_per_worker(1 << 20, 1), 1 << 19);
    assert_eq!(connections_per_worker(64, 64), 16);
    assert_eq!(connections_per_worker(u64::MAX, 4), usize::MAX / 2 / 4);
    assert_eq!(connections_per_worker(1024, 0), 512);
}

#[test]
fn udp_sessions_get_half_of_what_is_for_backends() {
    assert_eq!(sessions_per_worker(1024, 2), 64);
    assert_eq!(sessions_per_worker(64, 64), 16);
}

#[test]
fn the_soft_limit_becomes_the_hard_one() {
    let raised = raise().unwrap();
    assert_eq!((raised, raised), Resource::NOFILE.get().unwrap());
}
