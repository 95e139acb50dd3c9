//! Counts the processor instructions of six fixed paths. Compares them with stored figures, and checks how they grow with the
//! size of the input. A change that makes a path a few per cent more expensive fails here. Callgrind counts the instructions
//! of this build, so the result does not depend on the machine or its load.
//!
//! `UPDATE_INSTRUCTIONS=1` rewrites the figures. They are valid for one compiler and one processor architecture.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use gateway::config::TableConfig;
use gateway::ids::{KeyId, RequestId};
use gateway::money::PicoUsd;
use gateway::store::Store;
use gateway::translate::Delivery;
use gateway::wire::{self, ClientFormat, WireFormat};
use gateway_tests::long::stream;
use gateway_tests::relaying::{relay_chunks, relay_from};
use gateway_tests::rows::busy_record;
use gateway_tests::whole_request::{Process, messages};

const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.toml");
/// The variable that names the path that this process runs.
const PATH: &str = "INSTRUCTIONS_OF";
/// The variable with the factor for the size of its input.
const TIMES: &str = "INSTRUCTIONS_TIMES";
/// The number of counted runs of a path. One run before them is not counted, because it reads the catalogue and fills caches.
const RUNS: u32 = 10;
/// Bytes of the request.
const REQUEST: usize = 2_000;
/// Events of the replies.
const EVENTS: usize = 200;
/// Bytes of the one large event.
const EVENT: usize = 125_000;
/// The allowed difference from a figure, in thousandths.
const SLACK: u64 = 30;

/// The names of the paths, in the order of a request.
const PATHS: [&str; 6] = ["event", "open", "plan", "forward", "translate", "settle"];
/// The paths whose growth is tested, with a factor for the smaller input. Compared are requests of 20 kB and 40 kB, streams of
/// 400 and 800 events, and one event of a quarter and of half a megabyte in pieces of a kilobyte.
const GROWING: [(&str, usize); 6] = [("open", 5), ("plan", 5), ("forward", 1), ("fold", 1), ("translate", 1), ("piece", 1)];
/// Twice the input may take at most this many thousandths of the instructions.
const GROWTH: u64 = 2_100;

/// One run of a long path is enough, because its count varies less.
const fn runs(times: usize) -> u32 {
    if times == 1 { RUNS } else { 1 }
}

/// The only function whose instructions are counted, including those of the functions that it calls.
#[inline(never)]
fn counted(run: &mut dyn FnMut()) {
    run();
}

fn run(path: &str, times: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (process, request) = (Process::start()?, messages("claude-opus-4.6", times * REQUEST));
    let text = String::from_utf8(request.to_vec())?;
    let event = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/chat-completions.json"))?;
    let (openrouter, gemini) = (stream(WireFormat::OpenAi, times * EVENTS), stream(WireFormat::Gemini, times * EVENTS));
    // Patient, because valgrind is slow.
    let store = Store::connect_from_afar(&TableConfig {
        name: "table".to_owned(),
        endpoint: Some(table()?),
        region: Some("us-east-1".to_owned()),
        ..TableConfig::default()
    });
    let key = KeyId::parse("0123456789abcdef").context("a key id")?;
    let record = busy_record(&key, RequestId::generate(), "gpt-5.2", PicoUsd::new(1));
    let large = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", "x".repeat(times * EVENT));
    let relayed =
        |wire: WireFormat, stream: &[u8]| drop(relay_from(ClientFormat::ChatCompletions, wire, stream.chunks(512)));
    let mut once = || match path {
        "event" => assert!(gateway::runtime::read(&event).is_some()),
        "open" => assert!(wire::open_request(ClientFormat::Messages, text.clone()).is_ok()),
        "plan" => assert!(runtime.block_on(process.prepare(request.clone())).is_ok()),
        "forward" => relayed(WireFormat::OpenAi, &openrouter),
        "fold" => {
            drop(relay_chunks(Delivery::Whole, ClientFormat::ChatCompletions, WireFormat::OpenAi, openrouter.chunks(512)));
        }
        "piece" => drop(relay_from(ClientFormat::ChatCompletions, WireFormat::OpenAi, large.as_bytes().chunks(1024))),
        "translate" => relayed(WireFormat::Gemini, &gemini),
        "settle" => assert!(runtime.block_on(store.put_record(&record)).is_ok()),
        other => panic!("no path {other}"),
    };
    once();
    (0..runs(times)).for_each(|_| counted(&mut once));
    Ok(())
}

/// A table on another thread that answers every call with an empty object.
fn table() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || -> Result<()> {
        for socket in listener.incoming() {
            let (mut socket, mut buffer) = (socket?, vec![0; 64 * 1024]);
            // A call is small enough to arrive in one piece.
            while socket.read(&mut buffer)? > 0 {
                socket.write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 2\r\n\r\n{}",
                )?;
            }
        }
        Ok(())
    });
    Ok(endpoint)
}

#[test]
#[ignore = "what the other test counts"]
fn path() {
    run(&std::env::var(PATH).unwrap(), std::env::var(TIMES).unwrap().parse().unwrap()).unwrap();
}

/// The instructions of one run of a path, with this factor for the size of its input.
fn instructions(path: &str, times: usize) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=instructions::counted"])
        .arg(std::env::current_exe()?)
        .args(["path", "--exact", "--ignored", "--test-threads=1"])
        .env(PATH, path)
        .env(TIMES, times.to_string())
        .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{path}: {said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")).context("callgrind told no figure")?;
    Ok(collected.1.trim().parse::<u64>()? / u64::from(runs(times)))
}

fn can_count() -> bool {
    let can = cfg!(target_arch = "x86_64") && Command::new("valgrind").arg("--version").output().is_ok();
    if !can {
        println!("skipped: instructions are counted by valgrind, on x86-64");
    }
    can
}

#[test]
fn twice_the_input_takes_twice_the_instructions() {
    if !can_count() {
        return;
    }
    for (path, times) in GROWING {
        // Factors of two and four, so that one run counts both.
        let [once, twice] = [2 * times, 4 * times].map(|times| instructions(path, times).unwrap());
        println!("{path}: {once} instructions, {twice} for twice the input");
        assert!(twice * 1000 <= once * GROWTH, "{path}: {once}, then {twice}");
    }
}

#[test]
fn the_six_paths_take_as_many_instructions_as_before() {
    if !can_count() {
        return;
    }
    let now: BTreeMap<&str, u64> = PATHS.iter().map(|path| (*path, instructions(path, 1).unwrap())).collect();
    if std::env::var_os("UPDATE_INSTRUCTIONS").is_some() {
        let lines = PATHS.map(|path| format!("{path} = {}", now[path])).join("\n");
        std::fs::write(
            FIGURES,
            format!("# Instructions of one run, in the build of the tests. `tests/instructions.rs` compares.\n{lines}\n"),
        )
        .unwrap();
    }
    let kept: BTreeMap<String, u64> = toml::from_str(&std::fs::read_to_string(FIGURES).unwrap()).unwrap();
    let moved = |path: &&str| kept[*path].abs_diff(now[*path]) * 1000 > kept[*path] * SLACK;
    for path in PATHS {
        println!("{path}: {} instructions, {} before", now[path], kept[path]);
    }
    let moved: Vec<&str> = PATHS.into_iter().filter(|path| moved(path)).collect();
    assert!(moved.is_empty(), "{moved:?} moved by more than three per cent: UPDATE_INSTRUCTIONS=1 accepts that");
}
