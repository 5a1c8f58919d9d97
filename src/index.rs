//! Objects by key and who refers to whom: sync and pure.
