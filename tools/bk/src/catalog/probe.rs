//! `bk catalog probe`: finds out which routes of the catalogue answer.

use std::io::{BufRead as _, IsTerminal as _};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use futures_util::{StreamExt as _, stream};
use gateway::catalog::{Candidate, Catalog, Model};
use gateway::circuit::Circuits;
use gateway::config::{Markups, ProviderConfig};
use gateway::dispatch::Upstreams;
use gateway::ids::RequestId;
use gateway::ledger;
use gateway::money::PicoUsd;
use gateway::providers::{Providers, Transport};
use gateway::retry::RetryBudget;
use gateway::wire::Mode;
use serde::Serialize;

use super::Source;
use super::asking::{Heard, Question, Verdict};
use crate::{WrongUsage, print, table};

/// Parallel calls: enough to finish within a minute, too few for any rate limit.
const AT_ONCE: usize = 8;

#[derive(Args)]
pub(crate) struct Probe {
    /// Only these models, by any of their names.
    #[arg(value_name = "MODEL")]
    models: Vec<String>,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    source: Source,
}

#[derive(Serialize)]
struct Line {
    model: String,
    provider: &'static str,
    name: String,
    result: Verdict,
    status: u16,
    words: String,
}

pub(crate) async fn run(probe: Probe, json: bool) -> Result<()> {
    let Probe { models, yes, source } = probe;
    let models = chosen(&source.read()?, &models)?;
    let upstreams = upstreams(&ProviderConfig::from_environment()?)?;
    let day = ledger::day_of(RequestId::generate());
    let mut candidates: Vec<Candidate> = Vec::new();
    for candidate in models.iter().flat_map(|model| upstreams.candidates(model, Mode::Whole, day)) {
        // Two models may share a route.
        if candidates.iter().all(|known| known.route != candidate.route) {
            candidates.push(candidate);
        }
    }
    if candidates.is_empty() {
        bail!(
            "no provider of these models has a credential in the environment: OPENROUTER_API_KEY, or VERTEX_PROJECT with GOOGLE_APPLICATION_CREDENTIALS_JSON"
        );
    }
    let questions = candidates.into_iter().map(|candidate| Question::new(&upstreams, candidate));
    let questions = questions.collect::<Result<Vec<_>>>()?;
    agree(&questions, yes)?;
    let asked = stream::iter(questions).map(|question| Box::pin(question.ask(&upstreams)));
    let lines: Vec<Line> = asked.buffered(AT_ONCE).map(|(candidate, heard)| line(&candidate, heard)).collect().await;
    report(&lines, json)
}

/// The named models, or all models that are not gone.
fn chosen(catalog: &Catalog, names: &[String]) -> Result<Vec<Arc<Model>>> {
    if names.is_empty() {
        return Ok(catalog.models().filter(|model| !model.is_gone()).map(Arc::clone).collect());
    }
    let found = names.iter().map(|name| {
        catalog.resolve(name).map_err(|unknown| {
            let similar = unknown.similar().map(|names| format!("; similar names: {names}"));
            WrongUsage(format!("there is no model {name}{}", similar.unwrap_or_default()))
        })
    });
    Ok(found.collect::<Result<_, _>>()?)
}

/// The routes to the models, without a table.
fn upstreams(config: &ProviderConfig) -> Result<Upstreams> {
    Ok(Upstreams {
        providers: Providers::new(config)?,
        transport: Transport::new(config.limits),
        circuits: Circuits::unshared(),
        budget: RetryBudget::default(),
        markups: Markups::default(),
    })
}

/// Prints the cost and asks for confirmation.
fn agree(questions: &[Question], yes: bool) -> Result<()> {
    let most: PicoUsd = questions.iter().map(|question| question.most).sum();
    eprintln!("calls: {}, which cost at most {most} USD by the catalogue's prices", questions.len());
    if yes {
        return Ok(());
    }
    let input = std::io::stdin();
    if !input.is_terminal() {
        bail!(WrongUsage("there is no terminal to ask for your consent: pass --yes".to_owned()));
    }
    eprint!("continue? [y/N] ");
    let mut answer = String::new();
    input.lock().read_line(&mut answer).context("read the answer")?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        bail!("nothing was sent");
    }
    Ok(())
}

fn line(candidate: &Candidate, heard: Heard) -> Line {
    let Heard { verdict, status, words } = heard;
    Line {
        model: candidate.model.id.to_string(),
        provider: candidate.route.provider.as_str(),
        name: candidate.route.upstream.to_string(),
        result: verdict,
        status,
        words,
    }
}

fn report(lines: &[Line], json: bool) -> Result<()> {
    if json {
        print(&lines)?;
    } else {
        let rows: Vec<[String; 6]> = lines.iter().map(row).collect();
        table::print(["MODEL", "PROVIDER", "NAME", "RESULT", "STATUS", "WORDS"], &rows);
    }
    let count = |verdict: Verdict| lines.iter().filter(|line| line.result == verdict).count();
    let (answer, gone) = (count(Verdict::Answers), count(Verdict::Gone));
    let (refused, failed) = (count(Verdict::Refused), count(Verdict::Failed));
    eprintln!("answers: {answer}, gone: {gone}, refused: {refused}, failed: {failed}");
    if gone > 0 {
        bail!("some names are gone: remove their routes from the catalogue");
    }
    if answer == 0 {
        bail!("no route answers");
    }
    Ok(())
}

fn row(line: &Line) -> [String; 6] {
    let Line { model, provider, name, result, status, words } = line;
    [model.clone(), (*provider).to_owned(), name.clone(), result.as_str().to_owned(), status.to_string(), words.clone()]
}
