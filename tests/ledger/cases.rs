//! Single scenarios. A script says which process calls when, and what happens to the call.

use gateway::money::{PicoUsd, SignedPicoUsd};
use gateway::protocol::{Demand, Denial, HoldPrice, NotAdmitted, Settled};
use gateway::store::items::{Expired, Limits, StoredKey};

use crate::model::Entry;
use crate::process::Course;
use crate::simulator::{DIGEST, LEASE, key, key_id, request_id, rest};
use crate::world::{EPOCH, Event, Fate, Kind, Weather, World};

const GRANTED: i128 = 1_000;
/// The amount that each request holds: ten input tokens and ninety output tokens, at one pico-dollar each.
const HELD: i128 = 100;
/// After this many milliseconds a request continues although its lease has ended.
const FROZEN: u64 = 200_000;
/// Half of what was held.
const SERVED: Course = Course::Served { ms: 1_000, permille: 500 };

fn limits() -> Limits {
    Limits { rpm: 10, tpm: 1_000, max_concurrent: 4, ..Limits::none() }
}

/// A world with one prepaid key whose window has begun.
fn world(limits: Limits, script: &[(usize, Kind, Fate)]) -> World {
    let mut world = World::new(1, None);
    world.add_key(&key_id(0), StoredKey { window: EPOCH / 1_000, ..key(limits, true) }, GRANTED);
    world.weather = Weather::Script(script.to_vec());
    world
}

/// Adds a request that comes so many milliseconds after the epoch.
fn add(world: &mut World, (ms, environment): (u64, usize), course: Course) {
    let request = request_id(EPOCH + ms, world.traces.len() as u64);
    let demand = Demand {
        key: key_id(0),
        digest: DIGEST,
        request,
        model: "one".to_owned(),
        input_tokens: 10,
        output_tokens: 90,
        paid_output: 90,
        least_output: 90,
        price: HoldPrice { input: 1, output: 1, markup_permille: 0 },
        lease: LEASE,
    };
    world.add_request(EPOCH + ms, environment, (demand, course));
}

fn run_until(world: &mut World, ms: u64) {
    world.run_until(EPOCH + ms).unwrap();
}

fn stored(world: &World) -> &StoredKey {
    &world.table.keys[&key_id(0)]
}

fn record(world: &World, place: usize) -> Option<&Entry> {
    world.table.records.get(&(key_id(0), world.traces[place].demand.request))
}

fn settled(world: &World, place: usize) -> Option<Settled> {
    world.traces[place].settled.map(|(settled, _)| settled)
}

/// At the end of every scenario all laws must hold.
fn ends_well(mut world: World) -> World {
    world.run().unwrap();
    rest(&mut world, true).unwrap();
    world
}

#[test]
fn a_clock_that_is_behind_counts_in_the_window_that_is_there() {
    let mut world = world(Limits { rpm: 1, ..limits() }, &[]);
    world.clocks = [0, -500];
    add(&mut world, (60_050, 0), SERVED);
    add(&mut world, (60_200, 1), SERVED);
    run_until(&mut world, 60_500);
    assert_eq!(stored(&world).window, EPOCH / 1_000 + 60);
    // 61 seconds by its own clock, which shows the last second of the minute before.
    assert_eq!(world.traces[1].denial, Some(Denial::Requests(61).into()));
    ends_well(world);
}

#[test]
fn a_window_begins_once_however_many_clocks_see_its_edge() {
    let mut world = world(Limits { rpm: 3, ..limits() }, &[]);
    world.clocks = [0, -500];
    for (ms, environment) in [(1_000, 1), (60_010, 0), (60_110, 1), (60_120, 0), (60_520, 1), (60_540, 0)] {
        add(&mut world, (ms, environment), SERVED);
    }
    run_until(&mut world, 61_000);
    let denied = world.traces.iter().filter(|trace| trace.denial.is_some()).count();
    assert_eq!((denied, stored(&world).requests_left), (2, 0));
    ends_well(world);
}

#[test]
fn a_lost_reply_to_an_admission_takes_one_hold_and_counts_one_request() {
    let mut world = world(limits(), &[(0, Kind::Admit, Fate::ReplyLost)]);
    add(&mut world, (0, 0), SERVED);
    run_until(&mut world, 900);
    let key = stored(&world);
    assert_eq!((key.holds.len(), key.balance, key.requests_left), (1, GRANTED - HELD, 9));
    assert!(world.traces[0].intent.as_ref().is_some_and(|((hold, uncertain), _)| hold.is_some() && *uncertain));
    let world = ends_well(world);
    assert_eq!(stored(&world).balance, GRANTED - HELD / 2);
}

#[test]
fn a_late_duplicate_of_an_admission_finds_its_place_taken() {
    let mut world = world(limits(), &[(0, Kind::Admit, Fate::Twice(15_000))]);
    add(&mut world, (0, 0), SERVED);
    run_until(&mut world, 14_000);
    let (request, key) = (world.traces[0].demand.request, stored(&world));
    assert!(matches!(key.expired.get(&request), Some(Expired::Released(_))));
    run_until(&mut world, 16_000);
    assert_eq!((stored(&world).holds.len(), stored(&world).balance), (0, GRANTED - HELD / 2));
    let world = ends_well(world);
    assert!(stored(&world).expired.is_empty());
}

#[test]
fn a_late_admission_of_a_denied_request_is_a_hold_that_expires() {
    let lost = [Fate::Late(5_000), Fate::Lost, Fate::Lost].map(|fate| (0, Kind::Admit, fate));
    let mut world = world(limits(), &lost);
    add(&mut world, (0, 0), SERVED);
    run_until(&mut world, 6_000);
    assert_eq!((&world.traces[0].denial, stored(&world).holds.len()), (&Some(NotAdmitted::Unanswered), 1));
    let world = ends_well(world);
    assert_eq!((stored(&world).balance, record(&world, 0)), (GRANTED, Some(&Entry::interrupted("one"))));
}

#[test]
fn a_withdrawn_request_gets_everything_back_and_leaves_no_record() {
    let mut world = world(limits(), &[(0, Kind::Release, Fate::ReplyLost)]);
    add(&mut world, (0, 0), Course::Withdrawn);
    run_until(&mut world, 5_000);
    let key = stored(&world);
    assert_eq!((key.holds.len(), key.balance, key.tokens_left), (0, GRANTED, 1_000));
    assert_eq!((settled(&world, 0), record(&world, 0)), (Some(Settled::Done), None));
    ends_well(world);
}

#[test]
fn a_cost_above_the_hold_is_charged_and_the_next_request_is_refused() {
    let mut world = world(limits(), &[]);
    add(&mut world, (0, 0), Course::Served { ms: 1_000, permille: 11_000 });
    add(&mut world, (5_000, 0), SERVED);
    let world = ends_well(world);
    let denial = Denial::Balance { needed: PicoUsd::new(HELD.unsigned_abs()), left: SignedPicoUsd::new(-100) };
    assert_eq!((stored(&world).balance, &world.traces[1].denial), (-100, &Some(denial.into())));
}

#[test]
fn a_settlement_after_its_hold_was_resolved_changes_nothing() {
    let mut world = world(limits(), &[]);
    add(&mut world, (0, 0), Course::Served { ms: FROZEN, permille: 500 });
    world.at(EPOCH + 100_000, Event::Reconcile(0));
    run_until(&mut world, FROZEN + 5_000);
    assert_eq!(settled(&world, 0), Some(Settled::Done));
    let world = ends_well(world);
    assert_eq!((stored(&world).balance, record(&world, 0)), (GRANTED, Some(&Entry::interrupted("one"))));
}

#[test]
fn a_settlement_after_its_hold_was_moved_finds_it_among_the_dead() {
    let mut world = world(Limits { max_concurrent: 1, ..limits() }, &[]);
    add(&mut world, (0, 0), Course::Served { ms: FROZEN, permille: 500 });
    add(&mut world, (95_000, 0), SERVED);
    run_until(&mut world, 95_500);
    let key = stored(&world);
    assert_eq!((key.holds.len(), key.expired.len(), key.balance), (1, 1, GRANTED - 2 * HELD));
    run_until(&mut world, FROZEN + 5_000);
    assert_eq!((settled(&world, 0), stored(&world).expired.len()), (Some(Settled::Done), 0));
    let world = ends_well(world);
    assert_eq!(record(&world, 0).unwrap().charged, PicoUsd::new(50));
    assert_eq!(stored(&world).balance, GRANTED - HELD);
}

/// A mark replaces the dead hold. A release that only checked whether there was an entry would refund the hold a second time.
#[test]
fn a_release_from_among_the_dead_that_arrives_twice_refunds_once() {
    let script = [
        (0, Kind::Admit, Fate::ReplyLost),
        (0, Kind::Release, Fate::Answered), // looks among the running ones
        (0, Kind::Release, Fate::Twice(1_000)),
    ];
    let mut world = world(Limits { max_concurrent: 1, ..limits() }, &script);
    add(&mut world, (0, 0), Course::Served { ms: FROZEN, permille: 500 });
    add(&mut world, (95_000, 0), Course::Served { ms: 1_000, permille: 0 });
    run_until(&mut world, FROZEN + 5_000);
    assert_eq!((stored(&world).balance, stored(&world).expired.len()), (GRANTED - HELD / 2, 1));
    ends_well(world);
}

#[test]
fn of_two_requests_that_see_the_same_dead_hold_one_moves_it() {
    let mut world = world(Limits { max_concurrent: 1, ..limits() }, &[]);
    add(&mut world, (0, 0), Course::Killed { ms: 10 });
    add(&mut world, (95_000, 0), SERVED);
    add(&mut world, (95_000, 1), SERVED);
    run_until(&mut world, 95_500);
    let key = stored(&world);
    assert_eq!((key.holds.len(), key.expired.len(), key.balance), (1, 1, GRANTED - 2 * HELD));
    let denials: Vec<_> = world.traces.iter().filter_map(|trace| trace.denial.clone()).collect();
    assert_eq!(denials, [Denial::Concurrency(1).into()]);
    let world = ends_well(world);
    assert_eq!(stored(&world).balance, GRANTED - HELD / 2);
}

#[test]
fn two_reconciles_and_a_settlement_of_one_hold_refund_it_once() {
    let mut world = world(limits(), &[]);
    add(&mut world, (0, 0), Course::Served { ms: 100_000, permille: 500 });
    for environment in [0, 1] {
        world.at(EPOCH + 100_000, Event::Reconcile(environment));
    }
    run_until(&mut world, 105_000);
    assert!(stored(&world).holds.is_empty());
    ends_well(world);
}

#[test]
fn a_process_that_dies_after_its_record_is_refunded_by_what_the_record_charges() {
    let mut world = world(limits(), &[(0, Kind::Put, Fate::CrashAfter)]);
    add(&mut world, (0, 0), SERVED);
    run_until(&mut world, 5_000);
    assert_eq!((stored(&world).balance, stored(&world).holds.len()), (GRANTED - HELD, 1));
    let world = ends_well(world);
    assert_eq!(stored(&world).balance, GRANTED - HELD / 2);
}

#[test]
fn a_lost_record_is_made_from_its_final_line_once() {
    let mut world = world(limits(), &[(0, Kind::Put, Fate::Lost); 8]);
    add(&mut world, (0, 0), SERVED);
    for ms in [20_000, 20_100, 30_000] {
        world.at(EPOCH + ms, Event::Replay(0));
    }
    run_until(&mut world, 19_000);
    assert_eq!((settled(&world, 0), record(&world, 0)), (Some(Settled::RecordLost), None));
    run_until(&mut world, 40_000);
    assert_eq!(record(&world, 0).unwrap().charged, PicoUsd::new(50));
    assert_eq!((stored(&world).balance, stored(&world).holds.len()), (GRANTED - HELD / 2, 0));
    ends_well(world);
}
