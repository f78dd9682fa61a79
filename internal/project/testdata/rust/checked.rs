//! An index that is not compared with the length: Rust does, and panics.
#![no_std]
use femto::{entry, meta};

meta!(b"hook=event\0");

static PRIMES: [u32; 5] = [2, 3, 5, 7, 11];

#[inline(never)]
fn prime(n: u8) -> u32 {
    PRIMES[n as usize]
}

entry!(fn checked(context: *const u8, length) {
    if length == 0 {
        return -1;
    }
    prime(*context) as i64
});
