//! The target that `FUZZ_TARGET` names: one program for all, because each takes minutes to build.

#![no_main]

use std::sync::LazyLock;

use editiond::fuzz::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let known: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    match TARGETS.iter().find(|(name, _)| *name == wanted) {
        Some((_, target)) => *target,
        None => panic!("FUZZ_TARGET is \"{wanted}\", and not one of {known:?}"),
    }
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));
