//! Coroutines: async blocks whose steps are read from the program.

use interloop::Outcome as Answer;
use serde_json::json;

use crate::{
    program::{Id, Ret, Step},
    raises::{Catcher, Owner},
    values::{Outcome, Value, outcome_to_json},
    world::{D, World},
};

impl World {
    pub(crate) fn coroutine(&self, d: Id, steps: Vec<Step>, ret: Ret) {
        // It runs to its first wait in here, when `d` is not there yet.
        let deferred = D::from_coroutine(self.clone().interpret(d, steps, ret));
        let deferred = if self.hints().raises {
            self.catch_in_coroutine(d, deferred)
        } else {
            deferred
        };
        self.set_coroutine(d);
        self.insert_deferred(d, deferred);
    }

    /// Puts a deferred before a coroutine's that fails with what is raised when it is cancelled. The coroutine then goes
    /// on by itself.
    fn catch_in_coroutine(&self, d: Id, mut coroutine: D) -> D {
        let (world, source) = (self.clone(), coroutine.cancel_handle());
        let (completer, deferred) = D::with_canceller(move |cancellation| {
            match world.catching(Catcher::Coroutine(d), || source.cancel()) {
                Some(failure) => cancellation.fail(failure),
                // Whatever becomes of the coroutine, its outcome comes as any other does.
                None => cancellation.refuse(),
            }
        });
        let left = coroutine.then(move |outcome| match completer.try_settle(outcome) {
            Ok(()) => Ok(Value::Null),
            // Nobody sees it, so that it is unhandled if it is a failure.
            Err(unseen) => unseen,
        });
        left.detach();
        deferred
    }

    async fn interpret(self, d: Id, steps: Vec<Step>, ret: Ret) -> Outcome {
        let mut current = Ok(Value::Null);
        for step in steps {
            let (awaited, id, catch) = match step {
                Step::Acts { acts } => {
                    self.run(acts);
                    continue;
                }
                Step::Await { r#await, id, catch } => (r#await, id, catch),
            };
            current = match self.take_deferred(awaited) {
                Ok(deferred) => {
                    self.raises(|raises| raises.set_owner(awaited, Owner::Coroutine(d)));
                    deferred.await
                }
                Err(stop) => {
                    self.log_stop(stop);
                    Ok(Value::Null)
                }
            };
            self.log(json!({"resume": [id, outcome_to_json(&current)]}));
            if current.is_err() && !catch {
                return current;
            }
        }
        match self.answer(d, ret, current) {
            Answer::Settled(outcome) => outcome,
            Answer::Waiting(deferred) => deferred.await,
        }
    }
}
