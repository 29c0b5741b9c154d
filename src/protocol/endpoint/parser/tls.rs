//! The text of endpoints that speak TLS.

use super::{Parser, client_arguments, failed, tcp_client, tcp_server};
use crate::protocol::endpoint::{
    ClientEndpoint, Description, ParseError, ServerEndpoint, TlsOptions, TlsProvider, arguments::Arguments,
    tls::Described,
};

impl Parser {
    fn provider(&self, description: &Description) -> Result<&dyn TlsProvider, ParseError> {
        self.tls.as_deref().ok_or_else(|| {
            let why = format!(
                "`{}` needs TLS, which this parser has none of: give it `interloop_rustls::TlsFiles` with `Parser::tls`",
                description.kind()
            );
            description.error(description.kind.span.clone(), why)
        })
    }

    pub(super) fn ssl_server(&self, description: &Description) -> Result<Box<dyn ServerEndpoint>, ParseError> {
        let names = [
            "port",
            "privateKey",
            "certKey",
            "interface",
            "backlog",
            "extraCertChain",
        ];
        let arguments = Arguments::new(description, &names)?;
        let private_key = arguments.text("privateKey").unwrap_or("server.pem");
        let options = TlsOptions {
            private_key: Some(private_key.into()),
            certificate: Some(arguments.text("certKey").unwrap_or(private_key).into()),
            chain: arguments.text("extraCertChain").map(Into::into),
            trust_roots: None,
        };
        let below = Box::new(tcp_server(&arguments)?);
        let made = self.provider(description)?.server(below, &options);
        Ok(Box::new(Described {
            endpoint: made.map_err(|error| failed(description, error))?,
            text: description.to_string(),
        }))
    }

    pub(super) fn tls_client(&self, description: &Description) -> Result<Box<dyn ClientEndpoint>, ParseError> {
        let is_tls = description.kind() == "tls";
        let [certificate, roots, last] = match is_tls {
            true => ["certificate", "trustRoots", "endpoint"],
            false => ["certKey", "caCertsDir", "hostname"],
        };
        let names = [
            "host",
            "port",
            "timeout",
            "bindAddress",
            certificate,
            "privateKey",
            roots,
            last,
        ];
        let arguments = client_arguments(description, &names)?;
        let tcp = tcp_client(&arguments)?;
        let mut name = tcp.host().to_owned();
        let mut below: Box<dyn ClientEndpoint> = Box::new(tcp);
        match arguments.get(last) {
            Some(part) if is_tls => {
                let inner = self.client(&part.value);
                below = inner.map_err(|error| arguments.error(part, error))?;
            }
            Some(part) => name.clone_from(&part.value),
            None => {}
        }
        if let (None, Some(key)) = (arguments.get(certificate), arguments.get("privateKey")) {
            let why = format!("a private key is of no use without its certificate: add `:{certificate}=` and its file");
            return Err(arguments.error(key, why));
        }
        let certificate = arguments.text(certificate);
        let options = TlsOptions {
            private_key: arguments.text("privateKey").or(certificate).map(Into::into),
            certificate: certificate.map(Into::into),
            chain: None,
            trust_roots: arguments.text(roots).map(Into::into),
        };
        let made = self.provider(description)?.client(below, &name, &options);
        Ok(Box::new(Described {
            endpoint: made.map_err(|error| failed(description, error))?,
            text: description.to_string(),
        }))
    }
}
