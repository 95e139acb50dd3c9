//! Random simulations: a few requests on a few small keys, with faults that the seed decides.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use gateway::ids::{KeyDigest, KeyId, RequestId};
use gateway::ledger::Timestamp;
use gateway::protocol::{Demand, Denial, HoldPrice, NotAdmitted, Settled};
use gateway::store::items::{Limits, NewKey, OFF, StoredKey};

use crate::laws::{self, Broken, SKEW};
use crate::model::Flaw;
use crate::process::Course;
use crate::random::Random;
use crate::world::{EPOCH, Event, Weather, World};

/// Seconds until a hold is dead.
pub(crate) const LEASE: u64 = 90;
/// After this many milliseconds every hold is dead, every late call has arrived, and every mark may be deleted.
const LONG: u64 = 1_000 * (LEASE + 60) + 50_000;
const MINUTE: u64 = 60_000;
const SEEDS: u64 = 100_000;
/// Things that happen: see `corner` in the laws, denials, and ends of settlements.
const CORNERS: usize = 27;

/// The digest of every simulated key.
pub(crate) const DIGEST: KeyDigest = KeyDigest::new([7; 32]);

/// A simulated key's id.
pub(crate) fn key_id(number: usize) -> KeyId {
    KeyId::parse(&format!("{number:016x}")).unwrap()
}

/// A simulated request's id.
pub(crate) fn request_id(ms: u64, number: u64) -> RequestId {
    RequestId::parse(&format!("req_{ms:012x}70008{number:015x}")).unwrap()
}

/// A key of these limits.
pub(crate) fn key(limits: Limits, prepaid: bool) -> StoredKey {
    let (name, last4) = ("simulated".to_owned(), "0000".to_owned());
    NewKey { digest: DIGEST, last4, name, created: Timestamp::UNIX_EPOCH, limits, prepaid }.stored()
}

fn random_key(random: &mut Random) -> (StoredKey, i128) {
    let limits = Limits {
        rpm: random.pick(&[2, 4, OFF]),
        tpm: random.pick(&[150, 400, OFF, OFF]),
        max_concurrent: random.pick(&[1, 1, 2, 3, 64]),
        ..Limits::none()
    };
    let granted = random.pick(&[400, 1_500, 4_000, 20_000]);
    (key(limits, random.chance(750)), i128::from(random.between(granted / 4, granted)))
}

fn random_demand(random: &mut Random, id: KeyId, request: RequestId) -> Demand {
    let output_tokens = random.between(1, 100);
    let price =
        HoldPrice { input: random.between(1, 5), output: random.between(1, 9), markup_permille: random.pick(&[0, 37]) };
    Demand {
        key: id,
        digest: DIGEST,
        request,
        model: random.pick(&["one", "two"]).to_owned(),
        input_tokens: random.between(1, 50),
        output_tokens,
        paid_output: output_tokens,
        least_output: random.between(1, output_tokens),
        price,
        lease: LEASE,
    }
}

fn random_course(random: &mut Random) -> Course {
    let quick = random.between(10, 20_000);
    // A process that was frozen goes on when it should be dead.
    let ms = if random.chance(30) { random.between(80_000, 250_000) } else { quick };
    match random.between(0, 19) {
        0 | 1 => Course::Killed { ms: quick },
        2 => Course::Withdrawn,
        3 => Course::Unwelcome,
        4 | 5 => Course::Served { ms, permille: 0 },
        6 | 7 => Course::Served { ms, permille: random.between(1_000, 1_500) },
        _ => Course::Served { ms, permille: random.between(1, 1_000) },
    }
}

/// The initial state for a seed.
fn random_world(seed: u64, flaw: Option<Flaw>) -> World {
    let mut world = World::new(seed, flaw);
    let mut random = Random::new(!seed);
    world.clocks = [0, i64::try_from(random.between(0, 2 * SKEW)).unwrap() - i64::try_from(SKEW).unwrap()];
    let (faults, crashes) = (random.pick(&[0, 60, 250, 500, 750]), random.pick(&[0, 10, 40, 150]));
    world.weather = Weather::Storm { faults, crashes };
    let keys = usize::try_from(random.between(1, 2)).unwrap();
    for number in 0..keys {
        let (mut key, granted) = random_key(&mut random);
        key.window = random.pick(&[0, EPOCH / 1_000]);
        world.add_key(&key_id(number), key, granted);
        if random.chance(200) {
            world.at(EPOCH + random.between(0, 3 * MINUTE), Event::Grant(key_id(number), 1_000));
        }
        if random.chance(40) {
            world.at(EPOCH + random.between(0, 3 * MINUTE), Event::Disable(key_id(number)));
        }
    }
    for number in 0..random.between(2, 9) {
        // Together, around a window's edge, or anywhere.
        let offset = match random.between(0, 3) {
            0 => MINUTE - 2_000 + random.between(0, 100),
            1 => MINUTE - SKEW + random.between(0, 2 * SKEW),
            _ => random.between(0, 3 * MINUTE),
        };
        let (id, request) = (key_id(usize::try_from(random.bits() % 2).unwrap() % keys), request_id(EPOCH + offset, number));
        let demand = random_demand(&mut random, id, request);
        let environment = random.pick(&[0, 1]);
        let course = random_course(&mut random);
        let place = world.add_request(EPOCH + offset, environment, (demand, course));
        if random.chance(100) {
            // A replay while the request settles.
            let settles = if let Course::Served { ms, .. } = course { ms } else { 0 };
            world.at(EPOCH + offset + settles + random.between(0, 3_000), Event::Replay(0));
        }
        let is_prepaid = world.table.keys[world.traces[place].key()].prepaid;
        world.traces[place].passes_from_memory = !is_prepaid && random.chance(500);
    }
    for _ in 0..random.between(0, 5) {
        let event = random.pick(&[Event::Reconcile as fn(usize) -> Event, Event::Replay])(random.pick(&[0, 1]));
        world.at(EPOCH + random.between(0, 6 * MINUTE), event);
    }
    world
}

/// Runs a seed's world to its end and checks everything.
fn simulate(seed: u64, flaw: Option<Flaw>) -> Result<World, Broken> {
    let mut world = random_world(seed, flaw);
    finish(&mut world)?;
    Ok(world)
}

fn finish(world: &mut World) -> Result<(), Broken> {
    world.run()?;
    let replay_first = world.random.chance(500);
    rest(world, replay_first)
}

/// Finishes a simulation and checks it: leases end, dead holds are resolved, the log is replayed, and marks are deleted.
pub(crate) fn rest(world: &mut World, replay_first: bool) -> Result<(), Broken> {
    world.weather = Weather::Calm;
    let (one, other) = (Event::Replay(0), Event::Reconcile(1));
    let order = if replay_first { [one, other] } else { [other, one] };
    for event in order.into_iter().chain([Event::Reconcile(0), Event::Reconcile(1)]) {
        world.at(world.now + LONG, event);
        world.run()?;
    }
    laws::at_rest(world)
}

fn environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is not a number")))
}

/// The lowest seed below a number that breaks a law, and the law.
fn first_broken(seeds: u64, flaw: Option<Flaw>) -> Option<(u64, Broken)> {
    let next = AtomicU64::new(0);
    let search = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return None;
            }
            if let Err(broken) = simulate(seed, flaw) {
                next.store(seeds, Ordering::Relaxed);
                return Some((seed, broken));
            }
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let searches: Vec<_> = (0..workers).map(|_| scope.spawn(search)).collect();
        searches.into_iter().filter_map(|search| search.join().unwrap()).min()
    })
}

#[test]
fn no_seed_breaks_a_law() {
    if let Some(seed) = environment("CHAOS_SEED") {
        let mut world = random_world(seed, None);
        world.is_loud = true;
        assert_eq!(finish(&mut world), Ok(()), "seed {seed}");
        return;
    }
    let broken = first_broken(environment("CHAOS_SEEDS").unwrap_or(SEEDS), None);
    if let Some((seed, law)) = broken {
        panic!(
            "seed {seed}: {law}\nCHAOS_SEED={seed} cargo nextest run -p gateway-tests --test ledger no_seed --no-capture"
        );
    }
}

#[test]
fn a_seed_is_always_the_same_run() {
    let events = |seed| {
        let mut world = random_world(seed, None);
        world.run().unwrap();
        format!("{:?} {:?}", world.table, world.traces)
    };
    assert_eq!(events(11), events(11));
    assert_ne!(events(11), events(12));
}

#[test]
fn every_corner_of_the_protocol_is_visited() {
    let mut corners = BTreeMap::new();
    for seed in 0..2_000 {
        let world = simulate(seed, None).unwrap();
        let denials = world.traces.iter().filter_map(|trace| match trace.denial.as_ref()? {
            NotAdmitted::Unanswered if trace.is_reached => Some("admitted from memory"),
            NotAdmitted::Unanswered => Some("denied without an answer"),
            NotAdmitted::Denied(denial) => match denial {
                Denial::Unauthorized => Some("unauthorized"),
                Denial::Requests(_) => Some("denied by requests"),
                Denial::Tokens(_) => Some("denied by tokens"),
                Denial::Concurrency(_) => Some("denied by concurrency"),
                Denial::Balance { .. } => Some("denied by balance"),
                Denial::Busy => Some("denied by throttling"),
                Denial::Contended => Some("denied after three rounds"),
                Denial::Model(_) | Denial::TokensNever(_) => None,
            },
        });
        let ends = world.traces.iter().filter_map(|trace| match trace.settled?.0 {
            Settled::Done => Some("settled"),
            Settled::HoldLeft => Some("a hold was left"),
            Settled::RecordLost => Some("a record was lost"),
        });
        for corner in denials.chain(ends).chain(world.watch.corners.iter().copied()) {
            *corners.entry(corner).or_insert(0) += 1;
        }
    }
    println!("{corners:#?}");
    assert!(corners.len() >= CORNERS, "{corners:#?}");
}

/// Proves that the simulation can fail. Each known mistake must break one of these laws within this many seeds.
#[test]
fn known_mistakes_are_found() {
    for (flaw, seeds, laws) in [
        (Flaw::UnconditionalRelease, 100, "L5 L8 tokens"),
        (Flaw::ReleaseOfAMark, 10_000, "L8"),
        (Flaw::RefundWhenMoved, 1_000, "L5 L8"),
        (Flaw::SecondRollup, 100, "L3"),
        (Flaw::NoMark, 1_000, "L4"),
        (Flaw::UnmarkedReplay, 20_000, "L4 L8"),
        (Flaw::ReleaseFirst, 100, "L8"),
        (Flaw::ImpatientReconcile, 100, "L1"),
    ] {
        let found = first_broken(seeds, Some(flaw));
        let (seed, broken) = found.unwrap_or_else(|| panic!("{flaw:?} was not found in {seeds} seeds"));
        println!("{flaw:?}: seed {seed}: {broken}");
        let law = broken.split(':').next().unwrap_or_default();
        assert!(laws.split(' ').any(|known| known == law), "{flaw:?}: {broken}");
    }
}
