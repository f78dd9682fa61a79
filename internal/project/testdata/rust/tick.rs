//! The context of a hook, and a line in the log.
#![no_std]
use femto::{entry, meta, printf, Timer};

meta!(b"hook=timer\0");

entry!(fn tick(context: &Timer, _length) {
    printf(b"tick %u of %u\n\0".as_ptr(), context.count, 100, 0, 0);
    (context.now / 1000 - context.count) as i64
});
