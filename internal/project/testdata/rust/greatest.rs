//! The greatest of the bytes that were posted, and how often there was one.
#![no_std]
use femto::{entry, fetch_local, meta, store_local};

meta!(b"hook=event\0");

entry!(fn greatest(context: *const u8, length) {
    let bytes = core::slice::from_raw_parts(context, length as usize);
    let mut count = 0;
    fetch_local(1, &mut count);
    store_local(1, count + 1);
    match bytes.iter().max() {
        Some(most) => *most as i64,
        None => -1,
    }
});
