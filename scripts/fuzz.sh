#!/bin/sh
# Runs each fuzz target for FUZZ_SECONDS (30 unless told otherwise) by libFuzzer, on the stable toolchain: coverage is counted by LLVM's own pass, without a
# sanitizer (which needs nightly, and finds little in code that forbids unsafe). New inputs stay in proxy/fuzz/found/, which git ignores; what
# fails is written to proxy/fuzz/corpus/ and is a test from then on.
set -eu
cd "$(dirname "$0")/../proxy/fuzz"
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares" \
  cargo build --release --target "$host"
for target in ${FUZZ_TARGETS:-frames startup options reports statements}; do
  echo "== $target"
  mkdir -p "found/$target"
  FUZZ_TARGET=$target "target/$host/release/any" "found/$target" "corpus/$target" \
    -max_total_time="${FUZZ_SECONDS:-30}" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="corpus/$target/found-" 2>&1 | grep -E '^(stat::|#[0-9]+.*DONE|==|thread|SUMMARY)|panicked|Base64' || true
  if ls "corpus/$target"/found-*crash* >/dev/null 2>&1; then exit 1; fi
done
