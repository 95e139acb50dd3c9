//! A Messages request on its way to Claude on Vertex AI, which uses the same format. What the model accepts passes byte for
//! byte. The rest is edited in place, by the same rules as translated requests.

mod blocks;
mod history;
mod media;
mod reading;
mod references;
mod results;
mod server_tools;
mod settings;
mod tools;

use crate::chat::Turns;
use crate::chat::request::{Message, Role, ToolChoice};
use crate::chat::turns::{CONTINUE, Piece as _};
use crate::document::{Entry, Kind as JsonKind, Value};
use crate::error::GatewayError;
use crate::wire::ClientRequest;
use crate::wire::anthropic::betas;
use crate::wire::anthropic::client::request::{is_billing_block, is_client_tool, tool_choice, tool_name};
use crate::wire::anthropic::rules::history::{Ending, ending, obstacle, stays_system, without_thoughts};
use crate::wire::anthropic::rules::thinking::{self, Circumstances, Plan};
use crate::wire::anthropic::rules::tools::answer_by_tool;
use crate::wire::anthropic::rules::user::user_id;
use crate::wire::cache_marks::{self, Area, Fate, Mark, fates};
use crate::wire::names::call_id;
use crate::wire::native::{Allowed, Forwarding};
use crate::wire::tag;
use crate::wire::target::Target;
use blocks::{Block, Kind, quoted, text_block};
use history::Origin;
use reading::{MarkAt, Reader, Spot};
use settings::AnswerFormat;

/// Fields that pass to Vertex AI, which rejects unknown ones. Fields that control or price the upstream call never pass:
/// service tier, speed, containers, MCP servers.
const ALLOWED: Allowed = Allowed {
    forwarded: &[
        "cache_control",
        "context_management",
        "max_tokens",
        "messages",
        "metadata",
        "output_config",
        "stop_sequences",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    ],
    // The first two are body forms of headers. The older position of the format moves to the newer one.
    consumed: &["anthropic_beta", "anthropic_version", "model", "output_format", "stream"],
    is_client_tool,
    tool_name,
    tool_choice,
};

/// The edits that a request needs. `betas` are those that Vertex accepts.
pub fn forward<'d>(request: &'d ClientRequest, target: &Target<'_>, betas: &[&str]) -> Result<Forwarding<'d>, GatewayError> {
    let mut forwarding = Forwarding::new(request.document.root(), &ALLOWED)?;
    let body = forwarding.body;
    for (_, value) in body.members().filter(|(_, value)| value.is_null()) {
        forwarding.edits.remove(value);
    }
    fit_metadata(&mut forwarding);
    forwarding.clamp_output(request.max_tokens, target);
    let format = AnswerFormat::of(body, target)?;
    tools::replace_refused(&mut forwarding, target);
    let declared = tools::Declared::of(&forwarding, format.by_tool());
    let names = declared.names()?;
    let own_names = declared.own_names().into_iter().collect();
    let takes_tool_changes = target.capabilities.system_turns && betas.contains(&betas::TOOL_CHANGES);
    let cites = !matches!(format, AnswerFormat::ByMode(_));
    let mut reader = Reader {
        forwarding: &mut forwarding,
        names: &names,
        declared: &own_names,
        takes_tool_changes,
        cites,
        marks: Vec::new(),
        citable: Vec::new(),
    };
    reader.tools(&declared.kept, format.compiled()?.as_deref(), target)?;
    let mut conversation = Conversation::read(&mut reader, target)?;
    if target.capabilities.refuses_past_reasoning {
        conversation.drop_thoughts(reader.forwarding);
    }
    reader.cite_all();
    let choice = tools::choice(&mut reader, &declared, target)?;
    reader.mark(body, body.get("cache_control"), Area::Moving);
    let marks = reader.marks;
    conversation.instruction = format.in_words()?;
    let choice = answer_by(&mut forwarding, &mut conversation, &declared, &choice).unwrap_or(choice);
    tools::add(&mut forwarding, &declared.kept, declared.more(&names, body)?);
    let limit = target.clamp(request.max_tokens.map_or(target.max_output_tokens, |limit| limit.tokens));
    let plan = conversation.plan(&choice, limit, target, body)?;
    if plan.loses_thinking {
        conversation.drop_thoughts(&mut forwarding);
    }
    let replays = conversation.write(&mut forwarding, &plan, target);
    settings::set_thinking(&mut forwarding, &plan, target);
    let binds = settings::bind_thoughts(&mut forwarding, &plan, target, replays);
    settings::set_output(&mut forwarding, &plan, format)?;
    settings::set_sampling(&mut forwarding, &plan, target)?;
    limit_marks(&mut forwarding, &marks);
    let mut betas = settle_edits(&mut forwarding, betas, &plan);
    if binds {
        betas.extend((!betas.contains(&betas::THOUGHT_BINDING)).then_some(betas::THOUGHT_BINDING));
    } else {
        settings::say_thinking(&mut forwarding, &plan, &betas);
    }
    apply_betas(&mut forwarding, &betas, target);
    forwarding.write_whole_numbers(&[&["max_tokens"], &["thinking", "budget_tokens"], &["top_k"]]);
    forwarding.undo.names = names;
    Ok(forwarding)
}

/// Keeps what Claude accepts of `metadata`: a user id in its form.
fn fit_metadata(forwarding: &mut Forwarding<'_>) {
    let Some(metadata) = forwarding.body.get("metadata") else { return };
    forwarding.keep_only(metadata, &["user_id", tag::MEMBER]);
    if let Some(tag) = metadata.get(tag::MEMBER) {
        // The tag is the gateway's own. The record keeps it.
        forwarding.edits.remove(tag);
    }
    let name = metadata.get("user_id").and_then(Value::as_text).unwrap_or_default();
    let sent = user_id(&name);
    if sent != name {
        forwarding.edits.set(metadata, "user_id", sent.as_ref());
    }
}

/// The conversation of a request.
struct Conversation<'d> {
    /// The list of messages.
    list: Value<'d>,
    origins: Vec<Origin<'d>>,
    messages: Vec<Message<Block<'d>>>,
    system: Instruction<'d>,
    /// Text to add to the system prompt.
    instruction: Option<String>,
}

impl<'d> Conversation<'d> {
    fn read(reader: &mut Reader<'_, 'd>, target: &Target<'_>) -> Result<Self, GatewayError> {
        let list = reader.forwarding.body.required("messages")?;
        let (system, moved) = read_system(reader)?;
        let (mut origins, mut messages) = (Vec::new(), vec![Message { role: Role::System, parts: moved }]);
        for (number, value) in list.elements().enumerate() {
            let message = reader.message(number, value)?;
            origins.push(Origin { value, role: message.role, blocks: message.parts.len(), stays: false });
            messages.push(message);
        }
        server_tools::keep_paired(&mut messages, reader.forwarding);
        for (at, origin) in (1_usize..).zip(&mut origins) {
            origin.stays = stays(&messages, at, target);
            if let Some(message) = messages.get_mut(at) {
                if origin.stays { message.parts.clear() } else { references::drop_changes(message, reader.forwarding) }
            }
        }
        Ok(Self { list, origins, messages, system, instruction: None })
    }

    /// The plan for the reasoning settings.
    fn plan(&self, choice: &ToolChoice, limit: u64, target: &Target<'_>, body: Value<'_>) -> Result<Plan, GatewayError> {
        let wish = settings::wish(body)?;
        let turns = || Turns::of(self.messages.clone(), call_id).turns;
        let is_budget = thinking::is_budget(wish, target.capabilities);
        let obstacle = is_budget.then(|| obstacle(choice, &turns(), Block::is_sent, target)).flatten();
        let so_far = Circumstances { limit, most: target.max_output_tokens, obstacle };
        Ok(thinking::plan(wish, target.capabilities, &so_far))
    }

    /// Drops earlier reasoning if this request switches reasoning off, because the model would reject the request.
    fn drop_thoughts(&mut self, forwarding: &mut Forwarding<'d>) {
        self.messages.iter_mut().for_each(|message| drop_thoughts(message, forwarding));
    }

    /// Edits the messages and the system prompt. Returns whether the messages replay reasoning.
    fn write(self, forwarding: &mut Forwarding<'d>, plan: &Plan, target: &Target<'_>) -> bool {
        let Turns { system: instructions, mut turns, left_out } = Turns::of(self.messages, call_id);
        for value in left_out.iter().filter(|block| block.is_sent()).filter_map(Block::value) {
            forwarding.drop(value);
        }
        for turn in &mut turns {
            turn.parts.retain(Block::is_sent);
        }
        turns.retain(|turn| !turn.parts.is_empty());
        let end = ending(&turns, target);
        if end == Ending::UserTurn {
            turns.push(Message { role: Role::User, parts: vec![Block::own_text(CONTINUE)] });
        }
        for at in without_thoughts(&turns, plan, Block::is_sent) {
            if let Some(turn) = turns.get_mut(at) {
                drop_thoughts(turn, forwarding);
                turn.parts.retain(Block::is_sent);
            }
        }
        if end == Ending::Trimmed {
            turns.last_mut().and_then(|last| last.parts.last_mut()).into_iter().for_each(Block::trim_end);
        }
        turns.retain(|turn| !turn.parts.is_empty());
        if turns.first().is_none_or(|turn| turn.role == Role::Assistant) {
            turns.insert(0, Message { role: Role::User, parts: vec![Block::own_text(CONTINUE)] });
        }
        let replays = turns.iter().flat_map(|turn| &turn.parts).any(|part| part.what() == Kind::Thought);
        history::write(forwarding, self.list, &self.origins, turns);
        write_system(forwarding, self.system, instructions, self.instruction.as_deref());
        replays
    }
}

/// Whether the message at this index stays a system message. Such messages contain text only.
fn stays(messages: &[Message<Block<'_>>], at: usize, target: &Target<'_>) -> bool {
    // What is dropped does not count.
    let is_text = |part: &Block<'_>| part.what() == Kind::Text;
    let is_instruction = |message: &Message<_>| {
        message.role == Role::System && message.parts.iter().any(Block::is_sent) && message.parts.iter().all(is_text)
    };
    let before = at.checked_sub(1).and_then(|before| messages.get(before));
    let after = messages.get(at.saturating_add(1));
    messages.get(at).is_some_and(is_instruction) && stays_system(before, after, Block::is_sent, target)
}

fn drop_thoughts<'d>(message: &mut Message<Block<'d>>, forwarding: &mut Forwarding<'d>) {
    for part in message.parts.iter_mut().filter(|part| part.what() == Kind::Thought && part.is_sent()) {
        part.value().into_iter().for_each(|value| forwarding.drop(value));
        *part = part.clone().gone();
    }
}

/// The system prompt of a request.
struct Instruction<'d> {
    /// Its texts that are sent.
    kept: Vec<Value<'d>>,
    /// Whether other content is among them, which goes elsewhere.
    is_mixed: bool,
}

/// Reads the system prompt. Drops empty blocks, and Claude Code's billing block, which differs between requests and precedes
/// everything that can be cached. Content other than text is returned second, as a leading system message.
fn read_system<'d>(reader: &mut Reader<'_, 'd>) -> Result<(Instruction<'d>, Vec<Block<'d>>), GatewayError> {
    let (mut kept, mut moved) = (Vec::new(), Vec::new());
    let Some(system) = reader.forwarding.body.get("system") else {
        return Ok((Instruction { kept, is_mixed: false }, moved));
    };
    if system.kind() == JsonKind::Text && !system.is_blank() {
        kept.push(system);
    }
    for value in system.elements() {
        if is_billing_block(value) {
            reader.forwarding.drop(value);
            continue;
        }
        let block = reader.block(value, Spot::System)?;
        match (block.is_sent(), block.what()) {
            (false, _) => reader.forwarding.edits.remove(value),
            (true, Kind::Text) => kept.push(value),
            (true, Kind::Blank | Kind::Media | Kind::Thought | Kind::Call | Kind::Result) => moved.push(block),
        }
    }
    if kept.is_empty() {
        reader.forwarding.edits.remove(system);
    }
    Ok((Instruction { kept, is_mixed: !moved.is_empty() }, moved))
}

/// Adds the content before the first turn to the system prompt.
fn write_system<'d>(
    forwarding: &mut Forwarding<'d>,
    own: Instruction<'d>,
    instructions: Vec<Block<'d>>,
    instruction: Option<&str>,
) {
    let is_changed = own.is_mixed || !instructions.is_empty() || instruction.is_some();
    let kept = own.kept.into_iter().map(|value| match value.kind() {
        JsonKind::Text => Block::text_content(value, 0).entry(),
        JsonKind::Null | JsonKind::Flag | JsonKind::Number | JsonKind::List | JsonKind::Object => Entry::Own(value),
    });
    let added = instructions.into_iter().map(Block::entry);
    let entries: Vec<Entry<'_>> = kept.chain(added).chain(instruction.map(|text| Entry::New(text_block(text)))).collect();
    if is_changed && !entries.is_empty() {
        forwarding.edits.arrange_field(forwarding.body, "system", entries);
    }
}

/// Requires the answer from the tool that replaces structured output, if there is one. Sets the tool choice if no other tool
/// can be called.
fn answer_by<'d>(
    forwarding: &mut Forwarding<'d>,
    conversation: &mut Conversation<'d>,
    declared: &tools::Declared<'d>,
    choice: &ToolChoice,
) -> Option<ToolChoice> {
    let name = declared.answer.as_ref()?.name.clone();
    forwarding.undo.answer_tool = Some(name.clone());
    // If there are other tools, the model must be free to call them first.
    let has_others = !declared.kept.is_empty() || !declared.called.is_empty();
    if has_others && *choice != ToolChoice::None {
        conversation.instruction = Some(answer_by_tool(&name));
        return None;
    }
    let choice = format!(r#"{{"type":"tool","name":{}}}"#, quoted(&name));
    forwarding.edits.set_json(forwarding.body, "tool_choice", &choice);
    Some(ToolChoice::Named(name))
}

/// Applies the rules for cache marks. The mark of the request may not last shorter than that of its last block
/// (platform.claude.com, prompt caching, automatic caching).
fn limit_marks(forwarding: &mut Forwarding<'_>, marks: &[MarkAt<'_>]) {
    if let Some(whole) = cache_marks::shorter_than_the_last(forwarding.body) {
        forwarding.drop(whole);
    }
    let is_sent = |mark: &&MarkAt<'_>| !forwarding.edits.removes(mark.holder) && !forwarding.edits.removes(mark.control);
    let sent: Vec<&MarkAt<'_>> = marks.iter().filter(is_sent).collect();
    let told =
        |mark: &&MarkAt<'_>| Mark { area: mark.area, is_short: !mark.control.get("ttl").is_some_and(|ttl| ttl.is("1h")) };
    let fates = fates(&sent.iter().map(told).collect::<Vec<_>>());
    for (mark, fate) in sent.into_iter().zip(fates) {
        match fate {
            Fate::Kept => {}
            Fate::Shortened => {
                forwarding.edits.remove_field(mark.control, "ttl");
                forwarding.left_out.push(mark.control.place());
            }
            Fate::Dropped => forwarding.drop(mark.control),
        }
    }
}

/// Removes edits of reasoning if the model does not reason, because it rejects them, and compaction, which needs a beta that
/// is not sent. Removes the field with the last edit, and its beta unless the memory tool needs it (platform.claude.com,
/// memory tool).
fn settle_edits<'b>(forwarding: &mut Forwarding<'_>, betas: &[&'b str], plan: &Plan) -> Vec<&'b str> {
    let edits = forwarding.body.at(&["context_management", "edits"]);
    let is_of_results = |edit: &Value<'_>| !settings::is_edit_of(edit, settings::THOUGHTS);
    let is_refused = |edit: &Value<'_>| {
        settings::is_edit_of(edit, "compact_") || !plan.thinks && settings::is_edit_of(edit, settings::THOUGHTS)
    };
    let (refused, mut kept): (Vec<_>, Vec<_>) = edits.into_iter().flat_map(Value::elements).partition(is_refused);
    let is_empty = !refused.is_empty() && kept.is_empty();
    for edit in refused {
        forwarding.drop(edit);
    }
    // Those of reasoning come first (platform.claude.com, context editing, combined strategies).
    if let Some(edits) = edits.filter(|_| !kept.is_sorted_by_key(is_of_results)) {
        kept.sort_by_key(is_of_results);
        forwarding.edits.arrange(edits, kept.iter().copied().map(Entry::Own).collect());
    }
    let has_memory = || {
        let mut tools = forwarding.body.get("tools").into_iter().flat_map(Value::elements);
        tools.any(|tool| tool.get("type").and_then(Value::as_text).is_some_and(|kind| kind.starts_with("memory_")))
    };
    if is_empty && has_memory() {
        forwarding.drop_field("context_management");
        return betas.to_vec();
    }
    betas.iter().copied().filter(|beta| !(is_empty && *beta == betas::CONTEXT_MANAGEMENT)).collect()
}

/// Models with this window need no beta for a larger one.
const LONG_WINDOW: u64 = 1_000_000;

/// Writes the accepted betas into the body, as Vertex expects, and drops what needs a missing beta.
fn apply_betas(forwarding: &mut Forwarding<'_>, betas: &[&str], target: &Target<'_>) {
    // A window that the catalogue does not know has no price.
    let opens = |beta: &&str| *beta == betas::LONG_CONTEXT && target.context_window < LONG_WINDOW;
    let (refused, sent): (Vec<&str>, Vec<&str>) = betas.iter().copied().partition(opens);
    forwarding.dropped.extend(refused.into_iter().map(betas::named));
    if !sent.contains(&betas::CONTEXT_MANAGEMENT) {
        forwarding.drop_field("context_management");
    }
    if !sent.is_empty() {
        forwarding.edits.set(forwarding.body, "anthropic_beta", sent.as_slice());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_forwarded_fields_is_sorted() {
        assert!(ALLOWED.forwarded.is_sorted());
    }
}
