//! Zone files: read, checked, built, and every mistake put into words.

use rhumb::config::diagnostic::{Diagnostic, Style};
use rhumb::config::{Known, SourceFile, load};
use rhumb::geo::mmdb::Databases;
use rhumb::world::World;

/// Between the files of one configuration.
const SEPARATOR: &str = "\n---8<---\n";

pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let file = |(n, text): (usize, &str)| SourceFile {
        path: format!("{n}.yaml").into(),
        text: text.to_owned(),
        modified: 0,
    };
    let files: Vec<_> = text.split(SEPARATOR).enumerate().map(file).collect();
    let loaded = load(&files, Known::default());
    words(&loaded.diagnostics);
    if let Some(config) = loaded.config {
        let _ = World::build(config, &Databases::default(), 1, 1);
    } else {
        assert!(!loaded.diagnostics.is_empty(), "refused without a word");
    }
}

/// What people are shown.
pub(crate) fn words(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        let shown = [Style::Plain, Style::Colour].map(|style| diagnostic.render(style));
        assert!(!diagnostic.one_line().is_empty() && shown.iter().all(|text| !text.is_empty()));
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let shared = include_str!("../../zones/shared.yaml");
    let alone = [
        include_str!("../../zones/failover.yaml"),
        include_str!("../../zones/geo.yaml"),
        include_str!("../../zones/nearest.yaml"),
        include_str!("../../zones/records.yaml"),
        include_str!("../../zones/sticky.yaml"),
        include_str!("../../zones/weighted.yaml"),
    ];
    let both = alone.iter().map(|zone| [*zone, shared].join(SEPARATOR).into_bytes());
    alone.iter().map(|zone| zone.as_bytes().to_vec()).chain(both).collect()
}
