//! Contenders that run in Python.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use criterion::{BenchmarkGroup, measurement::WallTime};

/// Adds those that a script of `benches/python` measures, if `INTERLOOP_PYTHON` names a Python that has them. They measure
/// themselves, once in this process, and for as long as they please.
///
/// # Panics
/// If they cannot be measured.
pub fn contenders(group: &mut BenchmarkGroup<'_, WallTime>, script: &str, what: &str, peers: &'static [&'static str]) {
    let Some(python) = env::var_os("INTERLOOP_PYTHON") else {
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(script);
    for peer in peers {
        let measured = OnceLock::new();
        group.bench_function(*peer, |bencher| {
            let ns = measured.get_or_init(|| {
                let output = Command::new(&python)
                    .arg(&script)
                    .args(["--rounds", "1", "--only", what, peer])
                    .stderr(Stdio::inherit())
                    .output()
                    .expect("INTERLOOP_PYTHON names a Python");
                assert!(output.status.success(), "{} failed", script.display());
                let line: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a line of JSON");
                line["ns"].as_f64().expect("nanoseconds")
            });
            bencher.iter_custom(|times| {
                let whole = Duration::from_nanos((ns * times as f64) as u64);
                // By the time that this takes, it is decided how many times make a sample.
                std::thread::sleep(whole);
                whole
            });
        });
    }
}
