//! Time, random numbers, and the network between the processes and the table. Each call takes effect at one moment. The seed
//! decides the order, and the faults between a call and its answer.

use std::collections::BTreeMap;

use gateway::ids::{KeyId, RequestId};
use gateway::money::PicoUsd;
use gateway::protocol::{Fault, SeenWindow};
use gateway::store::items::{AdmitWrite, KeyStatus, ReleaseWrite, StoredKey};
use gateway::store::{Conditional, Stored};

use crate::laws::{Broken, Watch};
use crate::model::{Entry, Flaw, Table};
use crate::process::{Process, Trace};
use crate::random::Random;

/// When a simulation begins, in milliseconds since the epoch: a minute's start.
pub(crate) const EPOCH: u64 = 1_800_000_000_000;
/// The maximum delay between a call and its effect. A mark is kept for longer.
pub(crate) const LATEST: u64 = 20_000;

/// A call on the table.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Admit(AdmitWrite),
    Put(KeyId, RequestId, Entry),
    Read(KeyId, RequestId),
    Release(ReleaseWrite),
    Forget(KeyId, RequestId, u64),
}

/// A kind of call, to name one in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Admit,
    Put,
    Read,
    Release,
    Forget,
}

impl Call {
    const fn kind(&self) -> Kind {
        match self {
            Self::Admit(_) => Kind::Admit,
            Self::Put(..) => Kind::Put,
            Self::Read(..) => Kind::Read,
            Self::Release(_) => Kind::Release,
            Self::Forget(..) => Kind::Forget,
        }
    }
}

/// What a process is told.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Conditional(Conditional),
    Stored(Stored),
    Charge(Option<PicoUsd>),
    Failed(Fault),
    /// Its waiting time has ended.
    Woken,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is done and answered.
    Answered,
    /// It is not done, and the caller knows.
    Throttled,
    /// It is not done, and the caller does not know.
    Lost,
    /// It is done, and the caller does not know.
    ReplyLost,
    /// Done after so many milliseconds, and the caller does not know.
    Late(u64),
    /// Done now and again after so many milliseconds, and the caller does not know.
    Twice(u64),
    /// Done and answered, and done again after so many milliseconds: an attempt of the SDK's own that was given up.
    Repeated(u64),
    /// The process dies before the call leaves it.
    Crash,
    /// The process dies while the call is under way.
    CrashAfter,
}

/// What decides what happens to each call.
#[derive(Clone, Debug)]
pub(crate) enum Weather {
    /// Every call is answered.
    Calm,
    /// The numbers of calls in a thousand that fail, and at which the process dies.
    Storm { faults: u64, crashes: u64 },
    /// A list: the first call of this kind by this process has this outcome. Each line applies once. All other calls are
    /// answered.
    Script(Vec<(usize, Kind, Fate)>),
}

/// Something that will happen.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A process begins.
    Start(usize),
    /// A process hears something.
    Tell(usize, Answer),
    /// A call takes effect although its caller no longer waits.
    Late(Call),
    /// Dead holds are resolved, by that environment's clock.
    Reconcile(usize),
    /// Log lines are replayed, by that environment's clock.
    Replay(usize),
    /// A key gets money.
    Grant(KeyId, i128),
    /// A key is switched off.
    Disable(KeyId),
}

/// The whole simulated system.
#[derive(Debug)]
pub(crate) struct World {
    /// The table.
    pub(crate) table: Table,
    /// Milliseconds since the epoch.
    pub(crate) now: u64,
    /// Chance.
    pub(crate) random: Random,
    /// What decides the faults.
    pub(crate) weather: Weather,
    /// How far each environment's clock is off, in milliseconds.
    pub(crate) clocks: [i64; 2],
    /// Processes: first those of requests, later also those that resolve and replay.
    pub(crate) processes: Vec<Process>,
    /// What is known of each request from outside, at the position of its process.
    pub(crate) traces: Vec<Trace>,
    /// The laws that are checked.
    pub(crate) watch: Watch,
    /// Whether events are printed.
    pub(crate) is_loud: bool,
    /// The windows that each environment has seen.
    pub(crate) seen: [BTreeMap<KeyId, SeenWindow>; 2],
    queue: BTreeMap<(u64, u64), Event>,
    events: u64,
}

impl World {
    /// An empty world.
    pub(crate) fn new(seed: u64, flaw: Option<Flaw>) -> Self {
        Self {
            table: Table { flaw, ..Table::default() },
            now: EPOCH,
            random: Random::new(seed),
            weather: Weather::Calm,
            clocks: [0, 0],
            processes: Vec::new(),
            traces: Vec::new(),
            watch: Watch::default(),
            is_loud: false,
            seen: Default::default(),
            queue: BTreeMap::new(),
            events: 0,
        }
    }

    /// Adds a key, with what it has been granted.
    pub(crate) fn add_key(&mut self, id: &KeyId, key: StoredKey, granted: i128) {
        self.table.keys.insert(id.clone(), key);
        self.table.grant(id, granted);
    }

    /// Lets something happen at a time in milliseconds.
    pub(crate) fn at(&mut self, time: u64, event: Event) {
        self.events += 1;
        self.queue.insert((time, self.events), event);
    }

    /// An environment's clock, in seconds since the epoch.
    pub(crate) fn clock(&self, environment: usize) -> u64 {
        self.now.saturating_add_signed(self.clocks[environment]) / 1_000
    }

    /// Lets everything happen that is going to, up to a time.
    pub(crate) fn run_until(&mut self, time: u64) -> Result<(), Broken> {
        while let Some(first) = self.queue.first_entry().filter(|first| first.key().0 <= time) {
            let ((at, _), event) = first.remove_entry();
            self.now = self.now.max(at);
            if self.is_loud {
                println!("{:>8} {event:?}", self.now - EPOCH);
            }
            self.happen(event)?;
        }
        Ok(())
    }

    /// Lets everything happen that is going to.
    pub(crate) fn run(&mut self) -> Result<(), Broken> {
        self.run_until(u64::MAX)
    }

    fn happen(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Start(process) => self.start(process),
            Event::Tell(process, answer) => self.tell(process, answer),
            Event::Late(call) => self.apply(&call, None).map(drop),
            Event::Reconcile(environment) => {
                self.reconcile(environment);
                Ok(())
            }
            Event::Replay(environment) => {
                self.replay(environment);
                Ok(())
            }
            Event::Grant(key, amount) => {
                self.table.grant(&key, amount);
                Ok(())
            }
            Event::Disable(key) => {
                self.table.keys.get_mut(&key).unwrap().status = KeyStatus::Disabled;
                Ok(())
            }
        }
    }

    /// Makes a process wait.
    pub(crate) fn wait(&mut self, process: usize, ms: u64) {
        self.at(self.now + ms, Event::Tell(process, Answer::Woken));
    }

    /// Makes a process call the table. Returns whether the process survives.
    pub(crate) fn call(&mut self, process: usize, call: Call) -> Result<bool, Broken> {
        let fate = self.fate(process, call.kind());
        if self.is_loud {
            println!("{:>8} process {process} {fate:?} {call:?}", self.now - EPOCH);
        }
        let again = match fate {
            Fate::Crash => return Ok(false),
            Fate::Answered | Fate::Throttled | Fate::Lost | Fate::ReplyLost | Fate::CrashAfter => None,
            Fate::Late(delay) | Fate::Twice(delay) | Fate::Repeated(delay) => Some(delay),
        };
        let is_done = !matches!(fate, Fate::Throttled | Fate::Lost | Fate::Late(_));
        let answer = if is_done { Some(self.apply(&call, Some(process))?) } else { None };
        if let Some(delay) = again {
            self.at(self.now + delay, Event::Late(call));
        }
        let quick = self.random.between(1, 40);
        let (after, heard) = match (fate, answer) {
            (Fate::CrashAfter, _) => return Ok(false),
            (Fate::Answered | Fate::Repeated(_), Some(answer)) => (quick, answer),
            (Fate::Throttled, _) => (quick, Answer::Failed(Fault::Throttled)),
            (_, _) => (300, Answer::Failed(Fault::Unknown)),
        };
        self.at(self.now + after, Event::Tell(process, heard));
        Ok(true)
    }

    fn fate(&mut self, process: usize, kind: Kind) -> Fate {
        match &mut self.weather {
            Weather::Calm => Fate::Answered,
            Weather::Script(lines) => {
                let line = lines.iter().position(|(who, what, _)| (*who, *what) == (process, kind));
                line.map_or(Fate::Answered, |line| lines.remove(line).2)
            }
            Weather::Storm { faults, crashes } => {
                let (faults, crashes) = (*faults, *crashes);
                if self.random.chance(crashes) {
                    return self.random.pick(&[Fate::Crash, Fate::CrashAfter]);
                }
                if !self.random.chance(faults) {
                    return Fate::Answered;
                }
                let longest = self.random.pick(&[100, 1_000, LATEST]);
                let delay = self.random.between(1, longest);
                // An admission is one attempt, which only the state machine repeats. Reads change nothing at any time.
                match (kind, self.random.between(0, 5)) {
                    (_, 0) => Fate::Throttled,
                    (_, 1) | (Kind::Read, _) => Fate::Lost,
                    (_, 2) => Fate::ReplyLost,
                    (_, 3) => Fate::Late(delay),
                    (Kind::Put | Kind::Release, 4) => Fate::Repeated(delay),
                    _ => Fate::Twice(delay),
                }
            }
        }
    }

    /// Applies a call to the table, and checks the laws that hold after every write. `by` is `None` for a late call.
    fn apply(&mut self, call: &Call, by: Option<usize>) -> Result<Answer, Broken> {
        let answer = match call {
            Call::Admit(write) => Answer::Conditional(self.table.admit(write)),
            Call::Put(key, request, entry) => Answer::Stored(self.table.put_record(key, *request, entry)),
            Call::Read(key, request) => Answer::Charge(self.table.charge(key, *request)),
            Call::Release(write) => Answer::Conditional(self.table.release(write)),
            Call::Forget(key, request, until) => Answer::Conditional(self.table.forget_mark(key, *request, *until)),
        };
        self.watch.see(&self.table, (call, &answer), by.is_none(), self.now)?;
        Ok(answer)
    }
}
