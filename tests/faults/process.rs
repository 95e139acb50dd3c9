//! Runs the library in the test's own process, with an upstream server that sends what the test wants.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use gateway::auth::ApiKey;
use gateway::catalog::Catalog;
use gateway::circuit::Circuits;
use gateway::config::{Config, Markups};
use gateway::dispatch::{Allowance, Dispatch, Plan, RoutableRequest, Upstreams};
use gateway::ids::{KeyId, RequestId};
use gateway::ledger::{self, Pricing, RequestFacts, Reservation};
use gateway::providers::{Providers, Transport};
use gateway::pump::{Commit, Pump};
use gateway::retry::RetryBudget;
use gateway::store::items::Record;
use gateway::wire::target::OutputBounds;
use gateway::wire::{self, Asked, ClientFormat, CostOf, Delivery, Estimate, Identity, Mode, ReplyContext};
use gateway_dev::stack::Support;
use gateway_tests::options;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The library in this process, so that a test can be its client, or break it.
pub struct Process {
    /// What runs with it.
    pub support: Support,
    upstreams: Arc<Upstreams>,
    pub catalog: Catalog,
    key: KeyId,
}

/// A request under way.
pub struct Driven {
    pub request: RequestId,
    pub task: JoinHandle<()>,
    pub commit: Commit,
}

impl Process {
    /// In addition to the simulator.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// With these variables instead of its own ones.
    pub async fn start_with(own: &[(&str, String)]) -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let support = Support::start(&options()?).await?;
        let own = own.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let variables: Vec<(String, String)> = own.chain(support.variables.iter().cloned()).collect();
        let variable = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let config =
            Config::from_lookup(&|name| variable(name).or((name == "TABLE_NAME").then(|| "gateway-local".to_owned())))?;
        let upstreams = Upstreams {
            providers: Providers::new(&config.providers)?,
            transport: Transport::new(config.providers.limits),
            circuits: Circuits::new(support.store.clone()),
            budget: RetryBudget::default(),
            markups: Markups::default(),
        };
        let key = ApiKey::parse(secrecy::ExposeSecret::expose_secret(&support.key));
        let key = key.map_err(|error| anyhow::anyhow!("{error:?}"))?.id().clone();
        Ok(Self { support, upstreams: Arc::new(upstreams), catalog: Catalog::embedded()?, key })
    }

    /// Starts a chat request whose deadline is after this time.
    pub async fn drive(&self, body: &Value, cost: Option<CostOf>, time: Duration) -> Result<Driven> {
        let failed = |error: gateway::error::GatewayError| anyhow::anyhow!("{error:?}");
        let format = ClientFormat::ChatCompletions;
        let opened = wire::open_request(format, body.to_string()).map_err(failed)?;
        let model = self.catalog.resolve(&opened.model).ok().context("the model")?;
        let delivery = if opened.mode == Mode::Streaming { Delivery::Streamed } else { Delivery::Whole };
        let facts = RequestFacts {
            request: RequestId::generate(),
            key: self.key.clone(),
            format: format.name(),
            model: Arc::clone(&model),
            catalog_version: self.catalog.version().to_owned(),
            started: Instant::now(),
            reservation: Reservation::default(),
            is_prepaid: true,
            tag: None,
            estimated_input: 100,
        };
        let candidates = self.upstreams.candidates(&model, opened.mode, ledger::day_of(facts.request));
        let pricing = Pricing::of(&facts, &candidates[0]);
        let routable = RoutableRequest::new(opened, model, candidates);
        let request = facts.request;
        let plan = Plan::of(&self.upstreams, routable, OutputBounds::WITH_LIMIT).map_err(failed)?;
        let output_limit = plan.prepared().output_limit();
        let context = ReplyContext {
            format,
            request,
            identity: Identity::new(request, facts.model.id.clone(), format),
            delivery,
            include_usage: true,
            estimate: Estimate { input: facts.estimated_input, output_limit },
            cost: cost.unwrap_or_else(|| Arc::new(move |usage| pricing.charge(usage))),
            asked: Asked::default(),
        };
        let deadline = tokio::time::Instant::now() + time;
        let dispatch = Dispatch::begin(&self.upstreams, plan, Allowance::unlimited(), deadline).await.map_err(failed)?;
        let (pump, commit) = Pump::new(facts, context, self.support.store.clone(), &dispatch, deadline);
        let upstreams = Arc::clone(&self.upstreams);
        let task = tokio::spawn(async move { pump.run(&upstreams, dispatch).await });
        Ok(Driven { request, task, commit })
    }

    pub async fn record(&self, request: RequestId) -> Result<Record> {
        self.support.store.record(&self.key, request).await?.context("a record")
    }
}

/// The steps of an upstream server on a connection, after it has sent the head of a streamed reply.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends this.
    Send(String),
    /// Waits.
    Wait(Duration),
    /// Ends the body.
    End,
}

/// Starts an upstream server that follows these steps for every request. If the body has not ended then, it breaks the
/// connection. Returns the server's origin.
pub async fn upstream(acts: Vec<Act>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(play(stream, acts.clone()));
        }
    });
    Ok(origin)
}

async fn play(mut stream: TcpStream, acts: Vec<Act>) -> std::io::Result<()> {
    // The request is small and comes in a piece or two.
    let mut request = Vec::new();
    while !String::from_utf8_lossy(&request).contains("[{\"") && stream.read_buf(&mut request).await? > 0 {}
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    for act in acts {
        match act {
            Act::Send(text) => stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await?,
            Act::Wait(time) => tokio::time::sleep(time).await,
            Act::End => stream.write_all(b"0\r\n\r\n").await?,
        }
    }
    stream.shutdown().await
}
