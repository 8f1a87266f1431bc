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
                builder.scan_error(&error, text);
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
    Some(builder.root.unwrap_or(Node { span: end, value: omitted() }))
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
                    if let Value::Mapping(entries) = &mut open.value {
                        refuse_duplicates(entries, self.report);
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
            return self.refuse(span, &format!("nested deeper than {MAX_NESTING} levels"));
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
            (Value::Mapping(entries), Some(key)) => entries.push((key, node)),
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

    fn scan_error(&mut self, error: &ScanError, _text: &str) {
        let at = self.places.span(*error.marker(), *error.marker());
        self.report.error(at, error.info().to_owned());
    }
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
