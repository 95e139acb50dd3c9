//! How many instructions six fixed paths take, against figures that are kept: a change that makes a path a few per cent dearer
//! fails here. Counted by callgrind on this build, so that neither the machine nor what else it does has a part in it.
//!
//! `UPDATE_INSTRUCTIONS=1` writes the figures anew. They belong to one compiler and one processor architecture.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use gateway::ids::{KeyId, RequestId};
use gateway::money::PicoUsd;
use gateway::store::Store;
use gateway::wire::{self, ClientFormat, WireFormat};
use gateway_tests::long::stream;
use gateway_tests::relaying::relay_from;
use gateway_tests::rows::busy_record;
use gateway_tests::whole_request::{Process, messages};

const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.toml");
/// Names the path that this process runs.
const PATH: &str = "INSTRUCTIONS_OF";
/// Runs of a path that are counted; one before them is not, which reads the catalogue and fills what is kept.
const RUNS: u32 = 10;
/// Bytes of the request.
const REQUEST: usize = 2_000;
/// Events of the replies.
const EVENTS: usize = 200;
/// By how many thousandths a figure may move.
const SLACK: u64 = 30;

/// What a path is, in the order of a request.
const PATHS: [&str; 6] = ["event", "open", "plan", "forward", "translate", "settle"];

/// The only function whose instructions count, with all that it calls.
#[inline(never)]
fn counted(run: &mut dyn FnMut()) {
    run();
}

fn run(path: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (process, request) = (Process::start()?, messages("claude-opus-4.6", REQUEST));
    let text = String::from_utf8(request.to_vec())?;
    let event = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/chat-completions.json"))?;
    let (openrouter, gemini) = (stream(WireFormat::OpenAi, EVENTS), stream(WireFormat::Gemini, EVENTS));
    let store = Store::local("table", &table()?);
    let key = KeyId::parse("0123456789abcdef").context("a key id")?;
    let record = busy_record(&key, RequestId::generate(), "gpt-5.2", PicoUsd::new(1));
    let relayed =
        |wire: WireFormat, stream: &[u8]| drop(relay_from(ClientFormat::ChatCompletions, wire, stream.chunks(512)));
    let mut once = || match path {
        "event" => assert!(gateway::runtime::read(&event).is_some()),
        "open" => assert!(wire::open_request(ClientFormat::Messages, text.clone()).is_ok()),
        "plan" => assert!(runtime.block_on(process.prepare(request.clone())).is_ok()),
        "forward" => relayed(WireFormat::OpenAi, &openrouter),
        "translate" => relayed(WireFormat::Gemini, &gemini),
        "settle" => assert!(runtime.block_on(store.put_record(&record)).is_ok()),
        other => panic!("no path {other}"),
    };
    once();
    (0..RUNS).for_each(|_| counted(&mut once));
    Ok(())
}

/// A table on another thread that answers every call with an empty object.
fn table() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || -> Result<()> {
        for socket in listener.incoming() {
            let (mut socket, mut buffer) = (socket?, [0; 64 * 1024]);
            // A call is small enough to come in one piece.
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
    run(&std::env::var(PATH).unwrap()).unwrap();
}

/// The instructions of one run of a path.
fn instructions(path: &str) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=instructions::counted"])
        .arg(std::env::current_exe()?)
        .args(["path", "--exact", "--ignored", "--test-threads=1"])
        .env(PATH, path)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{path}: {said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")).context("callgrind told no figure")?;
    Ok(collected.1.trim().parse::<u64>()? / u64::from(RUNS))
}

#[test]
fn the_six_paths_take_as_many_instructions_as_before() {
    if !cfg!(target_arch = "x86_64") || Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: instructions are counted by valgrind, on x86-64");
        return;
    }
    let now: BTreeMap<&str, u64> = PATHS.iter().map(|path| (*path, instructions(path).unwrap())).collect();
    if std::env::var_os("UPDATE_INSTRUCTIONS").is_some() {
        let lines = PATHS.iter().map(|path| format!("{path} = {}\n", now[path])).collect::<String>();
        std::fs::write(
            FIGURES,
            format!("# Instructions of one run, in the build of the tests. `tests/instructions.rs` compares.\n{lines}"),
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
