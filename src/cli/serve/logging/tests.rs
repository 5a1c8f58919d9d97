use super::*;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

/// Set for the process that is to end by a panic.
const VICTIM: &str = "TIDEGATE_TEST_PANIC";

#[test]
fn a_panic_in_any_thread_ends_the_process_and_names_the_thread() {
    if std::env::var_os(VICTIM).is_some() {
        start(Format::Text, "info");
        abort_on_panic();
        let thread = std::thread::Builder::new().name("worker-7".to_owned());
        let _ = thread.spawn(|| panic!("on purpose")).unwrap().join();
        return;
    }
    let name = "cli::serve::logging::tests::a_panic_in_any_thread_ends_the_process_and_names_the_thread";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(VICTIM, "1")
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    const SIGABRT: i32 = 6;
    assert_eq!(output.status.signal(), Some(SIGABRT), "{log}");
    assert!(log.contains("a defect in thread worker-7: ") && log.contains("on purpose"), "{log}");
}

#[test]
fn a_filter_that_makes_no_sense_is_refused() {
    assert_eq!(parse_filter("info,tidegate::proxy=debug"), Ok("info,tidegate::proxy=debug".to_owned()));
    assert!(parse_filter("tidegate=loud").is_err());
    let problem = parse_filter("loud,tidegate=debug").unwrap_err();
    assert!(problem.starts_with("\"loud\" is no level"), "{problem}");
}
