//! Failed logins by address: after a few, the address waits.
//!
//! Never more than [`ADDRESSES_MOST`] addresses in memory. Never a limit on those who are logged in already.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Moment;

/// Wrong passwords before an address has to wait.
pub(in crate::web) const TRIES: u32 = 5;
/// The first wait; each further wrong password doubles it.
const WAIT_FIRST: Duration = Duration::from_secs(60);
/// No wait is longer.
const WAIT_MOST: Duration = Duration::from_secs(15 * 60);
/// After this long without a failure an address begins anew.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);
/// Addresses remembered; beyond them the one that failed longest ago is forgotten.
const ADDRESSES_MOST: usize = 1_024;

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Moment,
    locked_until: Moment,
}

/// The failures.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<HashMap<IpAddr, Failures>>);

impl Limits {
    /// How long this address has to wait; `None`: it may try.
    pub(super) fn wait(&self, address: IpAddr, now: Moment) -> Option<Duration> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = all.get(&network(address))?;
        let wait = failures.locked_until.since(now);
        (!wait.is_zero()).then_some(wait)
    }

    /// Counts a wrong password; returns how long the address has to wait now, if it has to.
    pub(super) fn failed(&self, address: IpAddr, now: Moment) -> Option<Duration> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, failures| now.since(failures.last) < FORGOTTEN_AFTER);
        let network = network(address);
        if all.len() >= ADDRESSES_MOST && !all.contains_key(&network) {
            let oldest = all.iter().min_by_key(|(_, failures)| failures.last).map(|(address, _)| *address);
            oldest.map(|oldest| all.remove(&oldest));
        }
        let fresh = Failures { count: 0, last: now, locked_until: now };
        let failures = all.entry(network).or_insert(fresh);
        failures.count += 1;
        failures.last = now;
        let beyond = failures.count.checked_sub(TRIES)?;
        let wait = WAIT_FIRST.saturating_mul(1 << beyond.min(10)).min(WAIT_MOST);
        failures.locked_until = now + wait;
        Some(wait)
    }

    /// The right password: the address is trusted again.
    pub(super) fn succeeded(&self, address: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&network(address));
    }
}

/// Whoever has one address of IPv6 has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_fifth_failure_locks_and_each_further_one_doubles_the_wait() {
        let (limits, phone) = (Limits::default(), address("192.168.0.7"));
        for _ in 1..TRIES {
            assert_eq!(limits.failed(phone, at(10)), None);
            assert_eq!(limits.wait(phone, at(10)), None);
        }
        assert_eq!(limits.failed(phone, at(10)), Some(WAIT_FIRST));
        assert_eq!(limits.wait(phone, at(69)), Some(Duration::from_secs(1)));
        assert_eq!(limits.wait(address("192.168.0.8"), at(11)), None, "others may try");
        assert_eq!(limits.wait(phone, at(70)), None);
        assert_eq!(limits.failed(phone, at(70)), Some(2 * WAIT_FIRST));
        for _ in 0..40 {
            limits.failed(phone, at(300));
        }
        assert_eq!(limits.wait(phone, at(300)), Some(WAIT_MOST));
        assert_eq!(limits.failed(phone, at(300 + 3_600)), None, "after an hour it begins anew");
        limits.succeeded(phone);
        assert_eq!(limits.failed(phone, at(4_000)), None);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_memory_is_bounded() {
        let limits = Limits::default();
        for host in 1..=TRIES {
            limits.failed(address(&format!("2001:db8::{host}")), at(1));
        }
        assert!(limits.wait(address("2001:db8::ffff:1"), at(1)).is_some());
        assert!(limits.wait(address("2001:db8:0:1::1"), at(1)).is_none());
        for number in 0..3_000u32 {
            limits.failed(IpAddr::V4((0x0A00_0000 + number).into()), at(2));
        }
        assert_eq!(limits.0.lock().unwrap().len(), ADDRESSES_MOST);
    }
}
