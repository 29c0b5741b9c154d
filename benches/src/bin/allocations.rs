//! Prints what each operation allocates, as a Markdown table.

use interloop_benches::{
    contender::{Contender, Futures, Interloop, Oneshot, Tokio},
    counting::CountingAllocator,
    operations::{self, Allocated},
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() {
    let names = [Interloop::NAME, Tokio::NAME, Oneshot::NAME, Futures::NAME];
    println!("| allocations (bytes) for | {} |", names.join(" | "));
    println!("|---|{}", "---:|".repeat(names.len()));
    row(
        "a pair created, completed, polled",
        [
            Some(operations::pair::<Interloop>()),
            Some(operations::pair::<Tokio>()),
            Some(operations::pair::<Oneshot>()),
            Some(operations::pair::<Futures>()),
        ],
    );
    let chaining = |interloop, futures| [Some(interloop), None, None, Some(futures)];
    row(
        "a link attached before the result",
        chaining(
            operations::link_before::<Interloop>(),
            operations::link_before::<Futures>(),
        ),
    );
    row(
        "a link attached after it",
        chaining(
            operations::link_after::<Interloop>(),
            operations::link_after::<Futures>(),
        ),
    );
    row(
        "a link attached after it, to a larger type",
        [Some(operations::larger_link_after()), None, None, None],
    );
    row(
        "a task created and polled to its end",
        [Some(operations::task()), None, None, None],
    );
}

fn row(operation: &str, contenders: [Option<Allocated>; 4]) {
    let cells = contenders.map(|allocated| match allocated {
        Some((allocations, bytes)) => format!("{allocations} ({bytes})"),
        None => "–".to_owned(),
    });
    println!("| {operation} | {} |", cells.join(" | "));
}
