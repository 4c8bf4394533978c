//! The `bunri` binary.
fn main() {}
