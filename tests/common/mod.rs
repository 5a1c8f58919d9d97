//! What the tests of the whole program share: backends, clients, load, and the program itself.
//!
//! Everything runs on threads of its own and speaks over loopback sockets, so that a test is a
//! plain function which disturbs one thing and looks at what the clients saw.
#![allow(dead_code, unused_imports, reason = "each test target uses its own part")]

pub mod backend;
pub mod certificates;
pub mod content;
pub mod load;
pub mod manifests;
pub mod raw;
pub mod raw_http2;
pub mod scripted;
pub mod tidegate;
