//! YAML as a tree with positions; scalars stay text until a field gives them a type.
//!
//! Built from the parser's events without recursion, so that hostile nesting ends in a message.
//! What invites surprises is refused: anchors, tags, several documents, duplicate keys, keys that
//! are not text.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

use super::diagnostic::{FileId, Report, Span, Spanned};

/// How deep a file may nest. Policies nest to [`MAX_DEPTH`](crate::policy::MAX_DEPTH) with names in
/// between; no file that people write comes near.
pub const MAX_NESTING: usize = 64;

/// A node and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Node {
    pub span: Span,
    pub value: Value,
}

/// A key of a mapping and its place.
pub type Key = Spanned<String>;

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text; a value left out is an unquoted empty one.
    Scalar {
        /// Without quotes, escapes resolved.
        text: String,
        /// Written in quotes or as a block, and so never empty by omission.
        quoted: bool,
    },
    /// `- a`, or `[a, b]`.
    Sequence(Vec<Node>),
    /// `a: b`, or `{ a: b }`; in the order written, no key twice.
    Mapping(Vec<(Key, Node)>),
}

impl Node {
    /// The text of a scalar; an omitted value has none.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_omitted() => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping.
    #[must_use]
    pub fn entries(&self) -> Option<&[(Key, Self)]> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether nothing was written where a value could stand.
    #[must_use]
    pub fn is_omitted(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, quoted: false } if text.is_empty())
    }

    /// A list's items, or the node itself as the only one: "one may stand without a list".
    #[must_use]
    pub fn one_or_more(&self) -> &[Self] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// What was found, for messages: "`5`", "a list", "a mapping", "nothing".
    #[must_use]
    pub fn found(&self) -> String {
        match &self.value {
            Value::Scalar { .. } if self.is_omitted() => "nothing".to_owned(),
            Value::Scalar { text, .. } => quote(text),
            Value::Sequence(_) => "a list".to_owned(),
            Value::Mapping(_) => "a mapping".to_owned(),
        }
    }
}

/// A text between backquotes, cut when it is long.
#[must_use]
pub fn quote(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}…`", text[..end].escape_debug()),
        None => format!("`{}`", text.escape_debug()),
    }
}

/// Reads a file of `report`. Every mistake is reported; `None` when no tree could be made. A file
/// without any content is an omitted scalar.
pub fn parse(file: FileId, report: &mut Report) -> Option<Node> {
    let source = std::sync::Arc::clone(report.source(file));
    let text = source.text();
    let places = Places::new(file, text);
    if let Some(at) = text.find('\0') {
        // The parser would take it for the end of the file and leave out the rest.
        report.error(places.octets(at, at + 1), "a NUL character in the file");
        return None;
    }
    let mut builder = Builder { places, report, open: Vec::new(), root: None };
    let mut parser = Parser::new_from_str(text);
    loop {
        let (event, span) = match parser.next_event()? {
            Ok(next) => next,
            Err(error) => {
                builder.scan_error(&error);
                return None;
            }
        };
        let span = builder.places.span(span.start, span.end);
        match builder.event(event, span) {
            Step::More => {}
            Step::Done => break,
            Step::Refused => return None,
        }
    }
    let end = builder.places.octets(text.len(), text.len());
    Some(builder.root.unwrap_or_else(|| Node { span: end, value: omitted() }))
}

fn omitted() -> Value {
    Value::Scalar { text: String::new(), quoted: false }
}

/// Whether to go on after an event.
enum Step {
    More,
    Done,
    Refused,
}

/// A collection whose end has not been seen.
struct Open {
    span: Span,
    value: Value,
    /// Of a mapping: the key whose value is awaited.
    key: Option<Key>,
}

/// Puts events together; what is open stands on a stack of its own.
struct Builder<'r> {
    places: Places<'r>,
    report: &'r mut Report,
    open: Vec<Open>,
    root: Option<Node>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Step {
        match event {
            Event::Nothing | Event::StreamStart | Event::DocumentEnd => Step::More,
            Event::StreamEnd => Step::Done,
            Event::DocumentStart(_) if self.root.is_some() => {
                self.refuse(span, "a second document in one file (one is allowed)")
            }
            Event::DocumentStart(_) => Step::More,
            Event::Alias(_) => self.refuse_anchor(span),
            Event::Scalar(_, _, 1.., _)
            | Event::SequenceStart(1.., _)
            | Event::MappingStart(1.., _) => self.refuse_anchor(span),
            Event::Scalar(.., Some(tag))
            | Event::SequenceStart(_, Some(tag))
            | Event::MappingStart(_, Some(tag)) => {
                self.refuse(span, &format!("tags are not supported, found `{tag}`"))
            }
            Event::Scalar(text, style, _, None) => {
                let quoted = style != ScalarStyle::Plain;
                self.close(Node { span, value: Value::Scalar { text: text.into_owned(), quoted } })
            }
            Event::SequenceStart(_, None) => self.open(span, Value::Sequence(Vec::new())),
            Event::MappingStart(_, None) => self.open(span, Value::Mapping(Vec::new())),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(mut open) => {
                    match &mut open.value {
                        Value::Mapping(entries) => {
                            refuse_duplicates(entries, self.report);
                            // A large zone is mostly mappings of one entry.
                            entries.shrink_to_fit();
                        }
                        Value::Sequence(items) => items.shrink_to_fit(),
                        Value::Scalar { .. } => {}
                    }
                    if let Some(key) = split_address(&open.value, self.places.text) {
                        let (span, text) = (key.span, format!("{}:", key.value));
                        self.needs_quotes(span);
                        open.value = Value::Scalar { text, quoted: false };
                    }
                    let end = span.end.max(open.span.end);
                    self.close(Node { span: Span { end, ..open.span }, value: open.value })
                }
                None => Step::More,
            },
        }
    }

    fn open(&mut self, span: Span, value: Value) -> Step {
        if self.open.len() == MAX_NESTING {
            return self.refuse(span, &too_deep());
        }
        self.open.push(Open { span, value, key: None });
        Step::More
    }

    /// Puts a finished node where it belongs.
    fn close(&mut self, node: Node) -> Step {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Step::More;
        };
        parent.span.end = parent.span.end.max(node.span.end);
        match (&mut parent.value, parent.key.take()) {
            (Value::Sequence(items), _) => items.push(node),
            (Value::Mapping(entries), Some(key)) => {
                // What is left out is best shown at the key that it is missing from.
                let span = if node.is_omitted() { key.span } else { node.span };
                entries.push((key, Node { span, ..node }));
            }
            (Value::Mapping(_), None) => return self.key(node),
            (Value::Scalar { .. }, _) => {}
        }
        Step::More
    }

    fn key(&mut self, node: Node) -> Step {
        match node.value {
            Value::Scalar { text, .. } => {
                if let Some(parent) = self.open.last_mut() {
                    parent.key = Some(Spanned { span: node.span, value: text });
                }
                Step::More
            }
            _ => self.refuse(node.span, &format!("a key must be text, found {}", node.found())),
        }
    }

    fn refuse_anchor(&mut self, span: Span) -> Step {
        self.report
            .error(span, "anchors and aliases are not supported")
            .help("give the policy, pool or probe a name and refer to it by that name");
        Step::Refused
    }

    fn refuse(&mut self, span: Span, message: &str) -> Step {
        self.report.error(span, message);
        Step::Refused
    }

    /// The parser's own message, or a better one where its cause can be told.
    fn scan_error(&mut self, error: &ScanError) {
        let place = self.places.span(*error.marker(), *error.marker());
        let at = place.start as usize;
        if let Some(address) = bare_address(self.places.text, at) {
            return self.needs_quotes(self.places.octets(address.start, address.end));
        }
        let info = error.info();
        let next = self.places.text[at..].chars().next();
        if info.contains("unknown anchor") || info.starts_with("unexpected character") {
            let indicator = next.unwrap_or('*');
            let message = format!("a text that starts with `{indicator}` needs quotes");
            self.report.error(place, message);
        } else if info.contains("recursion limit") {
            self.report.error(place, too_deep());
        } else {
            self.report.error(place, info.to_owned()).help_if(advice(info));
        }
    }

    fn needs_quotes(&mut self, span: Span) {
        self.report
            .error(span, "an IPv6 address that ends in `::` needs quotes")
            .help("YAML takes a colon at the end of a word for the end of a key; write \"…::\"");
    }
}

fn too_deep() -> String {
    format!("nested deeper than {MAX_NESTING} levels")
}

/// What usually helps against a message of the parser.
fn advice(info: &str) -> Option<&'static str> {
    [
        ("tabs", "indent with spaces"),
        ("did not find expected key", "the keys of one mapping start in the same column"),
        ("mapping values", "a text with a colon and a space in it needs quotes"),
        ("invalid indentation", "what belongs together starts in the same column"),
    ]
    .into_iter()
    .find_map(|(part, advice)| info.contains(part).then_some(advice))
}

/// An unquoted IPv6 address with `::` at its end that includes or ends at `at`.
fn bare_address(text: &str, at: usize) -> Option<std::ops::Range<usize>> {
    let part = |octet: &u8| octet.is_ascii_hexdigit() || b":.".contains(octet);
    let bytes = text.as_bytes();
    let start = at - bytes.get(..at)?.iter().rev().take_while(|octet| part(octet)).count();
    let end = at + bytes[at..].iter().take_while(|octet| part(octet)).count();
    let word = &text[start..end];
    (word.ends_with("::") && word.parse::<std::net::Ipv6Addr>().is_ok()).then_some(start..end)
}

/// The key of a mapping that is in truth such an address, cut by the parser at its last colon.
fn split_address<'v>(value: &'v Value, text: &str) -> Option<&'v Key> {
    let Value::Mapping(entries) = value else { return None };
    let [(key, node)] = &entries[..] else { return None };
    let address = bare_address(text, key.span.start as usize)?;
    (node.is_omitted() && address.len() == key.value.len() + 1).then_some(key)
}

/// Reports every key that stands twice, and keeps the first.
fn refuse_duplicates(entries: &mut Vec<(Key, Node)>, report: &mut Report) {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|at| (&entries[*at].0.value, *at));
    let mut again = Vec::new();
    for same in order.chunk_by(|a, b| entries[*a].0.value == entries[*b].0.value) {
        for at in &same[1..] {
            let key = &entries[*at].0;
            report
                .error(key.span, format!("{} stands twice", quote(&key.value)))
                .label(entries[same[0]].0.span, "the first one");
            again.push(*at);
        }
    }
    if !again.is_empty() {
        again.sort_unstable();
        let mut at = 0..;
        entries.retain(|_| again.binary_search(&at.next().unwrap_or_default()).is_err());
    }
}

/// Characters to octets: the parser counts the former, everything else the latter.
struct Places<'t> {
    file: FileId,
    text: &'t str,
    /// The octet of every [`STRIDE`]th character; empty when all are ASCII.
    octets: Vec<u32>,
}

const STRIDE: usize = 64;

impl<'t> Places<'t> {
    fn new(file: FileId, text: &'t str) -> Self {
        let octets = match text.is_ascii() {
            true => Vec::new(),
            false => text.char_indices().step_by(STRIDE).map(|(at, _)| at as u32).collect(),
        };
        Self { file, text, octets }
    }

    fn octets(&self, start: usize, end: usize) -> Span {
        Span { file: self.file, start: start as u32, end: end as u32 }
    }

    fn span(&self, start: Marker, end: Marker) -> Span {
        let start = self.octet(start.index());
        self.octets(start, self.octet(end.index()).max(start))
    }

    fn octet(&self, character: usize) -> usize {
        if self.octets.is_empty() {
            return character.min(self.text.len());
        }
        let Some(near) = self.octets.get(character / STRIDE) else { return self.text.len() };
        let near = *near as usize;
        let far = self.text[near..].char_indices().nth(character % STRIDE);
        far.map_or(self.text.len(), |(at, _)| near + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::diagnostic::Source;

    fn read(text: &str) -> (Option<Node>, Vec<String>) {
        let mut report = Report::default();
        let file = report.add_source(Source::new("f.yaml", text));
        let tree = parse(file, &mut report);
        (tree, report.into_diagnostics().iter().map(|d| d.one_line()).collect())
    }

    /// A tree as text: scalars as they are, quoted ones in quotes, `()` around what is omitted.
    fn shape(node: &Node) -> String {
        match &node.value {
            Value::Scalar { .. } if node.is_omitted() => "()".to_owned(),
            Value::Scalar { text, quoted: false } => text.clone(),
            Value::Scalar { text, quoted: true } => format!("{text:?}"),
            Value::Sequence(items) => {
                format!("[{}]", items.iter().map(shape).collect::<Vec<_>>().join(" "))
            }
            Value::Mapping(entries) => {
                let entry = |(key, node): &(Key, Node)| format!("{}={}", key.value, shape(node));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[test]
    fn scalars_stay_text() {
        for (text, expected) in [
            ("", "()"),
            ("# nothing but a comment\n", "()"),
            ("a: 010\nb: NO\nc: 1e3\nd: ~\n", "{a=010 b=NO c=1e3 d=~}"),
            ("a:\nb: ''\n", "{a=() b=\"\"}"),
            ("a: [x, { y: z }]\n", "{a=[x {y=z}]}"),
            ("- a\n- - b\n  - c\n", "[a [b c]]"),
            ("a: |\n  x\n  y\n", "{a=\"x\\ny\\n\"}"),
            ("---\na: 10.0.0.0/8\n...\n", "{a=10.0.0.0/8}"),
            ("\u{feff}a: b\r\nc: d\r\n", "{a=b c=d}"),
            ("2001:db8::/32: x\nb: [::1, 2001:db8::1]", "{2001:db8::/32=x b=[::1 2001:db8::1]}"),
        ] {
            let (tree, mistakes) = read(text);
            assert_eq!(mistakes, [""; 0], "{text:?}");
            assert_eq!(shape(&tree.expect(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn places_are_octets_also_behind_wide_characters() {
        let text = format!("{}: [ü, x]\r\nb: \"y\"\r\n", "é".repeat(100));
        let (tree, _) = read(&text);
        let tree = tree.expect("a tree");
        let [(first, list), (second, quoted)] = tree.entries().expect("a mapping") else {
            panic!("two entries")
        };
        let at = |span: Span| &text[span.start as usize..span.end as usize];
        assert_eq!(at(first.span), "é".repeat(100));
        assert_eq!(at(list.span), "[ü, x]");
        assert_eq!(list.one_or_more().iter().map(|n| at(n.span)).collect::<Vec<_>>(), ["ü", "x"]);
        assert_eq!((at(second.span), at(quoted.span)), ("b", "\"y\""));
    }

    #[test]
    fn what_invites_surprises_is_refused() {
        for (text, expected) in [
            ("a: &x b", "1:4: error: anchors and aliases are not supported"),
            ("a: !!int b", "1:4: error: tags are not supported, found `tag:yaml.org,2002:!int`"),
            ("a: b\n---\nc: d", "2:1: error: a second document in one file (one is allowed)"),
            ("a: 1\nb: 2\na: 3", "3:1: error: `a` stands twice"),
            ("[a]: b", "1:1: error: a key must be text, found a list"),
            ("a: b\0c", "1:5: error: a NUL character in the file"),
            ("*.app: x", "1:1: error: a text that starts with `*` needs quotes"),
            ("@: x", "1:1: error: a text that starts with `@` needs quotes"),
            ("a:\n\tb: c", "2:2: error: tabs disallowed within this context (block indentation)"),
            (
                "a:\n  b: c\n d: e",
                "3:2: error: while parsing a block mapping, did not find expected key",
            ),
            ("a: b: c", "1:5: error: mapping values are not allowed in this context"),
            ("a: [b", "1:6: error: while parsing a flow sequence, expected ',' or ']'"),
        ] {
            let (_, mistakes) = read(text);
            assert_eq!(mistakes, [format!("f.yaml:{expected}")], "{text:?}");
        }
    }

    #[test]
    fn an_unquoted_address_that_ends_in_colons_is_named_as_such() {
        for (text, place) in [
            ("a: [2001:db8::, 1.2.3.4]", "1:5"),
            ("a: [1.2.3.4, 2001:db8:: ]", "1:14"),
            ("a: [::]", "1:5"),
            ("a: { address: 2001:db8:: }", "1:15"),
            ("a: { address: 2001:db8::, weight: 3 }", "1:15"),
            ("a: 2001:db8::", "1:4"),
            ("a:\n- 2001:db8::\n- ::1\n", "2:3"),
        ] {
            let (_, mistakes) = read(text);
            let message = "an IPv6 address that ends in `::` needs quotes";
            assert_eq!(mistakes, [format!("f.yaml:{place}: error: {message}")], "{text:?}");
        }
        let (tree, mistakes) = read("a: [\"2001:db8::\", '::']\nb: { c:: d }");
        assert_eq!(mistakes, [""; 0]);
        assert_eq!(shape(&tree.expect("a tree")), "{a=[\"2001:db8::\" \"::\"] b={c:=d}}");
    }

    #[test]
    fn ten_thousand_levels_are_one_message() {
        let indented: String = (0..10_000).map(|depth| " ".repeat(depth) + "a:\n").collect();
        for text in [
            "[".repeat(10_000),
            "{a: ".repeat(10_000),
            "- ".repeat(10_000),
            "? ".repeat(10_000),
            indented,
        ] {
            let (tree, mistakes) = read(&text);
            assert!(tree.is_none());
            let [mistake] = &mistakes[..] else { panic!("one mistake, not {}", mistakes.len()) };
            assert!(mistake.ends_with("error: nested deeper than 64 levels"), "{mistake}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([ab:&*!@?|>'\"#\\[\\]{},é\u{feff}-]|: |- |\n|  |\t){0,40}") {
            let (tree, mistakes) = read(&text);
            proptest::prop_assert!(tree.is_some() || !mistakes.is_empty());
        }
    }
}
