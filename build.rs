//! Puts the commit into the program, for `bunri --version`.

use std::process::Command;

fn main() {
    // Naming only what is there: a missing file would mean building anew each time.
    println!("cargo::rerun-if-changed=build.rs");
    for file in [".git/HEAD", ".git/logs/HEAD"] {
        if std::path::Path::new(file).exists() {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    let commit = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok());
    // A package built from a source archive has no history to ask.
    let commit = commit.as_deref().map_or("unknown", str::trim);
    println!("cargo::rustc-env=BUNRI_COMMIT={commit}");
}
