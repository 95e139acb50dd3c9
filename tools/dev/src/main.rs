//! `make dev` and `make watch`: runs the local stack until Ctrl-C.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clap::Parser;
use gateway::config::{Config, VARIABLES};
use gateway::gateway::Gateway;
use gateway_dev::bench;
use gateway_dev::cold;
use gateway_dev::demo;
use gateway_dev::folder::DataFolder;
use gateway_dev::front::{self, Functions};
use gateway_dev::lambda::MAX_CONCURRENCY;
use gateway_dev::load;
use gateway_dev::remote::Remote;
use gateway_dev::stack::{Options, SCHEDULED, SimulatorStart, Stack, Support};
use gateway_dev::terminal::{Terminal, wants_colours};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;

/// Variables that control how functions log, and how many requests a process serves. A developer may set them.
const RUNTIME: [&str; 3] = ["RUST_LOG", LOG_FORMAT, MAX_CONCURRENCY];
const LOG_FORMAT: &str = "AWS_LAMBDA_LOG_FORMAT";
/// The file for the functions' own lines, in the folder for data.
const LOG_FILE: &str = "functions.log";
/// Delay between the simulator's words, so that you can read along.
const PACE: Duration = Duration::from_millis(30);
const TIMEOUT: Duration = Duration::from_mins(15);
/// Maximum number of processes per function: as many streams as a developer's machine can hold.
const ENVIRONMENTS: usize = 256;

/// Run the gateway on this machine, with a local database. Without credentials, providers are simulated.
#[derive(Parser)]
struct Arguments {
    /// Port on 127.0.0.1.
    #[arg(long, env = "PORT", default_value_t = 9000)]
    port: u16,
    /// Folder for the local database and key.
    #[arg(long, default_value = ".dev")]
    data: PathBuf,
    /// Start with an empty database and a new key.
    #[arg(long)]
    fresh: bool,
    /// Where to show the functions' own log lines.
    #[arg(long, value_enum, default_value_t = Logs::File)]
    logs: Logs,
    /// Make up thirty days of usage for a key of this name, once.
    #[arg(long, value_name = "NAME")]
    demo: Option<String>,
    /// Folder of the functions' binaries. Default: the folder of this program.
    #[arg(long)]
    binaries: Option<PathBuf>,
    /// Measure the start of each function, print the result, and exit.
    #[arg(long)]
    coldstart: bool,
    /// Measure this many requests of each kind, print a table, and exit.
    #[arg(long, value_name = "REQUESTS", requires = "floor", requires = "forwarder")]
    bench: Option<usize>,
    /// Run this many paced streams at once, print what became of them, and exit.
    #[arg(long)]
    streams: Option<usize>,
    /// The proxy program to compare with.
    #[arg(long)]
    floor: Option<PathBuf>,
    /// Folder of the function to compare with, under the name of the measured function.
    #[arg(long)]
    forwarder: Option<PathBuf>,
    /// Start only the database and the providers. Another program runs the functions on the port.
    #[arg(long)]
    support_only: bool,
    /// Start only the front, for functions behind Lambda's Invoke API at this URL.
    #[arg(long, value_name = "URL")]
    invoke: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Logs {
    /// Only in functions.log, in the folder for data.
    File,
    /// There, and on the terminal.
    Terminal,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway-dev: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    if let Some(url) = &arguments.invoke {
        return serve_front(arguments.port, url).await;
    }
    let binaries = match &arguments.binaries {
        Some(folder) => folder.clone(),
        None => std::env::current_exe()?.parent().context("this program has no folder")?.to_owned(),
    };
    if let (Some(requests), Some(proxy), Some(forwarder)) = (arguments.bench, &arguments.floor, &arguments.forwarder) {
        let programs = bench::Programs { gateway: binaries, forwarder: forwarder.clone(), proxy: proxy.clone() };
        return print(&bench::run(programs, requests).await?);
    }
    let options = Options {
        port: arguments.port,
        data: Some(arguments.data.clone()),
        binaries,
        variables: honoured_variables(),
        simulator: SimulatorStart::UnlessProvider,
        timeout: TIMEOUT,
        max_environments: ENVIRONMENTS,
        pace: PACE,
        terminal: None,
        fault_proxy: false,
    };
    if let Some(streams) = arguments.streams {
        return print(&load::run(&options, streams).await?);
    }
    if arguments.coldstart {
        return print(&cold::run(&options).await?);
    }
    let folder = DataFolder::lock(&arguments.data)?;
    if arguments.fresh {
        folder.empty()?;
    }
    // From here on a signal ends this function, so that the folder is left in order.
    tokio::select! {
        ended = the_end() => ended,
        failed = async {
            if arguments.support_only { support(&arguments, &folder, &options).await } else { serve(&arguments, &folder, options).await }
        } => failed,
    }
}

/// Prints the table of a measurement.
fn print(table: &str) -> Result<()> {
    Ok(std::io::stdout().write_all(table.as_bytes())?)
}

/// Runs what the functions need. Ends only with an error.
async fn support(arguments: &Arguments, folder: &DataFolder, options: &Options) -> Result<()> {
    let support = Support::start(options).await?;
    check(&support)?;
    charge_list_prices(&support);
    let url = format!("http://127.0.0.1:{}", arguments.port);
    folder.write_environment(&url, &support)?;
    greet(&url, &support, None);
    std::future::pending().await
}

/// Runs everything. Ends only with an error.
async fn serve(arguments: &Arguments, folder: &DataFolder, options: Options) -> Result<()> {
    let terminal = terminal(arguments)?;
    let stack = Stack::start(on_terminal(options, terminal.clone())).await?;
    check(&stack.support)?;
    charge_list_prices(&stack.support);
    folder.write_environment(&stack.url, &stack.support)?;
    let shown = match &arguments.demo {
        Some(name) => Some(demo::key(&stack.support.store, name, &arguments.data).await.context("make up usage")?),
        None => None,
    };
    greet(&stack.url, &stack.support, shown.as_ref());
    let file = log_file(&arguments.data);
    match arguments.logs {
        Logs::File => eprintln!("  Log lines of the functions are in {}. LOGS=1 prints them here.\n", file.display()),
        Logs::Terminal => eprintln!("  Log lines of the functions are printed here, and are in {}.\n", file.display()),
    }
    terminal.headings();
    for function in SCHEDULED {
        // Nothing runs on a schedule here. One run ends old holds and reads the list of models.
        if let Err(error) = stack.lambda.invoke(function, "{}".to_owned()).await {
            eprintln!("{function}: {error:#}");
        }
    }
    std::future::pending().await
}

/// Builds what every function builds at its start, so that a variable that cannot work stops this program instead of them.
fn check(support: &Support) -> Result<()> {
    let value = |name: &str| support.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    Gateway::new(Config::from_lookup(&value)?).map_err(|error| anyhow!(error))?;
    Ok(())
}

/// Lets the simulator report the costs that the catalogue expects.
fn charge_list_prices(support: &Support) {
    if let Some(simulator) = &support.simulator {
        simulator.charge_list_prices();
    }
}

/// Standard output, for the lines of requests.
fn terminal(arguments: &Arguments) -> Result<Terminal> {
    let output = std::io::stdout();
    let colours = wants_colours(&output);
    Terminal::new(Box::new(output), colours, &log_file(&arguments.data), arguments.logs == Logs::Terminal)
}

/// The functions log as on AWS, because the terminal reads the facts of requests from their lines.
fn on_terminal(mut options: Options, terminal: Terminal) -> Options {
    options.variables.retain(|(name, _)| name != LOG_FORMAT);
    options.variables.push((LOG_FORMAT.to_owned(), "JSON".to_owned()));
    Options { terminal: Some(terminal), ..options }
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join(LOG_FILE)
}

/// Serves one base URL for functions that another program runs.
async fn serve_front(port: u16, url: &str) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(|| format!("listen on port {port}"))?;
    let front = front::front(Functions::Remote(Remote::new(url)?));
    eprintln!("base URL http://127.0.0.1:{port}, for the functions at {url}; the key is in .dev/env");
    let service = front.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).await.context("serve the front")
}

/// Variables from the environment and `.env`. The environment has priority.
fn honoured_variables() -> Vec<(String, String)> {
    let file: Vec<(String, String)> =
        dotenvy::from_filename_iter(".env").map(|lines| lines.flatten().collect()).unwrap_or_default();
    let from_file = |name: &str| file.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    #[expect(clippy::disallowed_methods, reason = "a developer's tool reads the developer's environment")]
    let value = |name: &str| std::env::var(name).ok().or_else(|| from_file(name)).filter(|value| !value.is_empty());
    // Always the local table, whatever the shell has set up for AWS.
    let names = VARIABLES.iter().filter(|name| **name != "TABLE_NAME").chain(&RUNTIME);
    names.filter_map(|name| Some(((*name).to_owned(), value(name)?))).collect()
}

/// Prints the URLs and the key: the one with made-up usage, if there is one.
fn greet(url: &str, support: &Support, demo: Option<&SecretString>) {
    let label = if demo.is_some() { "demo key " } else { "key      " };
    let key = demo.unwrap_or(&support.key).expose_secret();
    let providers = match support.simulator {
        Some(_) => "simulated (set OPENROUTER_API_KEY or GOOGLE_APPLICATION_CREDENTIALS_JSON for real ones)",
        None => "real, from your environment",
    };
    eprintln!(
        "\n  base URL   {url}\n  {label}  {key}\n  dashboard  {url}/dashboard#key={key}\n  reference  {url}/docs\n  providers  {providers}\n\n  Stream a token:\n\n\
         curl -N {url}/v1/chat/completions \\\n  -H 'Authorization: Bearer {key}' \\\n  \
         -H 'Content-Type: application/json' \\\n  \
         -d '{{\"model\":\"gpt-5.2\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello!\"}}]}}'\n\n  \
         Ctrl-C stops everything.\n"
    );
}

/// Waits for Ctrl-C, for the end of the terminal, or for the end of the program that started this program.
async fn the_end() -> Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut hang_up = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    eprintln!("stopped");
    Ok(())
}
