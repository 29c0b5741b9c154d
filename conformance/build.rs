//! Makes the list of the cases out of the cases, so that whoever writes one has nothing else to do.
//!
//! A topic is a file of `src/cases`, and each public function in it a case. What that takes says on which loops it runs.

use std::{collections::BTreeMap, env, fmt::Write, fs, path::Path};

/// The macros of the list, what their cases take, and how it is made of a subject.
const LISTS: [(&str, &str, &str); 3] = [
    ("__every_loop", "AnySubject", "$crate::__AnySubject::new"),
    ("__loops_that_shut_down", "AnyShutsDown", "$crate::__AnyShutsDown::new"),
    (
        "__functions_that_run_a_loop",
        "impl BlocksOn",
        "::core::convert::identity",
    ),
];

fn main() {
    let cases = Path::new("src/cases");
    println!("cargo::rerun-if-changed={}", cases.display());
    let mut topics = BTreeMap::new();
    for file in fs::read_dir(cases).expect("a folder of cases") {
        let path = file.expect("a file of cases").path();
        let topic = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a text");
        topics.insert(topic, text);
    }
    let mut list = String::new();
    for (name, taken, made) in LISTS {
        write!(
            list,
            "#[doc(hidden)]\n#[macro_export]\nmacro_rules! {name} {{\n    ($name:ident) => {{\n"
        )
        .expect("strings take all");
        for (topic, text) in &topics {
            let cases: Vec<_> = cases_of(topic, text, taken).collect();
            if !cases.is_empty() {
                let cases = cases.join(" ");
                writeln!(list, "        $crate::__topic! {{ $name, {made}, {topic}: {cases} }}")
                    .expect("strings take all");
            }
        }
        list.push_str("    };\n}\n");
    }
    let out = env::var_os("OUT_DIR").expect("cargo runs this");
    fs::write(Path::new(&out).join("list.rs"), list).expect("a file for the list");
}

/// The names of the public functions whose subject is that.
fn cases_of<'a>(topic: &str, text: &'a str, taken: &str) -> impl Iterator<Item = &'a str> {
    text.split("\npub fn ").skip(1).filter_map(move |function| {
        let (signature, _) = function.split_once('{').expect("a body");
        let (name, subject) = signature.split_once('(').expect("parameters");
        assert!(
            LISTS.iter().any(|(_, taken, _)| subject.contains(taken)),
            "`{topic}::{name}` is no case, as it takes no subject: make it `pub(super)`"
        );
        subject.contains(taken).then_some(name)
    })
}
