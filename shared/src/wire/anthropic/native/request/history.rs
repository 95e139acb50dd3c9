//! Writes the turns of a conversation. Only messages whose blocks differ from the client's change.

use super::blocks::{Block, Kind};
use crate::chat::request::{Message, Role};
use crate::document::{Entry, Value};
use crate::wire::native::Forwarding;

/// A client's message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'d> {
    pub(super) value: Value<'d>,
    pub(super) role: Role,
    /// Its number of blocks.
    pub(super) blocks: usize,
    /// Whether it stays unchanged and belongs to no turn.
    pub(super) stays: bool,
}

/// A message of the upstream body.
enum Slot<'d> {
    /// The client's message with this number.
    Own(usize),
    /// A message that the client does not have.
    New(Message<Block<'d>>),
}

/// Edits the list of messages so that it contains these turns. The client's boundaries between messages of one role stay.
pub(super) fn write<'d>(
    forwarding: &mut Forwarding<'d>,
    list: Value<'d>,
    origins: &[Origin<'d>],
    turns: Vec<Message<Block<'d>>>,
) {
    let mut placed: Vec<Vec<Block<'d>>> = origins.iter().map(|_| Vec::new()).collect();
    let mut roles: Vec<Role> = origins.iter().map(|origin| origin.role).collect();
    let mut slots = Vec::new();
    for turn in turns {
        let hosts = hosts(&turn, origins);
        let Some(first) = hosts.first() else {
            slots.push(Slot::New(turn));
            continue;
        };
        place(turn.parts, *first, &hosts, &mut placed);
        for host in hosts {
            if let Some(role) = roles.get_mut(host) {
                *role = turn.role;
            }
            slots.push(Slot::Own(host));
        }
    }
    let adds = slots.iter().any(|slot| matches!(slot, Slot::New(_)));
    let mut entries = Vec::new();
    let mut staying = origins.iter().enumerate().filter(|(_, origin)| origin.stays).peekable();
    for slot in slots {
        if let Slot::Own(number) = slot {
            while let Some((_, origin)) = staying.next_if(|(at, _)| *at < number) {
                entries.push(Entry::Own(origin.value));
            }
        }
        match slot {
            Slot::Own(number) => entries.extend(origins.get(number).map(|origin| Entry::Own(origin.value))),
            Slot::New(message) => entries.push(added(message, forwarding)),
        }
    }
    entries.extend(staying.map(|(_, origin)| Entry::Own(origin.value)));
    for ((number, origin), (parts, role)) in origins.iter().enumerate().zip(placed.into_iter().zip(roles)) {
        if !origin.stays {
            message(forwarding, number, *origin, Message { role, parts });
        }
    }
    if adds {
        forwarding.edits.arrange(list, entries);
    }
}

/// The client's messages for a turn: those of its role, or else an instruction that became part of it.
fn hosts(turn: &Message<Block<'_>>, origins: &[Origin<'_>]) -> Vec<usize> {
    let homes = || turn.parts.iter().filter_map(|part| part.home().map(|home| home.message));
    let of_role = |role: Role| {
        let mut hosts: Vec<usize> =
            homes().filter(|home| origins.get(*home).is_some_and(|origin| origin.role == role)).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    };
    let own = of_role(turn.role);
    if !own.is_empty() || turn.role != Role::User {
        return own;
    }
    of_role(Role::System).into_iter().take(1).collect()
}

/// Distributes the blocks of a turn to its messages, in order: each to its own message, unless a block before it came from a
/// later one. Results stay together, and the message after calls answers them; Claude rejects anything else.
fn place<'d>(parts: Vec<Block<'d>>, first: usize, hosts: &[usize], placed: &mut [Vec<Block<'d>>]) {
    let mut cursor = first;
    let mut homes: Vec<Option<usize>> = parts.iter().map(|part| part.home().map(|home| home.message)).collect();
    // The gateway's text precedes the block that it is about.
    for at in (1..homes.len()).rev() {
        let next = homes.get(at).copied().flatten();
        homes.get_mut(at.saturating_sub(1)).into_iter().for_each(|home| *home = home.or(next));
    }
    let mut calls = false;
    for (part, home) in parts.into_iter().zip(homes) {
        let home = home.filter(|_| part.what() != Kind::Result && !calls);
        calls |= part.what() == Kind::Call;
        if let Some(home) = home.filter(|home| *home > cursor && hosts.binary_search(home).is_ok()) {
            cursor = home;
        }
        if let Some(message) = placed.get_mut(cursor) {
            message.push(part);
        }
    }
}

/// Edits a client's message so that it contains these blocks.
fn message<'d>(forwarding: &mut Forwarding<'d>, number: usize, origin: Origin<'d>, message: Message<Block<'d>>) {
    let Message { role, parts } = message;
    if parts.is_empty() {
        return forwarding.edits.remove(origin.value);
    }
    if role != origin.role {
        forwarding.edits.set(origin.value, "role", if role == Role::Assistant { "assistant" } else { "user" });
    }
    for part in &parts {
        part.edit(&mut forwarding.edits);
    }
    let Some(content) = origin.value.get("content") else { return };
    let is_own =
        |(at, part): (usize, &Block<'_>)| part.home().is_some_and(|home| home.message == number && home.block == Some(at));
    if parts.len() == origin.blocks && parts.iter().enumerate().all(is_own) {
        if let Some(text) = parts.first().and_then(Block::new_text_content) {
            forwarding.edits.replace(content, text);
        }
        return;
    }
    forwarding.edits.arrange(content, parts.into_iter().map(Block::entry).collect());
}

fn added<'d>(message: Message<Block<'d>>, forwarding: &mut Forwarding<'d>) -> Entry<'d> {
    for part in &message.parts {
        part.edit(&mut forwarding.edits);
    }
    let role = if message.role == Role::Assistant { "assistant" } else { "user" };
    Entry::Within {
        before: format!(r#"{{"role":"{role}","content":["#),
        entries: message.parts.into_iter().map(Block::entry).collect(),
        after: "]}",
    }
}
