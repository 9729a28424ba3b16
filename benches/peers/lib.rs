//! Nothing: the package is one benchmark.
