use std::{error::Error, fmt, ops::Range};

/// Text that is no endpoint.
///
/// `{}` says what is wrong; `{:#}` also shows the text, and points at the part:
///
/// ```
/// use interloop::protocol::endpoint::Parser;
///
/// let error = Parser::new().server("tcp:80x:interface=127.0.0.1").err().unwrap();
/// assert_eq!(&error.text()[error.span()], "80x");
/// assert_eq!(format!("{error:#}").lines().collect::<Vec<_>>(), [
///     "`80x` is no port: give a number from 0 to 65535",
///     "    tcp:80x:interface=127.0.0.1",
///     "        ^^^",
/// ]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    text: String,
    span: Range<usize>,
    message: String,
}

impl ParseError {
    /// Of a part of a text, in bytes.
    pub(super) fn new(text: &str, span: Range<usize>, message: String) -> Self {
        Self {
            text: text.to_owned(),
            span,
            message,
        }
    }

    /// Of a text that begins at a place of another one.
    pub(super) fn within(self, text: &str, begin: usize) -> Self {
        let span = self.span.start + begin..self.span.end + begin;
        Self::new(text, span, self.message)
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Which part of it is wrong, in bytes; empty, at the end, if something is missing.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !f.alternate() {
            return Ok(());
        }
        // A place for each character, also for those that would move the ones behind them.
        let shown = |char: char| if char.is_control() { '\u{fffd}' } else { char };
        let text = self.text.chars().map(shown).collect::<String>();
        let before = self.text[..self.span.start].chars().count();
        let marked = self.text[self.span.clone()].chars().count().max(1);
        write!(f, "\n    {text}\n    {}{}", " ".repeat(before), "^".repeat(marked))
    }
}

impl Error for ParseError {}
