//! The C library's heap: what it keeps of a network that was dropped goes back to the kernel.
//!
//! Without this the memory of a bin that exchanges its bundles again and again wanders up and down by some megabytes, and
//! nobody could tell that from a leak.
#![allow(unsafe_code, reason = "the standard library has no word for it")]

/// Gives back what is free. Takes a few milliseconds: never in the sorting loop.
pub(super) fn trim() {
    // SAFETY: it takes a number and no pointer, locks what it touches, and may be called at any time from any thread
    // (malloc_trim(3)).
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    let _gave_some_back = unsafe { libc::malloc_trim(0) };
}
