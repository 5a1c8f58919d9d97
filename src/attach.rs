//! Who joins whom: listeners, routes, backends, grants, and the verdicts on each.
