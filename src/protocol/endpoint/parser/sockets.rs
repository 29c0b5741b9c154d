//! The text of endpoints that are sockets of the process already.

use std::os::fd::OwnedFd;

use super::{Parser, failed};
use crate::protocol::endpoint::{
    AdoptedClient, AdoptedServer, ClientEndpoint, Description, Inherited, ParseError, ServerEndpoint, adopted,
    arguments::{Arguments, number},
    description::Part,
    inherited,
    tls::Described,
};

impl Parser {
    pub(super) fn systemd(&self, description: &Description) -> Result<Box<dyn ServerEndpoint>, ParseError> {
        let arguments = Arguments::new(description, &["domain", "index", "name"])?;
        let domain = arguments.required("domain")?;
        let is_unix = is_unix(&arguments, domain)?;
        let from_env;
        let inherited = match &self.inherited {
            Some(inherited) => &**inherited,
            None => {
                from_env = Inherited::from_env().map_err(|error| failed(description, error))?;
                &from_env
            }
        };
        let (part, found) = if let Some(part) = arguments.get("name") {
            if arguments.get("index").is_some() {
                return Err(arguments.error(part, "`index` and `name` are both given: leave one out"));
            }
            (part, inherited.named(&part.value))
        } else {
            let part = arguments.required("index")?;
            let index = arguments.parsed(part, "index: give a number from 0 on", number)?;
            (part, inherited.get(index))
        };
        let Some(socket) = found else {
            let names = inherited.names().collect::<Vec<_>>().join(", ");
            let why = format!(
                "no socket `{}` was inherited, but {} ({names}): look at the `ListenStream=` and `FileDescriptorName=` of the unit",
                part.value,
                inherited.len(),
            );
            return Err(arguments.error(part, why));
        };
        let socket = socket.try_clone_to_owned();
        let socket = socket.map_err(|error| arguments.error(part, error))?;
        check_domain(&arguments, Some((domain, is_unix)), &socket)?;
        Ok(Box::new(Described {
            endpoint: AdoptedServer::new(socket).map_err(|error| arguments.error(part, error))?,
            text: description.to_string(),
        }))
    }
}

/// `fd:` of a server.
pub(super) fn server(description: &Description) -> Result<Box<dyn ServerEndpoint>, ParseError> {
    let arguments = Arguments::new(description, &["fileno", "domain"])?;
    let (part, socket) = duplicate(&arguments)?;
    Ok(Box::new(Described {
        endpoint: AdoptedServer::new(socket).map_err(|error| arguments.error(part, error))?,
        text: description.to_string(),
    }))
}

/// `fd:` of a client.
pub(super) fn client(description: &Description) -> Result<Box<dyn ClientEndpoint>, ParseError> {
    let arguments = Arguments::new(description, &["fileno", "domain"])?;
    let (part, socket) = duplicate(&arguments)?;
    Ok(Box::new(Described {
        endpoint: AdoptedClient::new(socket).map_err(|error| arguments.error(part, error))?,
        text: description.to_string(),
    }))
}

/// The socket that `fileno` says, and that argument.
fn duplicate<'a>(arguments: &Arguments<'a>) -> Result<(&'a Part, OwnedFd), ParseError> {
    let part = arguments.required("fileno")?;
    let fileno = arguments.parsed(part, "descriptor: give its number, from 0 on", number::<i32>)?;
    let domain = match arguments.get("domain") {
        Some(domain) => Some((domain, is_unix(arguments, domain)?)),
        None => None,
    };
    let socket = inherited::duplicate(fileno).map_err(|error| arguments.error(part, error))?;
    check_domain(arguments, domain, &socket)?;
    Ok((part, socket))
}

/// Whether a domain is that of Unix sockets.
fn is_unix(arguments: &Arguments<'_>, domain: &Part) -> Result<bool, ParseError> {
    arguments.parsed(domain, "domain: give INET, INET6 or UNIX", |text| match text {
        "INET" | "INET6" => Some(false),
        "UNIX" => Some(true),
        _ => None,
    })
}

/// Checks that a socket is of the domain that was given. Those of IPv6 take connections of IPv4, too, so those two are one here.
fn check_domain(arguments: &Arguments<'_>, domain: Option<(&Part, bool)>, socket: &OwnedFd) -> Result<(), ParseError> {
    match (domain, adopted::is_unix(socket)) {
        (Some((part, false)), Ok(true)) => Err(arguments.error(part, "the socket is a Unix one: give UNIX")),
        (Some((part, true)), Ok(false)) => Err(arguments.error(part, "the socket is one of TCP: give INET or INET6")),
        // One of neither kind is refused when it is adopted.
        _ => Ok(()),
    }
}
