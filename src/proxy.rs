//! Connections, requests and answers.
