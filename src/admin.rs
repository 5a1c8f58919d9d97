//! Health, readiness, metrics and dumps over HTTP.
