//! Certificates by SNI, and TLS towards backends.
