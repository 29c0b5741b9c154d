//! What stands in the parentheses of the attributes.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{
    Error, LitStr, Result, Token,
    parse::{Parse, ParseStream},
};

/// The loops that can be named.
const LOOPS: [&str; 6] = ["tokio", "tokio_current_thread", "smol", "async_std", "futures", "clock"];

/// A loop that was named.
pub(crate) struct Loop {
    pub(crate) name: Ident,
}

impl Loop {
    /// The function that runs another one on it.
    pub(crate) fn block_on(&self) -> TokenStream {
        let span = self.name.span();
        match &*self.name.to_string() {
            "tokio" => quote_spanned!(span=> ::interloop_tokio::block_on),
            "tokio_current_thread" => quote_spanned!(span=> ::interloop_tokio::block_on_current_thread),
            "smol" => quote_spanned!(span=> ::interloop_smol::block_on),
            "async_std" => quote_spanned!(span=> ::interloop_async_std::block_on),
            "futures" => quote_spanned!(span=> ::interloop_futures::block_on),
            _ => quote_spanned!(span=> ::interloop::clock::block_on),
        }
    }

    /// The function that runs a program's main function on it.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn react(&self) -> Result<TokenStream> {
        let span = self.name.span();
        Ok(match &*self.name.to_string() {
            "tokio" => quote_spanned!(span=> ::interloop_tokio::react),
            "tokio_current_thread" => quote_spanned!(span=> ::interloop_tokio::react_current_thread),
            "smol" => quote_spanned!(span=> ::interloop_smol::react),
            "async_std" => quote_spanned!(span=> ::interloop_async_std::react),
            "futures" => quote_spanned!(span=> ::interloop_futures::react),
            _ => {
                let message = "a program does not run in virtual time: name another loop, such as `tokio`";
                return Err(Error::new(span, message));
            }
        })
    }
}

impl Parse for Loop {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name: Ident = input.parse()?;
        if LOOPS.iter().all(|known| name != known) {
            let message = format!("there is no loop `{name}` here: the loops are {}", known());
            return Err(Error::new(name.span(), message));
        }
        Ok(Self { name })
    }
}

/// The known loops, for messages.
pub(crate) fn known() -> String {
    let names = LOOPS.map(|name| format!("`{name}`"));
    let (last, others) = names.split_last().expect("there are loops");
    format!("{} and {last}", others.join(", "))
}

/// Those of `#[interloop::test]`.
pub(crate) struct TestArguments {
    pub(crate) loops: Vec<Loop>,
    pub(crate) timeout: Option<Duration>,
}

impl Parse for TestArguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut arguments = Self {
            loops: Vec::new(),
            timeout: None,
        };
        while !input.is_empty() {
            if input.peek2(Token![=]) {
                arguments.parse_option(input)?;
            } else {
                let next: Loop = input.parse()?;
                if arguments.loops.iter().any(|one| one.name == next.name) {
                    let message = format!("the loop `{}` is named twice", next.name);
                    return Err(Error::new(next.name.span(), message));
                }
                arguments.loops.push(next);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        if arguments.loops.is_empty() {
            let message = format!(
                "name the loops to test on, as in `#[interloop::test(tokio, smol)]`: they are {}",
                known()
            );
            return Err(Error::new(Span::call_site(), message));
        }
        Ok(arguments)
    }
}

impl TestArguments {
    fn parse_option(&mut self, input: ParseStream<'_>) -> Result<()> {
        let name: Ident = input.parse()?;
        input.parse::<Token![=]>()?;
        if name != "timeout" {
            let message = format!("there is no option `{name}`: write `timeout = \"5s\"` or nothing");
            return Err(Error::new(name.span(), message));
        }
        if self.timeout.is_some() {
            return Err(Error::new(name.span(), "the option `timeout` is set twice"));
        }
        let message =
            "write a time limit in seconds or milliseconds, such as `timeout = \"5s\"` or `timeout = \"500ms\"`";
        let text: LitStr = input.parse().map_err(|error| Error::new(error.span(), message))?;
        let limit = duration(&text.value()).filter(|limit| !limit.is_zero());
        self.timeout = Some(limit.ok_or_else(|| Error::new(text.span(), message))?);
        Ok(())
    }
}

fn duration(text: &str) -> Option<Duration> {
    if let Some(number) = text.strip_suffix("ms") {
        return number.parse().ok().map(Duration::from_millis);
    }
    text.strip_suffix('s')?.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(arguments: &str) -> String {
        match syn::parse_str::<TestArguments>(arguments) {
            Ok(_) => panic!("`{arguments}` is not refused"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn loops_and_a_limit_are_read_in_any_order() {
        for text in [
            "tokio, clock, timeout = \"500ms\"",
            "timeout = \"500ms\", tokio, clock,",
        ] {
            let arguments = syn::parse_str::<TestArguments>(text).ok().unwrap();
            let names = arguments.loops.iter().map(|one| one.name.to_string());
            assert_eq!(names.collect::<Vec<_>>(), ["tokio", "clock"]);
            assert_eq!(arguments.timeout, Some(Duration::from_millis(500)));
        }
    }

    #[test]
    fn the_unit_of_a_limit_is_seconds_or_milliseconds() {
        assert_eq!(duration("5s"), Some(Duration::from_secs(5)));
        assert_eq!(duration("20ms"), Some(Duration::from_millis(20)));
        for text in ["", "5", "s", "ms", "-5s", "5 s", "5m", "1.5s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_what_to_write() {
        let known = "`tokio`, `tokio_current_thread`, `smol`, `async_std`, `futures` and `clock`";
        assert_eq!(
            error_of(""),
            format!("name the loops to test on, as in `#[interloop::test(tokio, smol)]`: they are {known}")
        );
        assert_eq!(error_of("timeout = \"5s\""), error_of(""));
        assert_eq!(
            error_of("tokio, tokyo"),
            format!("there is no loop `tokyo` here: the loops are {known}")
        );
        assert_eq!(error_of("smol, smol"), "the loop `smol` is named twice");
        assert_eq!(
            error_of("smol, limit = \"5s\""),
            "there is no option `limit`: write `timeout = \"5s\"` or nothing"
        );
        for limit in ["5", "\"soon\"", "\"0s\""] {
            let message = error_of(&format!("smol, timeout = {limit}"));
            assert!(message.contains("`timeout = \"500ms\"`"), "{message}");
        }
    }
}
