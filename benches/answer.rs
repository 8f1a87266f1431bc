//! `answer()` case by case: `cargo bench --bench answer`.

mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn answer(criterion: &mut Criterion) {
    let snapshot = support::snapshot();
    let mut rng = fastrand::Rng::with_seed(1);
    let mut buffer = [0; 1232];
    let mut group = criterion.benchmark_group("answer");
    for (case, name, subnet) in support::CASES {
        let query = support::query(name, subnet);
        let length = support::ask(&snapshot, &query, &mut rng, &mut buffer);
        assert!(length > query.len() - 11, "{case}: no answer");
        group.bench_function(case, |bencher| {
            bencher.iter(|| support::ask(&snapshot, black_box(&query), &mut rng, &mut buffer));
        });
    }
}

criterion_group!(benches, answer);
criterion_main!(benches);
