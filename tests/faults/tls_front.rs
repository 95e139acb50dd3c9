//! A TLS server in front of the database, like DynamoDB's. It can close all connections at once, which is what a function
//! finds when Lambda continues it after a pause.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use gateway_tests::project;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;

/// The header in which the SDK counts the attempts of a call.
const ATTEMPT: &str = "amz-sdk-request: attempt=";

/// The counts since the last query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// From each new connection to the first byte of its first request: a handshake, and the request's own making.
    pub(crate) opened: Vec<Duration>,
    /// Requests that repeat one which did not end in time.
    pub(crate) repeated: usize,
}

#[derive(Default)]
struct Shared {
    database: Option<SocketAddr>,
    connections: Vec<JoinHandle<()>>,
    seen: Seen,
}

/// The running front; its connections end when this is dropped.
pub(crate) struct TlsFront {
    /// Where it listens, as a URL.
    pub(crate) endpoint: String,
    shared: Arc<Mutex<Shared>>,
    server: JoinHandle<()>,
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.server.abort();
        self.close_connections();
    }
}

/// The certificate that signed the front's.
pub(crate) fn root() -> PathBuf {
    project().join("tests/fixtures/tls/root.pem")
}

impl TlsFront {
    /// Starts without a database.
    pub(crate) async fn start() -> Result<Self> {
        let chain =
            CertificateDer::pem_file_iter(project().join("tests/fixtures/tls/chain.pem"))?.collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_file(project().join("tools/dev/src/simulator/throwaway-key.pem"))?;
        let config =
            ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions()?;
        let acceptor = TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key)?));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("https://{}", listener.local_addr()?);
        let shared = Arc::<Mutex<Shared>>::default();
        let accepting = Arc::clone(&shared);
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (shared, acceptor, at) = (Arc::clone(&accepting), acceptor.clone(), Instant::now());
                // The client handles a broken connection.
                let connection = tokio::spawn(async move { drop(serve(client, &acceptor, &shared, at).await) });
                lock(&accepting).connections.push(connection);
            }
        });
        Ok(Self { endpoint, shared, server })
    }

    /// Names the database, by its URL.
    pub(crate) fn stand_before(&self, database: &str) -> Result<()> {
        let address = database.trim_start_matches("http://").parse().context("the database's address")?;
        lock(&self.shared).database = Some(address);
        Ok(())
    }

    /// Ends every connection, as a table does with those that were idle for long.
    pub(crate) fn close_connections(&self) {
        lock(&self.shared).connections.drain(..).for_each(|connection| connection.abort());
    }

    /// Returns the counts since the last query.
    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut lock(&self.shared).seen)
    }
}

async fn serve(client: TcpStream, acceptor: &TlsAcceptor, shared: &Mutex<Shared>, accepted: Instant) -> Result<()> {
    client.set_nodelay(true)?;
    let client = acceptor.accept(client).await?;
    let database = lock(shared).database.context("no database yet")?;
    let (mut from_database, mut to_database) = TcpStream::connect(database).await?.into_split();
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let requests = async {
        let (mut first, mut piece) = (true, vec![0; 65_536]);
        loop {
            let read = from_client.read(&mut piece).await?;
            if std::mem::take(&mut first) {
                lock(shared).seen.opened.push(accepted.elapsed());
            }
            lock(shared).seen.repeated += repeats(&piece[..read]);
            to_database.write_all(&piece[..read]).await?;
            if read == 0 {
                return anyhow::Ok(());
            }
        }
    };
    let answers = async { tokio::io::copy(&mut from_database, &mut to_client).await.map_err(Into::into) };
    tokio::select! {
        ended = requests => ended,
        ended = answers => ended.map(drop),
    }
}

/// How many heads of requests there are in it that are not of a first attempt. The SDK writes a head in one piece.
fn repeats(piece: &[u8]) -> usize {
    String::from_utf8_lossy(piece).split(ATTEMPT).skip(1).filter(|rest| !rest.starts_with("1;")).count()
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
