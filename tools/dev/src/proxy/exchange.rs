//! One connection: requests in, faults or the database's answers out.

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::message::Message;
use super::meter::{Units, metered};
use super::{Action, Script, decide, lock};

/// Serves a connection until it ends.
pub(super) async fn serve(client: TcpStream, database: SocketAddr, script: &Mutex<Script>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = BufReader::new(client);
    let mut database = Database { address: database, connection: None };
    while let Some(request) = Message::read(&mut client).await? {
        let action = decide(script, &request);
        let answer = match action {
            None => pass_on(request, &mut database, script).await?,
            Some(Action::Refuse) => return Ok(()),
            Some(Action::Hang) => return wait_for_the_end(&mut client).await,
            Some(Action::Delay(time)) => {
                sleep(time).await;
                database.ask(&request).await?
            }
            Some(Action::CommitAndDrop) => return database.ask(&request).await.map(drop),
            Some(Action::CommitAndDelay(time)) => {
                let answer = database.ask(&request).await?;
                sleep(time).await;
                answer
            }
            Some(
                action @ (Action::Throttle | Action::ExceedThroughput | Action::InternalError | Action::TransactionConflict),
            ) => Message::error(&action, &request.operation()).ok_or(io::ErrorKind::InvalidData)?,
        };
        answer.write(&mut client).await?;
    }
    Ok(())
}

/// Passes a call on, and counts its consumed capacity if requested.
async fn pass_on(request: Message, database: &mut Database, script: &Mutex<Script>) -> io::Result<Message> {
    if lock(script).units.is_none() {
        return database.ask(&request).await;
    }
    let operation = request.operation();
    let answer = database.ask(&metered(request)).await?;
    if let Some(units) = &mut lock(script).units {
        *units += Units::of(&operation, &answer);
    }
    Ok(answer)
}

/// Reads until the caller closes the connection.
async fn wait_for_the_end(client: &mut BufReader<TcpStream>) -> io::Result<()> {
    let mut ignored = [0; 1_024];
    while client.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// The connection to the database, opened on first use.
struct Database {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

impl Database {
    async fn ask(&mut self, request: &Message) -> io::Result<Message> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        request.write(&mut connection).await?;
        let answer = Message::read(&mut connection).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        self.connection = Some(connection);
        Ok(answer)
    }

    async fn connect(&self) -> io::Result<BufReader<TcpStream>> {
        let connection = TcpStream::connect(self.address).await?;
        connection.set_nodelay(true)?;
        Ok(BufReader::new(connection))
    }
}
