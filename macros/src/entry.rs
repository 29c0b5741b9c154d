//! `#[interloop::main]`

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Error, Result, parse2};

use crate::{
    arguments::{Loop, known},
    function::Function,
};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if arguments.is_empty() {
        let message = format!(
            "name the loop to run on, as in `#[interloop::main(tokio)]`: it is one of {}",
            known()
        );
        return Err(Error::new(Span::call_site(), message));
    }
    let on: Loop = parse2(arguments)?;
    let react = on.react()?;
    let mut function = Function::parse(item, "main")?;
    let attributes = std::mem::take(&mut function.item.attrs);
    let visibility = std::mem::replace(&mut function.item.vis, syn::Visibility::Inherited);
    let (name, item) = (&function.item.sig.ident, &function.item);
    Ok(quote! {
        #(#attributes)*
        #visibility fn #name() -> ::std::process::ExitCode {
            #item

            #react(#name)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(arguments: TokenStream) -> String {
        let error = expand(
            arguments,
            quote!(
                async fn main(reactor: Reactor) {}
            ),
        )
        .unwrap_err();
        error.to_string()
    }

    #[test]
    fn what_is_wrong_is_told_with_what_to_write() {
        assert!(error_of(quote!()).starts_with("name the loop to run on, as in `#[interloop::main(tokio)]`"));
        assert!(error_of(quote!(clock)).contains("name another loop"));
        assert!(error_of(quote!(tokyo)).starts_with("there is no loop `tokyo` here"));
        // The second one is not expected at all.
        assert_eq!(error_of(quote!(tokio, smol)), "unexpected token");
    }
}
