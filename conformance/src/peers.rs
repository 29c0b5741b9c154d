//! Holds the page about the peers' suites to the list.

use std::collections::BTreeSet;

/// The names between backquotes that are those of cases.
fn named(page: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted = page.split('`').skip(1).step_by(2);
    quoted.filter_map(|name| name.split_once("::")).filter(|(topic, case)| {
        let is_name = |name: &str| {
            name.chars()
                .all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_')
        };
        is_name(topic) && is_name(case)
    })
}

/// The cases of a topic of the list.
fn listed<'a>(list: &'a str, topic: &str) -> BTreeSet<&'a str> {
    let Some((_, rest)) = list.split_once(&format!(", {topic}:")) else {
        return BTreeSet::new();
    };
    let (cases, _) = rest.split_once('}').expect("the end of the topic");
    cases.split_whitespace().collect()
}

#[test]
fn every_case_that_the_page_names_is_in_the_list() {
    let (page, list) = (
        include_str!("../PEERS.md"),
        include_str!(concat!(env!("OUT_DIR"), "/list.rs")),
    );
    let missing: Vec<_> = named(page)
        .filter(|(topic, case)| !listed(list, topic).contains(case))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(named(page).count() > 100, "the page has tables of them");
}

#[test]
fn what_is_no_case_is_not_taken_for_one() {
    let page = "a case is `tcp::ipv6_connects`, and `net::{tcp, udp}`, `Reactor::timeout` and `list` are none";
    assert_eq!(named(page).collect::<Vec<_>>(), [("tcp", "ipv6_connects")]);
}
