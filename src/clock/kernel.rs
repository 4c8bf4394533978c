//! Whether a time service keeps the kernel's clock right: the same word for chrony, ntpd and systemd-timesyncd.
//!
//! Never changes the clock: the question is asked with no mode set.
#![allow(
    unsafe_code,
    reason = "adjtimex(2) has no safe wrapper in rustix, nor in any crate that has been kept for years"
)]

/// An error this large means "unknown": the kernel lets it grow by half a millisecond a second since the service's last
/// word, up to here (`NTP_PHASE_LIMIT`; systemd's `ntp_synced` asks the same).
const UNKNOWN_ERROR_US: libc::c_long = 16_000_000;

/// Whether a time service has spoken to the kernel since boot, and not too long ago.
pub(super) fn is_kept() -> bool {
    // SAFETY: the struct is made of integers, for which zero is a value; zero modes only ask.
    let mut answer: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to the struct above, which outlives the call.
    let state = unsafe { libc::adjtimex(&raw mut answer) };
    state >= 0 && answer.maxerror < UNKNOWN_ERROR_US
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_does_not_change_the_answer() {
        let first = is_kept();
        assert!((0..100).all(|_| is_kept() == first));
    }
}
