//! The documents: their links lead somewhere, and every chapter of MIGRATION.md is listed, and compiled with the documentation's examples.

use std::{
    collections::HashSet,
    fs,
    path::{Component, Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The documents of a folder and of those in it, but for what is built or hidden.
fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            documents(&path, found);
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// The lines of a document that are no code.
fn prose(document: &Path) -> Vec<String> {
    let text = fs::read_to_string(document).unwrap();
    let mut is_code = false;
    text.lines()
        .filter(|line| {
            let is_fence = line.trim_start().starts_with("```");
            is_code ^= is_fence;
            !is_code && !is_fence
        })
        .map(str::to_owned)
        .collect()
}

/// What the links of a line lead to.
fn links(line: &str) -> Vec<&str> {
    let after = line.split("](").skip(1);
    after.filter_map(|rest| Some(rest.split_once(')')?.0)).collect()
}

/// What a link to a heading is called.
fn anchor(heading: &str) -> String {
    let kept = |&letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars().filter(kept).collect::<String>().replace(' ', "-")
}

fn anchors(document: &Path) -> HashSet<String> {
    let lines = prose(document);
    let headings = lines.iter().filter(|line| line.starts_with('#'));
    headings.map(|heading| anchor(heading)).collect()
}

/// Without the detours of `..`.
fn straight(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut straight, part| {
        match part {
            Component::ParentDir => drop(straight.pop()),
            part => straight.push(part),
        }
        straight
    })
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let mut all = Vec::new();
    documents(root(), &mut all);
    let mut broken = Vec::new();
    let mut checked = 0;
    for document in &all {
        for line in &prose(document) {
            for link in links(line).into_iter().filter(|link| !link.contains("://")) {
                checked += 1;
                let (path, heading) = link.split_once('#').unwrap_or((link, ""));
                let target = match path {
                    "" => document.clone(),
                    path => straight(&document.parent().unwrap().join(path)),
                };
                let leads = target.exists() && (heading.is_empty() || anchors(&target).contains(heading));
                if !leads {
                    broken.push(format!("{}: {link}", document.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(checked > 50, "only {checked} links were found");
}

#[test]
fn every_chapter_of_the_migration_is_listed_and_compiled() {
    let index = prose(&root().join("MIGRATION.md"));
    let listed: HashSet<&str> = index.iter().flat_map(|line| links(line)).collect();
    // A chapter on another crate is compiled by that.
    let crates = ["src/lib.rs", "adapters/curl/src/lib.rs"];
    let compiled = crates
        .map(|path| fs::read_to_string(root().join(path)).unwrap())
        .concat();
    let mut chapters = Vec::new();
    documents(&root().join("migration"), &mut chapters);
    assert!(!chapters.is_empty());
    for chapter in chapters {
        let name = format!("migration/{}", chapter.file_name().unwrap().to_str().unwrap());
        assert!(listed.contains(name.as_str()), "MIGRATION.md does not list {name}");
        assert!(
            compiled.contains(&format!("../{name}\")]")),
            "src/lib.rs does not compile {name}: add `include_str!(\"../{name}\")`"
        );
    }
}
