//! Verdicts to conditions: pure.
