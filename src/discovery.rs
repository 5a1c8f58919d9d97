//! Endpoints from names.
