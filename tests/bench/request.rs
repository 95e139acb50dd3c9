//! Time of a whole Messages request: open, hold, prepared body, short reply. `make bench`.

use bytes::Bytes;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use gateway::wire::WireFormat;
use gateway_tests::whole_request::{Process, messages, reply};

const SIZES: [usize; 3] = [2_000, 200_000, 1_000_000];

fn main() {
    divan::main();
}

fn serve(bencher: Bencher<'_, '_>, model: &str, wire: WireFormat, bytes: usize) {
    let (Ok(process), Ok(runtime)) = (Process::start(), tokio::runtime::Builder::new_current_thread().build()) else {
        panic!("the process does not start");
    };
    let body = messages(model, bytes);
    let request = |body: Bytes| {
        let Ok(sent) = runtime.block_on(process.prepare(body)) else { panic!("the request is refused") };
        (sent, reply(wire))
    };
    let bencher = bencher.counter(BytesCount::of_slice(&body));
    bencher.with_inputs(|| Bytes::copy_from_slice(&body)).bench_values(|body| request(black_box(body)));
}

#[divan::bench(args = SIZES)]
fn forwarded_to_claude(bencher: Bencher<'_, '_>, bytes: usize) {
    serve(bencher, "claude-opus-4.6", WireFormat::Anthropic, bytes);
}

#[divan::bench(args = SIZES)]
fn translated_to_gemini(bencher: Bencher<'_, '_>, bytes: usize) {
    serve(bencher, "gemini-3-flash", WireFormat::Gemini, bytes);
}

#[divan::bench(args = SIZES)]
fn translated_to_openrouter(bencher: Bencher<'_, '_>, bytes: usize) {
    serve(bencher, "gpt-5.2", WireFormat::OpenAi, bytes);
}
