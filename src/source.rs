//! A directory of YAML as a stream of events.
