//! DNS, by a runtime trait.

use std::net::{IpAddr, Ipv4Addr};

use hickory_resolver::{
    Resolver,
    config::{LookupIpStrategy, NameServerConfig, ResolverConfig},
    name_server::GenericConnector,
    proto::xfer::Protocol,
};
use interloop::Reactor;
use interloop_hickory::Provider;

use super::{Library, Service, expect};
use crate::Failure;

const SERVER: Service = Service {
    name: "dnsmasq",
    variable: "MATRIX_DNS",
};

pub(super) const LIBRARY: Library = Library {
    name: "hickory-resolver",
    package: "hickory-resolver",
    by: "`interloop-hickory`",
    exchanges: "an address by UDP, a text that is too long for it by TCP, and a name that there is not",
    server: Some(SERVER),
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    let server = SERVER.place()?.parse()?;
    let mut config = ResolverConfig::new();
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        config.add_name_server(NameServerConfig::new(server, protocol));
    }
    let connector = GenericConnector::new(Provider::new(&reactor));
    let mut builder = Resolver::builder_with_config(config, connector);
    builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4Only;
    let resolver = builder.build();

    let found: Vec<IpAddr> = resolver.lookup_ip("host.matrix.test.").await?.iter().collect();
    expect(found, vec![Ipv4Addr::new(192, 0, 2, 7).into()], "the address")?;
    // As the script has it: five times 200 letters.
    let found = resolver.txt_lookup("large.matrix.test.").await?;
    let found: Vec<String> = found.iter().map(|text| text.to_string()).collect();
    let parts = ["a", "b", "c", "d", "e"].map(|letter| letter.repeat(200));
    expect(found, vec![parts.concat()], "the text")?;
    let missing = resolver.lookup_ip("elsewhere.matrix.test.").await;
    let is_missing = missing.is_err_and(|error| error.is_nx_domain());
    expect(is_missing, true, "that there is no such name")
}
