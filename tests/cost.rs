//! Counts the allocations of a streamed event. They must not grow with the length of the stream.

use gateway_tests::long::stream;
use gateway_tests::relaying::{FORMATS, WIRES, relay_from};

/// The maximum number of allocations for one event, forwarded or translated.
const PER_EVENT: u64 = 5;
const EVENTS: usize = 1_000;
/// The bytes of a network chunk. It holds a few events.
const CHUNK: usize = 512;

fn allocations(format: gateway::wire::ClientFormat, wire: gateway::wire::WireFormat, events: usize) -> u64 {
    let stream = stream(wire, events);
    allocation_counter::measure(|| drop(relay_from(format, wire, stream.chunks(CHUNK)))).count_total
}

#[test]
fn an_event_costs_at_most_five_allocations_on_every_route() {
    let mut worst = 0;
    for format in FORMATS {
        for wire in WIRES {
            let long = allocations(format, wire, 2 * EVENTS);
            let short = allocations(format, wire, EVENTS);
            let per_event = (long - short).div_ceil(EVENTS as u64);
            println!("{format:?} from {wire:?}: {per_event} allocations an event");
            worst = worst.max(per_event);
        }
    }
    assert!(worst <= PER_EVENT, "{worst} allocations an event");
}

#[test]
fn a_stream_costs_in_proportion_to_its_length() {
    for format in FORMATS {
        for wire in WIRES {
            let (short, long) = (allocations(format, wire, 200), allocations(format, wire, 5_000));
            assert!(long <= short * 25 * 11 / 10, "{format:?} from {wire:?}: {short} for 200 events, {long} for 5,000");
        }
    }
}
