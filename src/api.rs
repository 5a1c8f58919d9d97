//! Wire types: Gateway API v1.7 and Tidegate's own kinds.
