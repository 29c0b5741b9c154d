//! The function that an attribute stands on.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Error, FnArg, ItemFn, Result, ReturnType, Type, parse2};

/// An async function that takes the reactor.
pub(crate) struct Function {
    pub(crate) item: ItemFn,
}

impl Function {
    /// Reads it; `name` is that of the attribute, for messages.
    pub(crate) fn parse(item: TokenStream, name: &str) -> Result<Self> {
        let shape = format!("`#[interloop::{name}]` is for an `async fn name(reactor: Reactor)`");
        let item: ItemFn = parse2(item).map_err(|error| Error::new(error.span(), &shape))?;
        let refuse = |part: &dyn ToTokens, why: &str| Err(Error::new_spanned(part, format!("{shape}: {why}")));
        let signature = &item.sig;
        if signature.asyncness.is_none() {
            return refuse(&signature.fn_token, "write `async` before `fn`");
        }
        if !signature.generics.params.is_empty() {
            return refuse(
                &signature.generics,
                "it cannot be generic, as nobody could say for which types it is to run",
            );
        }
        if let Some(unsafety) = &signature.unsafety {
            return refuse(unsafety, "it cannot be `unsafe`");
        }
        if let Some(abi) = &signature.abi {
            return refuse(abi, "it cannot be `extern`");
        }
        let mut inputs = signature.inputs.iter();
        match (inputs.next(), inputs.next()) {
            (Some(FnArg::Typed(_)), None) => {}
            (None, _) => {
                return refuse(
                    &signature.ident,
                    "let it take the reactor, as `_reactor: Reactor` if unused",
                );
            }
            (Some(FnArg::Receiver(receiver)), _) => return refuse(receiver, "it cannot be a method"),
            (_, Some(more)) => return refuse(more, "it takes the reactor only"),
        }
        Ok(Self { item })
    }

    /// Whether its output is `()`.
    pub(crate) fn gives_nothing(&self) -> bool {
        match &self.item.sig.output {
            ReturnType::Default => true,
            ReturnType::Type(_, output) => matches!(&**output, Type::Tuple(tuple) if tuple.elems.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn error_of(item: TokenStream) -> String {
        match Function::parse(item, "test") {
            Ok(_) => panic!("it is not refused"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_output_is_told() {
        let gives_nothing = |item| Function::parse(item, "test").ok().unwrap().gives_nothing();
        assert!(gives_nothing(quote!(
            async fn name(reactor: Reactor) {}
        )));
        assert!(gives_nothing(quote!(
            async fn name(reactor: Reactor) -> () {}
        )));
        assert!(!gives_nothing(quote!(
            async fn name(reactor: Reactor) -> io::Result<()> {
                Ok(())
            }
        )));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_to_write() {
        for (item, why) in [
            (
                quote!(
                    fn name(reactor: Reactor) {}
                ),
                ": write `async` before `fn`",
            ),
            (
                quote!(
                    async fn name<T>(reactor: Reactor) {}
                ),
                ": it cannot be generic",
            ),
            (
                quote!(
                    async unsafe fn name(reactor: Reactor) {}
                ),
                ": it cannot be `unsafe`",
            ),
            (
                quote!(
                    async extern "C" fn name(reactor: Reactor) {}
                ),
                ": it cannot be `extern`",
            ),
            (
                quote!(
                    async fn name() {}
                ),
                ": let it take the reactor",
            ),
            (
                quote!(
                    async fn name(self) {}
                ),
                ": it cannot be a method",
            ),
            (
                quote!(
                    async fn name(reactor: Reactor, more: u8) {}
                ),
                ": it takes the reactor only",
            ),
            (
                quote!(
                    struct Name;
                ),
                "",
            ),
        ] {
            let message = error_of(item);
            let rest = message.strip_prefix("`#[interloop::test]` is for an `async fn name(reactor: Reactor)`");
            assert!(rest.is_some_and(|rest| rest.starts_with(why)), "{message}");
        }
    }
}
