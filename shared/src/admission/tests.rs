//! How long a request waits for a table that does not answer. The clock of these tests only moves to the next timeout.

use ring::rand::SystemRandom;
use tokio::time::Instant;

use super::*;
use crate::auth::mint;
use crate::error::ErrorKind;
use crate::protocol::HoldPrice;
use crate::store::items::{Limits, NewKey};
use crate::store::tests::silent;

fn demand(key: &ApiKey) -> Demand {
    Demand {
        key: key.id().clone(),
        digest: key.digest(),
        request: RequestId::generate(),
        model: "gpt-5-nano".to_owned(),
        input_tokens: 10,
        output_tokens: 10,
        paid_output: 10,
        least_output: 1,
        price: HoldPrice { input: 1, output: 1, markup_permille: 0 },
        lease: 60,
    }
}

/// A key with a request rate that may use one model.
fn stored(key: &ApiKey, prepaid: bool) -> StoredKey {
    let new = NewKey {
        digest: key.digest(),
        last4: key.last4().to_owned(),
        name: "known".to_owned(),
        created: jiff::Timestamp::UNIX_EPOCH,
        limits: Limits { models: vec!["gpt-5-nano".to_owned()], ..Limits::standard() },
        prepaid,
    };
    new.stored()
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_admission_of_an_unknown_key_is_a_503_within_1_2_seconds() {
    let (_table, store) = silent();
    let (_, key) = mint(&SystemRandom::new()).unwrap();
    let demand = demand(&key);
    let before = Instant::now();
    let error = Admission::new(store, 0).admit(&key, demand, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    // Three writes of 300 ms with pauses of up to 50 and 100 ms between them, and 100 ms for the release.
    let took = before.elapsed().as_millis();
    assert!((1_000..=1_160).contains(&took), "{took} ms");
}

#[tokio::test(start_paused = true)]
async fn a_known_key_passes_without_the_table_for_its_own_models_alone() {
    let (_table, store) = silent();
    let admission = Admission::new(store, 0);
    let (_, key) = mint(&SystemRandom::new()).unwrap();
    admission.remember(&key, &stored(&key, false), Sight::Other);
    let permit = admission.admit(&key, demand(&key), None).await.unwrap();
    assert!(permit.reservation.uncertain && permit.reservation.hold.is_some());
    let other = Demand { model: "gpt-5.2".to_owned(), ..demand(&key) };
    let error = admission.admit(&key, other, None).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, Some("model_not_allowed")));
}

#[tokio::test(start_paused = true)]
async fn without_the_table_requests_are_taken_from_no_rate_and_from_no_prepaid_key() {
    for (prepaid, expected) in [(false, None), (true, Some(ErrorKind::Unavailable))] {
        let (_table, store) = silent();
        let admission = Admission::new(store, 0);
        let (_, key) = mint(&SystemRandom::new()).unwrap();
        admission.remember(&key, &stored(&key, prepaid), Sight::Other);
        let before = Instant::now();
        let taken = admission.take_request(&key, "gpt-5-nano", None).await;
        assert_eq!(taken.map_err(|error| error.kind()), expected.map_or(Ok(None), Err), "{prepaid}");
        let took = before.elapsed().as_millis();
        assert!((900..=1_060).contains(&took), "{took} ms");
    }
}
