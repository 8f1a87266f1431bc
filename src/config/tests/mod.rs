//! Configurations whole, good and bad.

use std::path::PathBuf;

use super::*;

mod mistakes;
mod whole;

/// A good zone of seven lines; the cases add names from line 8 on.
const BASE: &str = "\
zone: example.com
ns: [ns1]
pools:
  us: { at: [39.0, -77.5], members: [192.0.2.1, \"2001:db8::1\"] }
  eu: { at: [50.1, 8.7], members: [192.0.2.2, \"2001:db8::2\"] }
names:
  ns1: { A: 192.0.2.53 }
";

fn load_texts(files: &[(&str, &str)]) -> Loaded {
    let file = |(path, text): &(&str, &str)| SourceFile {
        path: PathBuf::from(path),
        text: (*text).to_owned(),
        modified: 7,
    };
    let files: Vec<_> = files.iter().map(file).collect();
    load(&files, Known::default())
}

fn messages(files: &[(&str, &str)]) -> Vec<String> {
    load_texts(files).diagnostics.iter().map(|diagnostic| diagnostic.one_line()).collect()
}

/// What is said of names added to [`BASE`], without the file's name; pools that a case does not use
/// are no matter here.
fn messages_of_names(names: &str) -> Vec<String> {
    let messages = messages(&[("z", &format!("{BASE}{names}\n"))]);
    let messages = messages.into_iter().filter(|message| !message.contains("is not used"));
    messages.map(|message| message.trim_start_matches("z:").to_owned()).collect()
}
