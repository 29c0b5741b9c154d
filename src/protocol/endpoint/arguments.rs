//! What a kind of endpoint is given.

use std::{fmt::Display, str::FromStr, time::Duration};

use super::{Description, ParseError, description::Part};

/// The arguments of an endpoint, by name, until they are taken.
pub(super) struct Arguments<'a> {
    description: &'a Description,
    named: Vec<(&'static str, &'a Part)>,
}

impl<'a> Arguments<'a> {
    /// Gives names to all arguments: those that have none are the first of the names, in their order.
    pub(super) fn new(description: &'a Description, names: &[&'static str]) -> Result<Self, ParseError> {
        Self::with_places(description, names, names)
    }

    pub(super) fn with_places(
        description: &'a Description,
        places: &[&'static str],
        names: &[&'static str],
    ) -> Result<Self, ParseError> {
        let kind = description.kind();
        let known = || match names {
            [] => "it takes none".to_owned(),
            _ => format!("it takes {}", names.join(", ")),
        };
        let mut named = Vec::<(&'static str, &Part)>::new();
        for (index, part) in description.positional.iter().enumerate() {
            let Some(name) = places.get(index) else {
                let why = format!("this is one argument more than `{kind}` has: {}", known());
                return Err(description.error(part.span.clone(), why));
            };
            named.push((name, part));
        }
        for (name, part) in &description.named {
            let Some(known) = names.iter().find(|known| **known == name.value) else {
                let why = format!("`{kind}` has no argument `{}`: {}", name.value, known());
                return Err(description.error(name.span.clone(), why));
            };
            if named.iter().any(|(given, _)| given == known) {
                let why = format!("`{known}` is given twice: leave one out");
                return Err(description.error(name.span.start..part.span.end, why));
            }
            named.push((known, part));
        }
        Ok(Self { description, named })
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Part> {
        let found = self.named.iter().find(|(given, _)| *given == name);
        found.map(|(_, part)| *part)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name).map(|part| &*part.value)
    }

    pub(super) fn required(&self, name: &str) -> Result<&'a Part, ParseError> {
        self.get(name).ok_or_else(|| {
            let end = self.description.text.len();
            let why = format!(
                "`{}` needs `{name}`: add `:{name}=` and what it is",
                self.description.kind()
            );
            self.description.error(end..end, why)
        })
    }

    /// What an argument means; `what` says what it should be, and how it is to be given.
    pub(super) fn parsed<T>(
        &self,
        part: &Part,
        what: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ParseError> {
        parse(&part.value).ok_or_else(|| self.wrong(part, what))
    }

    pub(super) fn optional<T>(
        &self,
        name: &str,
        what: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ParseError> {
        self.get(name).map(|part| self.parsed(part, what, parse)).transpose()
    }

    fn wrong(&self, part: &Part, what: &str) -> ParseError {
        let why = format!("`{}` is no {what}", part.value);
        self.description.error(part.span.clone(), why)
    }

    pub(super) fn error(&self, part: &Part, why: impl Display) -> ParseError {
        self.description.error(part.span.clone(), why.to_string())
    }

    pub(super) fn port(&self) -> Result<u16, ParseError> {
        let port = self.required("port")?;
        self.parsed(port, "port: give a number from 0 to 65535", number)
    }

    pub(super) fn backlog(&self) -> Result<Option<u32>, ParseError> {
        self.optional("backlog", "backlog: give a number of connections", number)
    }

    pub(super) fn timeout(&self) -> Result<Option<Duration>, ParseError> {
        self.optional("timeout", "time: give a number of seconds", seconds)
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ParseError> {
        let flag = self.optional(name, "answer to yes or no: give 1 or 0", number::<u64>)?;
        Ok(flag.map(|flag| flag != 0))
    }
}

/// A number in digits alone, without the signs that the standard library lets pass.
pub(super) fn number<T: FromStr>(text: &str) -> Option<T> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().ok(),
        false => None,
    }
}

/// Seconds, with up to nine places behind the point.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let nanos = number::<u32>(fraction)? * 10_u32.pow(9 - fraction.len() as u32);
    Some(Duration::new(number(whole)?, nanos))
}
