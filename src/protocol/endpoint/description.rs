//! Endpoints as text, before it is known what they mean.

use std::{
    fmt::{self, Write},
    ops::Range,
    time::Duration,
};

use super::ParseError;

/// An endpoint as text, taken apart: arguments by their places and by their names, in Twisted's syntax.
///
/// Arguments end at `:`, and a name at the first `=` in one. A backslash takes away the meaning that the next character would have,
/// in names as well as values: `\:`, `\=`, `\\`. The first argument without a name is the [kind](Self::kind).
///
/// ```
/// use interloop::protocol::endpoint::Description;
///
/// let description: Description = r"unix:/run/a\:b:mode=660".parse()?;
/// assert_eq!(description.kind(), "unix");
/// assert_eq!(description.positional().collect::<Vec<_>>(), ["/run/a:b"]);
/// assert_eq!(description.named().collect::<Vec<_>>(), [("mode", "660")]);
/// assert_eq!(description.to_string(), r"unix:/run/a\:b:mode=660");
/// # Ok::<_, interloop::protocol::endpoint::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Description {
    pub(super) text: String,
    pub(super) kind: Part,
    pub(super) positional: Vec<Part>,
    pub(super) named: Vec<(Part, Part)>,
}

/// A piece without its backslashes, and where it is in the text.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    pub(super) value: String,
    pub(super) span: Range<usize>,
}

impl Description {
    /// What kind of an endpoint it is: `tcp`, `unix` and so on.
    pub fn kind(&self) -> &str {
        &self.kind.value
    }

    /// The arguments without a name, after the kind.
    pub fn positional(&self) -> impl Iterator<Item = &str> {
        self.positional.iter().map(|part| &*part.value)
    }

    /// The arguments with a name.
    pub fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        self.named.iter().map(|(name, part)| (&*name.value, &*part.value))
    }

    /// Its pieces have to be the text's.
    pub(super) fn error(&self, span: Range<usize>, message: impl Into<String>) -> ParseError {
        ParseError::new(&self.text, span, message.into())
    }
}

impl std::str::FromStr for Description {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (mut positional, mut named) = (Vec::new(), Vec::new());
        let mut name = None;
        let mut part = Part::default();
        let mut chars = text.char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                ':' => {
                    let ended = start_next(&mut part, at);
                    add(&mut positional, &mut named, name.take(), ended);
                }
                '=' if name.is_none() => name = Some(start_next(&mut part, at)),
                '\\' => match chars.next() {
                    Some((_, char)) => part.value.push(char),
                    None => {
                        let why = "nothing comes after this backslash: write two for one".to_owned();
                        return Err(ParseError::new(text, at..at + 1, why));
                    }
                },
                char => part.value.push(char),
            }
        }
        let last = start_next(&mut part, text.len());
        add(&mut positional, &mut named, name, last);
        if positional.is_empty() {
            let why = "it does not say what kind it is: begin it with `tcp:`, for example".to_owned();
            return Err(ParseError::new(text, 0..text.len(), why));
        }
        Ok(Self {
            text: text.to_owned(),
            kind: positional.remove(0),
            positional,
            named,
        })
    }
}

/// Ends a part before the separator at a place, and begins the next after it.
fn start_next(part: &mut Part, at: usize) -> Part {
    let next = Part {
        value: String::new(),
        span: at + 1..at + 1,
    };
    let mut ended = std::mem::replace(part, next);
    ended.span.end = at;
    ended
}

fn add(positional: &mut Vec<Part>, named: &mut Vec<(Part, Part)>, name: Option<Part>, part: Part) {
    match name {
        Some(name) => named.push((name, part)),
        None => positional.push(part),
    }
}

/// As text that parses back: first what has no name, then what has one.
impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut writer = Writer::new(f, self.kind())?;
        for part in self.positional() {
            writer = writer.positional(part)?;
        }
        for (name, part) in self.named() {
            writer = writer.named(name, part)?;
        }
        writer.end()
    }
}

/// Writes an endpoint as text.
pub(super) struct Writer<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl<'a, 'b> Writer<'a, 'b> {
    pub(super) fn new(f: &'a mut fmt::Formatter<'b>, kind: &str) -> Result<Self, fmt::Error> {
        Quoted(f).write_str(kind)?;
        Ok(Self(f))
    }

    pub(super) fn positional(self, value: impl fmt::Display) -> Result<Self, fmt::Error> {
        self.0.write_char(':')?;
        write!(Quoted(self.0), "{value}")?;
        Ok(self)
    }

    pub(super) fn named(self, name: &str, value: impl fmt::Display) -> Result<Self, fmt::Error> {
        let this = self.positional(name)?;
        this.0.write_char('=')?;
        write!(Quoted(this.0), "{value}")?;
        Ok(this)
    }

    pub(super) fn some(self, name: &str, value: Option<impl fmt::Display>) -> Result<Self, fmt::Error> {
        match value {
            Some(value) => self.named(name, value),
            None => Ok(self),
        }
    }

    pub(super) fn unless(self, name: &str, value: impl fmt::Display, default: &str) -> Result<Self, fmt::Error> {
        let value = value.to_string();
        self.some(name, (value != default).then_some(value))
    }

    /// In seconds.
    pub(super) fn timeout(self, timeout: Duration) -> Result<Self, fmt::Error> {
        let (seconds, nanos) = (timeout.as_secs(), timeout.subsec_nanos());
        let text = match nanos {
            0 => seconds.to_string(),
            _ => format!("{seconds}.{nanos:09}").trim_end_matches('0').to_owned(),
        };
        self.unless("timeout", text, "30")
    }

    pub(super) fn end(self) -> fmt::Result {
        Ok(())
    }
}

/// Puts backslashes before what has a meaning.
struct Quoted<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Quoted<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            if matches!(char, ':' | '=' | '\\') {
                self.0.write_char('\\')?;
            }
            self.0.write_char(char)?;
        }
        Ok(())
    }
}
