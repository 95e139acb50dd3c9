//! The processes: requests from admission to settlement, the resolution of dead holds, and the replay of log lines. All of them
//! drive the gateway's own machines.

use std::collections::BTreeMap;

use gateway::ids::{KeyId, RequestId};
use gateway::money::PicoUsd;
use gateway::protocol::{
    AdmitEffect, AdmitEvent, AdmitStep, Admitting, Charge, Demand, Grant, KeyedRequest, NotAdmitted, Reservation,
    SeenWindow, SettleEffect, SettleEvent, SettleStep, Settled, Settling,
};
use gateway::store::items::{Expired, Hold, Place, ReleaseWrite, StoredKey};
use gateway::store::{Conditional, Stored};

use crate::laws::Broken;
use crate::model::{Entry, Flaw, model_of, signed};
use crate::world::{Answer, Call, Event, World};

/// What happens to a request after its admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// A provider answers after so many milliseconds, at so many thousandths of what was held.
    Served { ms: u64, permille: u64 },
    /// Its process dies after so many milliseconds.
    Killed { ms: u64 },
    /// It never reaches a provider, and gives its hold back.
    Withdrawn,
    /// It comes from a wrong address, and gives its hold back with one write.
    Unwelcome,
}

/// What an observer knows about a request: its plan and its log lines.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) demand: Demand,
    pub(crate) environment: usize,
    pub(crate) course: Course,
    /// Whether the request is admitted while the table is unreachable.
    pub(crate) passes_from_memory: bool,
    /// The line of a request that is sent, and its second: its hold, and whether a late duplicate may come.
    pub(crate) intent: Option<(Reserved, u64)>,
    /// Whether it was sent to a provider.
    pub(crate) is_reached: bool,
    /// The line of a request that ended: what it is charged, and its tokens.
    pub(crate) final_line: Option<(PicoUsd, u64)>,
    /// How admission ended, if it was denied.
    pub(crate) denial: Option<NotAdmitted>,
    /// How and when settlement ended, if it did.
    pub(crate) settled: Option<(Settled, u64)>,
}

/// What a request took, and whether its admission is uncertain.
pub(crate) type Reserved = (Option<Hold>, bool);

fn reservation((hold, uncertain): Reserved) -> Reservation {
    Reservation { hold, uncertain }
}

/// A process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    environment: usize,
    pub(crate) stage: Stage,
}

/// The step that the process has reached.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    Waiting,
    Admitting(Box<Admitting>),
    Upstream(Box<Reserved>),
    /// One call whose answer changes nothing.
    LastCall(Box<Call>),
    /// Its hold has ended, its record is still to come: [`Flaw::ReleaseFirst`] alone does this.
    Recording(Settlement),
    Settling(Settlement),
    Over,
}

/// A settlement, and its effect that was begun last.
type Settlement = (Box<Settling<Entry>>, SettleEffect<Entry>);

impl World {
    /// Adds a request that comes in at a time in milliseconds; the answer is its place among processes and traces.
    pub(crate) fn add_request(&mut self, time: u64, environment: usize, (demand, course): (Demand, Course)) -> usize {
        let trace = Trace {
            demand,
            environment,
            course,
            passes_from_memory: false,
            intent: None,
            is_reached: false,
            final_line: None,
            denial: None,
            settled: None,
        };
        self.traces.push(trace);
        self.processes.push(Process { environment, stage: Stage::Waiting });
        assert_eq!(self.traces.len(), self.processes.len(), "requests come before all other processes");
        let place = self.processes.len() - 1;
        self.at(time, Event::Start(place));
        place
    }

    pub(crate) fn start(&mut self, place: usize) -> Result<(), Broken> {
        let now = self.clock(self.processes[place].environment);
        match std::mem::replace(&mut self.processes[place].stage, Stage::Over) {
            Stage::Waiting => {
                let demand = self.traces[place].demand.clone();
                let seen = self.seen[self.processes[place].environment].get(&demand.key).copied();
                let (machine, first) = Admitting::begin(demand, seen, now);
                self.admit(place, Box::new(machine), first)
            }
            Stage::Settling(settlement) => self.settle(place, settlement),
            Stage::LastCall(call) => self.call(place, *call).map(drop),
            Stage::Admitting(_) | Stage::Upstream(_) | Stage::Recording(..) | Stage::Over => Ok(()),
        }
    }

    pub(crate) fn tell(&mut self, place: usize, answer: Answer) -> Result<(), Broken> {
        let environment = self.processes[place].environment;
        let now = self.clock(environment);
        if let (Stage::Admitting(_), Answer::Conditional(Conditional::Written(key) | Conditional::Refused(Some(key)))) =
            (&self.processes[place].stage, &answer)
        {
            let seen = SeenWindow { start: key.window, others: 0 };
            self.seen[environment].insert(self.traces[place].key().clone(), seen);
        }
        match std::mem::replace(&mut self.processes[place].stage, Stage::Over) {
            Stage::Admitting(mut machine) => match machine.step(admit_event(answer), now) {
                AdmitStep::Do(effect) => self.admit(place, machine, effect),
                AdmitStep::Done(Ok(grant)) => self.granted(place, *grant),
                AdmitStep::Done(Err(denial)) => {
                    let passes = denial == NotAdmitted::Unanswered && self.traces[place].passes_from_memory;
                    self.traces[place].denial = Some(denial);
                    if passes {
                        self.send(place, (None, false));
                    }
                    Ok(())
                }
            },
            Stage::Upstream(reserved) => self.answered(place, *reserved),
            Stage::Recording(settlement) => self.settle(place, settlement),
            Stage::Settling((mut machine, _)) => match machine.step(settle_event(answer)) {
                SettleStep::Do(effect) => self.settle(place, (machine, effect)),
                SettleStep::Done(settled) => {
                    self.ended(place, settled);
                    Ok(())
                }
            },
            Stage::Waiting | Stage::LastCall(_) | Stage::Over => Ok(()),
        }
    }

    fn admit(&mut self, place: usize, machine: Box<Admitting>, effect: AdmitEffect) -> Result<(), Broken> {
        let lives = match effect {
            AdmitEffect::Write(write) => self.call(place, Call::Admit(*write))?,
            AdmitEffect::Pause(ceiling) => self.pause(place, ceiling),
        };
        self.processes[place].stage = if lives { Stage::Admitting(machine) } else { Stage::Over };
        Ok(())
    }

    fn granted(&mut self, place: usize, grant: Grant) -> Result<(), Broken> {
        let Trace { course, ref demand, .. } = self.traces[place];
        let (key, request) = (demand.key.clone(), demand.request);
        match course {
            Course::Served { .. } | Course::Killed { .. } => {
                self.send(place, (Some(grant.hold), grant.uncertain));
                Ok(())
            }
            Course::Withdrawn => {
                self.watch.settling(request);
                let now = self.clock(self.processes[place].environment);
                let reservation = reservation((Some(grant.hold), grant.uncertain));
                let (machine, first) = Settling::withdraw(KeyedRequest { key, id: request }, reservation, now)
                    .expect("an admitted request has a hold");
                self.settle(place, (Box::new(machine), first))
            }
            Course::Unwelcome => {
                self.watch.settling(request);
                let hold = grant.hold;
                let (refund, mark) = (signed(hold.amount), grant.uncertain.then_some(hold.expires));
                let release = ReleaseWrite { key, request, place: Place::Holds, hold, refund, tokens: None, mark };
                self.call(place, Call::Release(self.flawed(release))).map(drop)
            }
        }
    }

    /// Sends a request upstream, after its log line.
    fn send(&mut self, place: usize, reserved: Reserved) {
        let now = self.clock(self.processes[place].environment);
        self.traces[place].intent = Some((reserved.clone(), now));
        self.traces[place].is_reached = true;
        match self.traces[place].course {
            Course::Served { ms, .. } => {
                self.wait(place, ms);
                self.processes[place].stage = Stage::Upstream(Box::new(reserved));
            }
            Course::Killed { .. } | Course::Withdrawn | Course::Unwelcome => {}
        }
    }

    /// Settles a request, after its log line.
    fn answered(&mut self, place: usize, reserved: Reserved) -> Result<(), Broken> {
        let Trace { course, ref demand, .. } = self.traces[place];
        let permille = match course {
            Course::Served { permille, .. } => permille,
            Course::Killed { .. } | Course::Withdrawn | Course::Unwelcome => 0,
        };
        let (input, output) = (demand.input_tokens, demand.output_tokens);
        let (amount, tokens) = reserved
            .0
            .as_ref()
            .map_or_else(|| (demand.price.amount(input, output), input + output), |hold| (hold.amount, hold.tokens));
        let charged = PicoUsd::new(amount.pico() * u128::from(permille) / 1_000);
        let (request, key) = (demand.request, demand.key.clone());
        self.traces[place].final_line = Some((charged, tokens * permille / 1_000));
        self.watch.settling(request);
        let held = reserved.0.clone();
        let settlement = self.settlement(place, reserved);
        if self.table.flaw == Some(Flaw::ReleaseFirst)
            && let Some(hold) = held
        {
            let refund = signed(hold.amount) - signed(charged);
            let early = ReleaseWrite { key, request, place: Place::Holds, hold, refund, tokens: None, mark: None };
            if self.call(place, Call::Release(early))? {
                self.processes[place].stage = Stage::Recording(settlement);
            }
            return Ok(());
        }
        self.settle(place, settlement)
    }

    /// What settles a request with a final line, now or in a replay.
    fn settlement(&self, place: usize, reserved: Reserved) -> Settlement {
        let Trace { demand, environment, final_line, .. } = &self.traces[place];
        let now = self.clock(*environment);
        let entry = final_line.map_or_else(
            || Entry::interrupted(&demand.model),
            |(charged, _)| Entry { model: demand.model.clone(), charged, interrupted: false },
        );
        let (charged, used) = final_line.unwrap_or_default();
        let request = KeyedRequest { key: demand.key.clone(), id: demand.request };
        let charge = Charge { amount: charged, tokens: used };
        let (machine, first) = Settling::begin(request, reservation(reserved), entry, charge, now);
        (Box::new(machine), first)
    }

    fn settle(&mut self, place: usize, (machine, effect): Settlement) -> Result<(), Broken> {
        let (key, request) = (machine.key().clone(), machine.request());
        let lives = match effect.clone() {
            SettleEffect::PutRecord(entry) => self.call(place, Call::Put(key, request, entry))?,
            SettleEffect::ReadCharge => self.call(place, Call::Read(key, request))?,
            SettleEffect::Release(write) => self.call(place, Call::Release(self.flawed(write)))?,
            SettleEffect::Pause(ceiling) => self.pause(place, ceiling),
        };
        self.processes[place].stage = if lives { Stage::Settling((machine, effect)) } else { Stage::Over };
        Ok(())
    }

    fn pause(&mut self, place: usize, ceiling: u64) -> bool {
        let ms = self.random.between(0, ceiling);
        self.wait(place, ms);
        true
    }

    fn ended(&mut self, place: usize, settled: Settled) {
        let now = self.clock(self.processes[place].environment);
        if let Some(trace) = self.traces.get_mut(place) {
            trace.settled = Some((settled, now));
        }
    }

    fn flawed(&self, write: ReleaseWrite) -> ReleaseWrite {
        if self.table.flaw == Some(Flaw::NoMark) { ReleaseWrite { mark: None, ..write } } else { write }
    }

    /// Resolves the holds that are dead by an environment's clock. Each dead hold gets a separate process.
    pub(crate) fn reconcile(&mut self, environment: usize) {
        let now = self.clock(environment);
        let is_impatient = self.table.flaw == Some(Flaw::ImpatientReconcile);
        let mut stages = Vec::new();
        for (id, key) in &self.table.keys {
            for (request, hold) in dead(key, if is_impatient { u64::MAX } else { now }) {
                let reserved = (Some(hold.clone()), false);
                let keyed = KeyedRequest { key: id.clone(), id: request };
                let entry = Entry::interrupted(model_of(&hold));
                let (machine, first) = Settling::begin(keyed, reservation(reserved), entry, Charge::default(), now);
                stages.push(Stage::Settling((Box::new(machine), first)));
            }
            for (request, mark) in &key.expired {
                if let Expired::Released(until) = mark
                    && *until <= now
                {
                    stages.push(Stage::LastCall(Box::new(Call::Forget(id.clone(), *request, *until))));
                }
            }
        }
        self.spawn(environment, stages);
    }

    /// Replays the log: every final line, and each intent without one whose process must be dead.
    pub(crate) fn replay(&mut self, environment: usize) {
        let now = self.clock(environment);
        let is_due = |trace: &Trace| match &trace.intent {
            Some(((hold, _), sent)) => {
                let expires = hold.as_ref().map_or(sent + trace.demand.lease, |hold| hold.expires);
                trace.final_line.is_some() || expires <= now
            }
            None => false,
        };
        let due: Vec<usize> = (0..self.traces.len()).filter(|place| is_due(&self.traces[*place])).collect();
        let stages = due.into_iter().map(|place| {
            let demand = &self.traces[place].demand;
            // The hold to end is the one that the table has now. Other calls may still be under way to the table, so a mark is
            // left.
            let hold = held(&self.table.keys[&demand.key], demand.request);
            Stage::Settling(self.settlement(place, (hold, self.table.flaw != Some(Flaw::UnmarkedReplay))))
        });
        let stages = stages.collect();
        self.spawn(environment, stages);
    }

    fn spawn(&mut self, environment: usize, stages: Vec<Stage>) {
        for stage in stages {
            self.processes.push(Process { environment, stage });
            let later = self.random.between(0, 200);
            self.at(self.now + later, Event::Start(self.processes.len() - 1));
        }
    }
}

/// The holds of a key whose processes are dead, wherever they are.
fn dead(key: &StoredKey, now: u64) -> BTreeMap<RequestId, Hold> {
    let running = key.holds.iter().filter(|(_, hold)| hold.expires <= now);
    let moved = key.expired.iter().filter_map(|(request, entry)| match entry {
        Expired::Dead(hold) => Some((request, hold)),
        Expired::Released(_) => None,
    });
    running.chain(moved).map(|(request, hold)| (*request, hold.clone())).collect()
}

/// A request's hold, wherever it is.
fn held(key: &StoredKey, request: RequestId) -> Option<Hold> {
    match (key.holds.get(&request), key.expired.get(&request)) {
        (Some(hold), _) | (None, Some(Expired::Dead(hold))) => Some(hold.clone()),
        (None, Some(Expired::Released(_)) | None) => None,
    }
}

fn admit_event(answer: Answer) -> AdmitEvent {
    match answer {
        Answer::Conditional(Conditional::Written(key)) => AdmitEvent::Written(key),
        Answer::Conditional(Conditional::Refused(old)) => AdmitEvent::Refused(old),
        Answer::Failed(fault) => AdmitEvent::Failed(fault),
        Answer::Woken => AdmitEvent::Paused,
        Answer::Stored(_) | Answer::Charge(_) => unreachable!("an admission heard {answer:?}"),
    }
}

fn settle_event(answer: Answer) -> SettleEvent {
    match answer {
        Answer::Stored(Stored::New) => SettleEvent::Stored,
        Answer::Stored(Stored::Already) => SettleEvent::AlreadyStored,
        Answer::Charge(charge) => SettleEvent::Charge(charge),
        Answer::Conditional(Conditional::Written(_)) => SettleEvent::Released,
        Answer::Conditional(Conditional::Refused(old)) => SettleEvent::NotThere(old),
        Answer::Failed(fault) => SettleEvent::Failed(fault),
        Answer::Woken => SettleEvent::Paused,
    }
}

impl Trace {
    /// Whose request it is.
    pub(crate) const fn key(&self) -> &KeyId {
        &self.demand.key
    }
}
