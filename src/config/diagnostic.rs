//! A mistake with its place, shown in the manner of rustc.
//!
//! Readers tell a [`Report`] what is wrong and go on, so that one run finds everything. A
//! [`Diagnostic`] keeps the texts that it points into alive and can be shown long after:
//! [`Diagnostic::one_line`] for logs, [`Diagnostic::render`] with the source line for people.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};

/// Which file of a [`Report`] a [`Span`] lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A place in a file: octets from `start` up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

/// A value and where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Spanned<T> {
    pub span: Span,
    pub value: T,
}

impl<T> Spanned<T> {
    /// Something made of the value, at the same place.
    #[must_use]
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { span: self.span, value: make(self.value) }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// It is taken, but probably not what was meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A mistake or a warning.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, with the values: one line, lower case.
    pub message: String,
    /// Where; the first is the place of the mistake, the others explain it.
    pub labels: Vec<Label>,
    /// What would be right.
    pub help: Option<String>,
}

/// A place and what to say beside it; the text may be empty.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Label {
    pub span: Span,
    pub text: String,
    pub source: Arc<Source>,
}

/// Whether colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// For a terminal: ANSI colours.
    Colour,
    /// For a file or a pipe.
    Plain,
}

/// The longest line that is shown to people, in octets; a mark in a longer one helps nobody.
const LONGEST_SHOWN: usize = 400;

/// A text with a name, indexed by line.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    /// The offset of each line's first octet.
    lines: Vec<u32>,
}

impl Source {
    /// Indexes a text.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let ends = text.bytes().enumerate().filter(|(_, octet)| *octet == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at as u32 + 1)).collect();
        Self { name: name.into(), text, lines }
    }

    /// The path as the user wrote it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line and the column of an octet, both from 1, the column in characters.
    #[must_use]
    pub fn position(&self, offset: u32) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= offset) - 1;
        let before = self.text.get(self.lines[line] as usize..offset as usize).unwrap_or("");
        (line + 1, before.chars().count() + 1)
    }

    /// The octets of one line (from 0), its line feed included.
    fn line(&self, line: usize) -> Range<usize> {
        let end = self.lines.get(line + 1).map_or(self.text.len(), |end| *end as usize);
        self.lines[line] as usize..end
    }

    /// The octets of the line in which a span starts.
    fn line_length(&self, span: Span) -> usize {
        self.line(self.position(span.start).0 - 1).len()
    }

    /// A span cut to its first line, so that a mark never runs over a whole block.
    fn first_line_of(&self, span: Span) -> SourceSpan {
        let (line, _) = self.position(span.start);
        let text = &self.text[self.line(line - 1)];
        let line_end = self.lines[line - 1] as usize + text.trim_end().len();
        let start = span.start as usize;
        let end = (span.end as usize).min(line_end).max(start);
        SourceSpan::from((start, end - start))
    }
}

/// Whole lines, so that the renderer shows each in full without looking for it.
impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let end = span.offset() + span.len();
        if end > self.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let (line, column) = self.position(span.offset() as u32);
        let first = (line - 1).saturating_sub(lines_before);
        let (last, _) = self.position(end as u32);
        let last = (last - 1 + lines_after).min(self.lines.len() - 1);
        let range = self.line(first).start..self.line(last).end;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            &self.text.as_bytes()[range.clone()],
            SourceSpan::from((range.start, range.len())),
            first,
            column - 1,
            last - first + 1,
        )))
    }
}

impl Diagnostic {
    /// A mistake that has no place in a text: an unreadable file, an option.
    #[must_use]
    pub fn without_place(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, message: message.into(), labels: Vec::new(), help: None }
    }

    /// File, line and column of the mistake, when it has a place.
    #[must_use]
    pub fn place(&self) -> Option<(&str, usize, usize)> {
        let label = self.labels.first()?;
        let (line, column) = label.source.position(label.span.start);
        Some((label.source.name(), line, column))
    }

    /// `file:line:column: error: message`, for logs.
    #[must_use]
    pub fn one_line(&self) -> String {
        let word = self.severity.word();
        match self.place() {
            Some((file, line, column)) => {
                format!("{file}:{line}:{column}: {word}: {}", self.message)
            }
            None => format!("{word}: {}", self.message),
        }
    }

    /// Several lines with the source, a mark under the place, and what would be right.
    #[must_use]
    pub fn render(&self, style: Style) -> String {
        if self.labels.iter().any(|label| label.source.line_length(label.span) > LONGEST_SHOWN) {
            let help = self.help.iter().map(|help| format!("  help: {help}\n"));
            return format!("  {}\n{}", self.one_line(), help.collect::<String>());
        }
        let mut theme = match style {
            Style::Colour => GraphicalTheme::unicode(),
            Style::Plain => GraphicalTheme::unicode_nocolor(),
        };
        theme.characters.error = "error:".into();
        theme.characters.warning = "warning:".into();
        theme.characters.advice = "note:".into();
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(110)
            .with_context_lines(0)
            .without_syntax_highlighting();
        let mut text = String::new();
        let shown = Shown::mistake(self);
        let notes = self.labels.iter().filter(|label| !self.is_on_first_line(label));
        let parts = std::iter::once(shown).chain(notes.map(Shown::note));
        for part in parts {
            if handler.render_report(&mut text, &part).is_err() {
                return self.one_line();
            }
        }
        text
    }

    /// Whether a label can be shown in one picture with the mistake itself.
    fn is_on_first_line(&self, label: &Label) -> bool {
        let line = |label: &Label| (label.span.file, label.source.position(label.span.start).0);
        self.labels.first().map(line) == Some(line(label))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.one_line())
    }
}

/// One picture as the renderer takes it: the mistake with the labels of its line, or a note.
#[derive(Debug)]
struct Shown<'d> {
    message: &'d str,
    severity: miette::Severity,
    help: Option<&'d str>,
    labels: Vec<&'d Label>,
}

impl<'d> Shown<'d> {
    fn mistake(diagnostic: &'d Diagnostic) -> Self {
        let labels = diagnostic.labels.iter().filter(|label| diagnostic.is_on_first_line(label));
        Self {
            message: &diagnostic.message,
            severity: match diagnostic.severity {
                Severity::Error => miette::Severity::Error,
                Severity::Warning => miette::Severity::Warning,
            },
            help: diagnostic.help.as_deref(),
            labels: labels.collect(),
        }
    }

    fn note(label: &'d Label) -> Self {
        Self {
            message: &label.text,
            severity: miette::Severity::Advice,
            help: None,
            labels: vec![label],
        }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.labels.first().map(|label| &*label.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let is_note = self.severity == miette::Severity::Advice;
        Some(Box::new(self.labels.iter().enumerate().map(move |(at, label)| {
            let text = (!label.text.is_empty() && !is_note).then(|| label.text.clone());
            let span = label.source.first_line_of(label.span);
            match at {
                0 => LabeledSpan::new_primary_with_span(text, span),
                _ => LabeledSpan::new_with_span(text, span),
            }
        })))
    }
}

/// The files of one load and what was found in them.
#[derive(Debug, Default)]
pub struct Report {
    sources: Vec<Arc<Source>>,
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Adds a file.
    pub fn add_source(&mut self, source: Source) -> FileId {
        self.sources.push(Arc::new(source));
        FileId(self.sources.len() as u32 - 1)
    }

    /// A file added before.
    #[must_use]
    pub fn source(&self, file: FileId) -> &Arc<Source> {
        &self.sources[file.0 as usize]
    }

    /// A place in words: `file:line:column`.
    #[must_use]
    pub fn place(&self, span: Span) -> String {
        let source = self.source(span.file);
        let (line, column) = source.position(span.start);
        format!("{}:{line}:{column}", source.name())
    }

    /// A place that can be shown later, beside what another report finds.
    #[must_use]
    pub fn label(&self, span: Span) -> Label {
        Label { span, text: String::new(), source: Arc::clone(self.source(span.file)) }
    }

    /// Reports a mistake at `span`; `.here(text)`, `.label(span, text)` and `.help(text)` say more.
    pub fn error(&mut self, span: Span, message: impl Into<String>) -> Entry<'_> {
        self.add(Severity::Error, span, message.into())
    }

    /// Reports a warning at `span`.
    pub fn warning(&mut self, span: Span, message: impl Into<String>) -> Entry<'_> {
        self.add(Severity::Warning, span, message.into())
    }

    /// Adds a diagnostic made elsewhere.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// How many mistakes there are so far, warnings not counted.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error).count()
    }

    /// Everything found, by file and place.
    #[must_use]
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.diagnostics;
        diagnostics.sort_by_key(|d| d.labels.first().map(|label| (label.span, d.severity)));
        diagnostics
    }

    fn add(&mut self, severity: Severity, span: Span, message: String) -> Entry<'_> {
        self.diagnostics.push(Diagnostic::without_place(severity, message));
        let index = self.diagnostics.len() - 1;
        Entry { report: self, index }.label(span, "")
    }
}

/// The diagnostic just reported, to say more of it.
#[derive(Debug)]
pub struct Entry<'r> {
    report: &'r mut Report,
    index: usize,
}

impl Entry<'_> {
    /// A text beside the place of the mistake itself.
    pub fn here(mut self, text: impl Into<String>) -> Self {
        if let Some(label) = self.diagnostic().labels.first_mut() {
            label.text = text.into();
        }
        self
    }

    /// Another place that explains it, in any file.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        let source = Arc::clone(self.report.source(span.file));
        self.diagnostic().labels.push(Label { span, text: text.into(), source });
        self
    }

    /// What would be right.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.diagnostic().help = Some(text.into());
        self
    }

    /// [`Self::help`] when there is something to say.
    pub fn help_if(self, text: Option<impl Into<String>>) -> Self {
        match text {
            Some(text) => self.help(text),
            None => self,
        }
    }

    fn diagnostic(&mut self) -> &mut Diagnostic {
        &mut self.report.diagnostics[self.index]
    }
}
