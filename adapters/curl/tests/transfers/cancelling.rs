//! Transfers that end before their time.

use std::sync::{Arc, Mutex};

use curl::easy::{Easy2, Handler, WriteError};
use interloop::{AsAborted, CancelHandle, Deferred, gather};
use interloop_curl::Error;

use crate::{World, bodies::bytes, loops::on_every_loop};

on_every_loop![
    cancelling_ends_the_transfer_and_no_other,
    dropping_the_future_ends_the_transfer,
    dropping_the_deferred_detaches_it,
    cancelling_before_it_has_started,
    cancelling_from_inside_its_own_handler,
    cancelling_one_in_two_of_many,
    cancelling_on_another_thread,
];

/// Waits until the server has begun to answer.
async fn begun(world: &World, requests: usize) {
    world.server.waited(move |counts| counts.requests >= requests).await;
}

async fn cancelling_ends_the_transfer_and_no_other(world: World) {
    let other = world.curl.perform(world.easy("/begin"));
    let transfer = world.curl.perform(world.easy("/begin"));
    begun(&world, 2).await;
    transfer.cancel();
    let error = transfer.await.unwrap_err();
    assert!(error.as_aborted().unwrap().is_cancelled(), "{error:?}");
    world.server.waited(|counts| counts.open == 1).await;
    assert!(!other.is_settled());
    let answer = world.curl.perform(world.easy("/bytes/7")).await.unwrap();
    assert!(answer.get_ref().bytes() == bytes(7));
    other.cancel();
}

async fn dropping_the_future_ends_the_transfer(world: World) {
    let transfer = world.curl.transfer(world.easy("/begin"));
    begun(&world, 1).await;
    drop(transfer);
    world.server.waited(|counts| counts.open == 0).await;
}

async fn dropping_the_deferred_detaches_it(world: World) {
    world.curl.perform(world.easy("/echo")).detach();
    begun(&world, 1).await;
}

async fn cancelling_before_it_has_started(world: World) {
    let transfer = world.curl.perform(world.easy("/begin"));
    transfer.cancel();
    assert!(transfer.await.unwrap_err().is_aborted());
    world.curl.perform(world.easy("/bytes/7")).await.unwrap();
}

/// Cancels its own transfer when something arrives.
#[derive(Debug)]
struct Regrets(Arc<Mutex<Option<CancelHandle>>>);

impl Handler for Regrets {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        if let Some(handle) = &*self.0.lock().unwrap() {
            handle.cancel();
        }
        Ok(data.len())
    }
}

async fn cancelling_from_inside_its_own_handler(world: World) {
    let handle = Arc::new(Mutex::new(None));
    let mut easy = Easy2::new(Regrets(handle.clone()));
    easy.url(&world.server.url("/trickle")).unwrap();
    let mut transfer = world.curl.perform(easy);
    *handle.lock().unwrap() = Some(transfer.cancel_handle());
    assert!(transfer.await.unwrap_err().is_aborted());
    world.server.waited(|counts| counts.open == 0).await;
    // The handler is dropped with the handle.
    while Arc::strong_count(&handle) > 1 {
        world.curl.perform(world.easy("/bytes/7")).await.unwrap();
    }
}

async fn cancelling_one_in_two_of_many(world: World) {
    world.server.admit_when(100);
    let mut transfers: Vec<Deferred<_, Error>> = (0..100)
        .map(|number| world.curl.perform(world.easy(&format!("/gate/{number}"))))
        .collect();
    let mut kept = Vec::new();
    for (number, transfer) in transfers.drain(..).enumerate() {
        if number % 2 == 0 {
            transfer.cancel();
            assert!(transfer.await.unwrap_err().is_aborted());
        } else {
            kept.push(transfer);
        }
    }
    world.server.admit_when(1);
    let answers = gather(kept).await.unwrap();
    for (number, easy) in answers.iter().enumerate() {
        assert_eq!(easy.get_ref().bytes(), (number * 2 + 1).to_string().as_bytes());
    }
}

async fn cancelling_on_another_thread(world: World) {
    for _ in 0..20 {
        let transfers: Vec<_> = (0..10).map(|_| world.curl.perform(world.easy("/trickle"))).collect();
        let cancelled = std::thread::spawn(move || {
            for transfer in transfers {
                transfer.cancel();
                assert!(transfer.try_take().unwrap().unwrap_err().is_aborted());
            }
        });
        world.curl.perform(world.easy("/bytes/7")).await.unwrap();
        cancelled.join().unwrap();
    }
    // The last one's answer keeps its connection.
    world.server.waited(|counts| counts.open <= 20).await;
}
