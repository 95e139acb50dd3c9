//! Time per streamed event, for each client format and wire. `make bench`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use gateway::wire::{ClientFormat, WireFormat};
use gateway_tests::long::stream;
use gateway_tests::relaying::relay_from;

const CHUNK: usize = 512;
const LENGTHS: [usize; 2] = [200, 5_000];

fn main() {
    divan::main();
}

fn relay(bencher: Bencher<'_, '_>, format: ClientFormat, wire: WireFormat, events: usize) {
    let stream = stream(wire, events);
    bencher.counter(ItemsCount::new(events)).bench(|| relay_from(format, wire, black_box(&stream).chunks(CHUNK)));
}

#[divan::bench(args = LENGTHS)]
fn chat_from_openrouter(bencher: Bencher<'_, '_>, events: usize) {
    relay(bencher, ClientFormat::ChatCompletions, WireFormat::OpenAi, events);
}

#[divan::bench(args = LENGTHS)]
fn chat_from_claude(bencher: Bencher<'_, '_>, events: usize) {
    relay(bencher, ClientFormat::ChatCompletions, WireFormat::Anthropic, events);
}

#[divan::bench(args = LENGTHS)]
fn chat_from_gemini(bencher: Bencher<'_, '_>, events: usize) {
    relay(bencher, ClientFormat::ChatCompletions, WireFormat::Gemini, events);
}

#[divan::bench(args = LENGTHS)]
fn messages_from_openrouter(bencher: Bencher<'_, '_>, events: usize) {
    relay(bencher, ClientFormat::Messages, WireFormat::OpenAi, events);
}

#[divan::bench(args = LENGTHS)]
fn messages_from_claude(bencher: Bencher<'_, '_>, events: usize) {
    relay(bencher, ClientFormat::Messages, WireFormat::Anthropic, events);
}

#[divan::bench(args = LENGTHS)]
fn messages_from_gemini(bencher: Bencher<'_, '_>, events: usize) {
    relay(bencher, ClientFormat::Messages, WireFormat::Gemini, events);
}
