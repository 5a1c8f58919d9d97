//! Wire objects to the model: pure, object by object, no lookups.
