//! What the rewriter costs a text: the gate alone (most texts), a verdict from the cache, and parsing for one. `parse only` is
//! libpg_query on the same text, the floor of the one before it.

#![expect(clippy::expect_used, reason = "a bench without its sample is no bench")]

use std::{hint::black_box, sync::Arc};

use catalog::sql::parser::Tree;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use editiond::rewrite::{Rewriter, SessionTraits, VerdictCache, sample};

/// About 300 bytes without a word that matters, as an application sends it.
const PLAIN: &str = "SELECT u.id, u.full_name, u.created_at, o.id, o.total, count(*) OVER (PARTITION BY u.id) AS orders_count \
    FROM users u JOIN orders o ON o.user_id = u.id LEFT JOIN addresses a ON a.user_id = u.id \
    WHERE u.id = $1 AND o.total > $2 AND a.country = ANY ($3) AND o.state <> 'cancelled' ORDER BY o.created_at DESC LIMIT 50";

/// The same with qualified names and literals.
const QUALIFIED: &str = "SELECT u.id, u.full_name, u.created_at, o.id, o.total, count(*) OVER (PARTITION BY u.id) AS orders_count \
    FROM public.users u JOIN public.orders o ON o.user_id = u.id LEFT JOIN public.addresses a ON a.user_id = u.id \
    WHERE u.id = 4711 AND o.total > 9.5 AND a.country = ANY ('{de,at}') AND o.state <> 'cancelled' ORDER BY o.created_at DESC LIMIT 50";

/// What a view cannot take: it is rewritten into the stored form.
const GROUPED: &str = "SELECT u.*, count(o.id) FROM users u LEFT JOIN orders o ON o.id = u.id WHERE u.full_name LIKE 'a%' GROUP BY u.id";

fn rewriting(criterion: &mut Criterion) {
    let snapshot = Arc::new(sample::snapshot().expect("the names of the sample are names"));
    let plain = Rewriter::new(Arc::clone(&snapshot), sample::PLAIN);
    let viewed = Rewriter::new(snapshot, sample::VIEWED);
    let cache = VerdictCache::default();
    let mut session = SessionTraits::default();

    let mut group = criterion.benchmark_group("rewrite");
    group.throughput(Throughput::Bytes(PLAIN.len() as u64));
    group.bench_function("scan, at rest", |b| {
        b.iter(|| plain.judge(black_box(PLAIN.as_bytes()), &cache, &mut session));
    });
    group.bench_function("scan, edition with views", |b| {
        b.iter(|| viewed.judge(black_box(PLAIN.as_bytes()), &cache, &mut session));
    });
    let long =
        format!("INSERT INTO users (id, full_name) VALUES {}", vec!["(1, 'somebody')"; 60_000].join(", "));
    group.throughput(Throughput::Bytes(long.len() as u64));
    group.bench_function("scan, 1 MB", |b| {
        b.iter(|| viewed.judge(black_box(long.as_bytes()), &cache, &mut session));
    });
    group.throughput(Throughput::Bytes(QUALIFIED.len() as u64));
    group.bench_function("cache hit", |b| {
        b.iter(|| viewed.judge(black_box(QUALIFIED.as_bytes()), &cache, &mut session));
    });
    group.bench_function("parse and rewrite", |b| {
        // a cache that keeps nothing
        let nothing = VerdictCache::with_capacity(0);
        b.iter(|| viewed.judge(black_box(QUALIFIED.as_bytes()), &nothing, &mut session));
    });
    group.bench_function("parse only", |b| {
        b.iter(|| Tree::parse(black_box(QUALIFIED)).is_ok());
    });
    group.throughput(Throughput::Bytes(GROUPED.len() as u64));
    group.bench_function("stored form, cache hit", |b| {
        b.iter(|| viewed.judge(black_box(GROUPED.as_bytes()), &cache, &mut session));
    });
    group.bench_function("stored form, parse and rewrite", |b| {
        let nothing = VerdictCache::with_capacity(0);
        b.iter(|| viewed.judge(black_box(GROUPED.as_bytes()), &nothing, &mut session));
    });
    group.bench_function("stored form, parse only", |b| {
        b.iter(|| Tree::parse(black_box(GROUPED)).is_ok());
    });
    group.finish();
}

criterion_group!(benches, rewriting);
criterion_main!(benches);
