//! The data plane's immutable lookup structure.
