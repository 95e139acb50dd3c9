//! Remembers results of table reads for a short time, including unknown names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::OpenModel;

/// How long a result is trusted.
const FRESH: Duration = Duration::from_mins(1);
/// Maximum number of remembered names.
const CAPACITY: usize = 1_000;

type Answer = Option<Arc<OpenModel>>;

/// Results, and when they were read.
#[derive(Debug, Default)]
pub(super) struct Memory {
    models: Mutex<HashMap<String, (Instant, Answer)>>,
    list: Mutex<Option<(Instant, Arc<[OpenModel]>)>>,
}

impl Memory {
    /// The result for a name from the last minute.
    pub(super) fn model(&self, id: &str) -> Option<Answer> {
        lock(&self.models).get(id).filter(|(since, _)| since.elapsed() < FRESH).map(|(_, answer)| answer.clone())
    }

    /// The result for a name from any time.
    pub(super) fn stale(&self, id: &str) -> Option<Answer> {
        lock(&self.models).get(id).map(|(_, answer)| answer.clone())
    }

    pub(super) fn remember(&self, id: &str, answer: Answer) {
        let mut models = lock(&self.models);
        if models.len() >= CAPACITY {
            models.clear();
        }
        models.insert(id.to_owned(), (Instant::now(), answer));
    }

    /// The whole list, if it was read within the last minute.
    pub(super) fn list(&self) -> Option<Arc<[OpenModel]>> {
        lock(&self.list).as_ref().filter(|(since, _)| since.elapsed() < FRESH).map(|(_, models)| Arc::clone(models))
    }

    pub(super) fn remember_list(&self, models: &Arc<[OpenModel]>) {
        *lock(&self.list) = Some((Instant::now(), Arc::clone(models)));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_trusted_for_a_minute_and_kept_for_an_outage() {
        let memory = Memory::default();
        assert!(memory.model("acme/none").is_none() && memory.stale("acme/none").is_none());
        memory.remember("acme/none", None);
        assert!(memory.model("acme/none").is_some_and(|answer| answer.is_none()));
        tokio::time::advance(FRESH).await;
        assert!(memory.model("acme/none").is_none());
        assert!(memory.stale("acme/none").is_some_and(|answer| answer.is_none()));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_names_are_remembered_than_there_is_room_for() {
        let memory = Memory::default();
        for name in 0..=CAPACITY {
            memory.remember(&name.to_string(), None);
        }
        assert_eq!(lock(&memory.models).len(), 1);
    }
}
