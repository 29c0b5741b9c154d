//! `#[interloop::test]`

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Attribute, Error, Result, parse2};

use crate::{
    arguments::{Loop, TestArguments},
    function::Function,
};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments: TestArguments = parse2(arguments)?;
    let mut function = Function::parse(item, "test")?;
    let gives_nothing = function.gives_nothing();
    let attributes = std::mem::take(&mut function.item.attrs);
    if let Some(test) = attributes.iter().find(|attribute| is(attribute, &["test"])) {
        return Err(Error::new_spanned(
            test,
            "remove this `#[test]`: `#[interloop::test]` makes the tests",
        ));
    }
    // These are about the code; all others are about the test.
    let of_function = attributes
        .iter()
        .filter(|attribute| is(attribute, &["cfg", "allow", "expect", "warn", "deny", "forbid"]));
    let of_function = of_function.collect::<Vec<_>>();
    let of_module = attributes.iter().filter(|attribute| is(attribute, &["cfg"]));
    let of_tests = attributes.iter().filter(|attribute| !is(attribute, &["expect"]));
    let of_tests = of_tests.collect::<Vec<_>>();
    let timeout = arguments.timeout.map(|limit| {
        let milliseconds = limit.as_millis() as u64;
        quote!(.timeout(::core::time::Duration::from_millis(#milliseconds)))
    });

    let name = &function.item.sig.ident;
    let tests = arguments.loops.iter().map(|one| {
        let Loop { name: of_loop } = one;
        let block_on = one.block_on();
        let span = of_loop.span();
        let body = quote_spanned! {span=>
            // The path of the test, without the crate's name.
            let path = ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#of_loop));
            let path = path.split_once("::").map_or(path, |(_, rest)| rest);
            ::interloop::testing::Test::new(path, ::core::stringify!(#of_loop)) #timeout
                .run(|main| #block_on(|reactor| main.run(reactor)), super::#name)
        };
        if gives_nothing {
            // The form that `#[should_panic]` asks for.
            quote_spanned! {span=>
                #(#of_tests)*
                #[::core::prelude::v1::test]
                fn #of_loop() {
                    let _: ::std::process::ExitCode = { #body };
                }
            }
        } else {
            quote_spanned! {span=>
                #(#of_tests)*
                #[::core::prelude::v1::test]
                fn #of_loop() -> ::std::process::ExitCode {
                    #body
                }
            }
        }
    });
    let item = &function.item;
    // The function and the module bear the same name, each in a namespace of its own; so the paths of the tests begin
    // with it, and what the function uses stays as it is.
    Ok(quote! {
        #(#of_function)*
        #[cfg(test)]
        #item

        #(#of_module)*
        #[cfg(test)]
        mod #name {
            #(#tests)*
        }
    })
}

fn is(attribute: &Attribute, names: &[&str]) -> bool {
    names.iter().any(|name| attribute.path().is_ident(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(arguments: TokenStream, item: TokenStream) -> String {
        expand(arguments, item).unwrap().to_string()
    }

    #[test]
    fn attributes_are_passed_on_to_each_test() {
        let item = quote! {
            /// What it shows.
            #[ignore = "slow"]
            #[should_panic]
            #[allow(unused_variables)]
            async fn name(reactor: Reactor) {}
        };
        let expanded = expanded(quote!(tokio, clock), item);
        for attribute in ["What it shows.", "ignore = \"slow\"", "should_panic"] {
            assert_eq!(expanded.matches(attribute).count(), 2, "{attribute} in {expanded}");
        }
        // On the function, too.
        assert_eq!(expanded.matches("unused_variables").count(), 3, "{expanded}");
    }

    #[test]
    fn a_test_without_an_output_has_the_form_that_should_panic_asks_for() {
        let nothing = expanded(
            quote!(clock),
            quote!(
                async fn name(reactor: Reactor) {}
            ),
        );
        assert!(nothing.contains("fn clock () {"), "{nothing}");
        let result = expanded(
            quote!(clock),
            quote!(
                async fn name(reactor: Reactor) -> io::Result<()> {
                    Ok(())
                }
            ),
        );
        assert!(
            result.contains("fn clock () -> :: std :: process :: ExitCode {"),
            "{result}"
        );
    }

    #[test]
    fn a_second_test_attribute_is_refused() {
        let error = expand(
            quote!(clock),
            quote!(
                #[test]
                async fn name(reactor: Reactor) {}
            ),
        )
        .unwrap_err();
        assert!(error.to_string().starts_with("remove this `#[test]`"));
    }
}
