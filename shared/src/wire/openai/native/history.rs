//! The conversation of a forwarded request, as OpenRouter's models accept it. The rules for turns sort it. Messages that do
//! not change are not touched; without any change the list stays byte for byte.

mod item;
mod reading;

use std::collections::BTreeSet;

use crate::chat::Turns;
use crate::chat::request::{Message, Role};
use crate::chat::turns::{CONTINUE, LOST_RESULT, Piece as _};
use crate::document::{Entry, Kind, Value};
use crate::wire::native::Forwarding;
use crate::wire::openai::rules;
use crate::wire::target::Target;

pub(super) use item::text_in;
use item::{Item, What, entry, json, places_of, text_of};
pub(super) use reading::{can_resume, is_begun};
use reading::{contents, read, trailing_text};

/// Repairs the history of a request.
pub(super) fn repair(forwarding: &mut Forwarding<'_>, target: &Target<'_>) {
    let Some(list) = forwarding.body.get("messages") else { return };
    let messages: Vec<Value<'_>> = list.elements().collect();
    let mut read: Vec<Message<Item<'_>>> =
        messages.iter().enumerate().map(|(number, message)| read(*message, number, target)).collect();
    if !rules::is_claude(target.upstream) {
        drop_thoughts_alone(&mut read, forwarding);
    }
    let sizes = read.iter().map(|message| Size::of(&message.parts)).collect();
    let mut turns = Turns::of(read, rules::call_ids(target.upstream));
    rules::drop_reasoning_alone(&mut turns, target.upstream);
    forwarding.left_out.extend(turns.left_out.iter().flat_map(places_of));
    let mut writer = Writer {
        messages: &messages,
        sizes,
        out: Vec::new(),
        waiting: Vec::new(),
        upstream: target.upstream,
        has_begun: false,
        forwarding,
    };
    writer.turns(turns);
    let is_changed = writer.out.len() != messages.len()
        || writer.out.iter().enumerate().any(|(number, written)| !matches!(written, Written::Message(n) if *n == number));
    let entries = writer.out.into_iter().filter_map(|written| match written {
        Written::Message(number) => messages.get(number).copied().map(Entry::Own),
        Written::New(entry) => Some(entry),
    });
    let entries: Vec<Entry<'_>> = entries.collect();
    if rules::is_claude(target.upstream) {
        trim_begun_answer(&messages, forwarding);
    }
    // An empty conversation is the client's error, not the provider's.
    if is_changed && !entries.is_empty() {
        forwarding.edits.arrange(list, entries);
    }
}

/// Removes reasoning in messages that contain nothing else. Each message counts alone here, even if the message next to it
/// is also the assistant's.
fn drop_thoughts_alone(messages: &mut [Message<Item<'_>>], forwarding: &mut Forwarding<'_>) {
    for message in messages {
        let thoughts = message.parts.extract_if(.., |item| matches!(item.what, What::Thought(_)));
        forwarding.left_out.extend(thoughts.flat_map(|item| places_of(&item)));
    }
}

/// Trims white space from the end of a prefilled answer: Claude does not continue from it (platform.claude.com, prefill).
fn trim_begun_answer(messages: &[Value<'_>], forwarding: &mut Forwarding<'_>) {
    let Some(text) = trailing_text(messages) else { return };
    let said = text.as_text().unwrap_or_default();
    let trimmed = said.trim_end();
    if trimmed.len() < said.len() {
        forwarding.edits.replace(text, trimmed);
    }
}

/// The number of pieces of a message, and whether one of them prevents leaving it unchanged.
struct Size {
    pieces: usize,
    has_blank_parts: bool,
}

impl Size {
    fn of(items: &[Item<'_>]) -> Self {
        let is_blank = |item: &&Item<'_>| matches!(item.what, What::Blank(_));
        let is_part = |item: &Item<'_>| matches!(item.what, What::Blank(value) if value.kind() == Kind::Object);
        let blanks = items.iter().filter(is_blank).count();
        Self { pieces: items.len().saturating_sub(blanks), has_blank_parts: items.iter().any(is_part) }
    }
}

enum Written<'d> {
    /// A client's message with the edits in it.
    Message(usize),
    New(Entry<'d>),
}

/// Writes turns as messages.
struct Writer<'w, 'd> {
    messages: &'w [Value<'d>],
    sizes: Vec<Size>,
    out: Vec<Written<'d>>,
    /// The beginning of the next user message: content that could not stay in its position.
    waiting: Vec<Item<'d>>,
    /// OpenRouter's name of the model, for its vendor's rules.
    upstream: &'w str,
    /// Whether the instructions before the first turn are written.
    has_begun: bool,
    forwarding: &'w mut Forwarding<'d>,
}

impl<'d> Writer<'_, 'd> {
    fn turns(&mut self, turns: Turns<Item<'d>>) {
        let Turns { system, turns, left_out: _ } = turns;
        let has_instructions = !system.is_empty();
        self.instructions(system);
        self.has_begun = true;
        let is_needed = rules::needs_user(self.upstream) || turns.len() == 1 && !has_instructions;
        for (number, Message { role, parts }) in turns.into_iter().enumerate() {
            let is_opening = |item: &Item<'_>| matches!(&item.what, What::Own(text) if text == CONTINUE);
            // OpenAI's models accept a conversation that begins with the assistant or without a user.
            if number == 0 && !is_needed && parts.iter().all(is_opening) {
                continue;
            }
            match role {
                Role::Assistant => self.assistant(parts),
                Role::User | Role::System => self.user(parts),
            }
        }
    }

    /// Writes results first, then the other content.
    fn user(&mut self, parts: Vec<Item<'d>>) {
        let is_result = |item: &Item<'_>| matches!(item.what, What::Result(_) | What::Lost);
        let (results, rest): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_result);
        let has_results = !results.is_empty();
        for item in results {
            self.result(&item);
        }
        let after_results = self.out.len();
        self.runs(rest);
        self.flush();
        if rules::mistral::serves(self.upstream) && has_results && self.out.len() > after_results {
            let read = format!("{{\"role\":\"assistant\",\"content\":{}}}", json(rules::mistral::RESULTS_READ));
            self.out.insert(after_results, Written::New(Entry::New(read)));
        }
    }

    /// A tool message accepts text only. Other content waits for the user message.
    fn result(&mut self, item: &Item<'d>) {
        let (What::Result(message), Some(number)) = (&item.what, item.from) else {
            let text = json(&format!("Error: {LOST_RESULT}"));
            let message = format!("{{\"role\":\"tool\",\"tool_call_id\":{},\"content\":{text}}}", json(&item.id()));
            self.out.push(Written::New(Entry::New(message)));
            return;
        };
        if let Some(id) = &item.id {
            self.forwarding.edits.set(*message, "tool_call_id", id);
        }
        let is_media = |item: &Item<'_>| matches!(item.what, What::Media(_));
        let (media, texts): (Vec<_>, Vec<_>) = contents(*message, item.from).into_iter().partition(is_media);
        if let (Some(content), false) = (message.get("content"), media.is_empty()) {
            let is_picture = |item: &Item<'_>| matches!(item.what, What::Media(part) if part.get("type").is_some_and(|kind| kind.is("image_url") || kind.is("input_image")));
            let note = Item::own_text(rules::attached(media.iter().all(is_picture)));
            let texts = texts.iter().filter(|item| !matches!(item.what, What::Blank(_)));
            let said: Vec<&Item<'_>> = texts.chain([&note]).collect();
            match self.one_text(&said, rules::BETWEEN_RESULTS) {
                Some(text) => self.forwarding.edits.replace(content, &text),
                None => self.forwarding.edits.arrange(content, said.into_iter().map(entry).collect()),
            }
        }
        self.waiting.extend(media);
        self.out.push(Written::Message(number));
    }

    /// Writes the instructions before the first turn.
    fn instructions(&mut self, system: Vec<Item<'d>>) {
        let first = system.first().and_then(|item| item.from);
        if !rules::instructs_first(self.upstream) || system.iter().all(|item| item.from == first) {
            return self.runs(system);
        }
        let entries = system.iter().map(entry).collect();
        let before = "{\"role\":\"system\",\"content\":[".to_owned();
        self.out.push(Written::New(Entry::Within { before, entries, after: "]}" }));
    }

    /// Names as dropped what the messages of these pieces contain in addition to content and calls. Content and calls move
    /// to another message.
    fn name_members<'i>(&mut self, items: impl Iterator<Item = &'i Item<'d>>)
    where
        'd: 'i,
    {
        let numbers: BTreeSet<usize> = items.filter_map(|item| item.from).collect();
        let moved = numbers.into_iter().filter_map(|number| self.messages.get(number));
        let others = moved.flat_map(|message| message.members()).filter(|(name, value)| {
            !matches!(name.as_ref(), "role" | "content" | "tool_calls" | "refusal") && !value.is_null()
        });
        self.forwarding.left_out.extend(others.map(|(_, value)| value.place()));
    }

    /// Writes pieces by the message that they come from.
    fn runs(&mut self, parts: Vec<Item<'d>>) {
        for (from, run) in by_message(parts) {
            self.run(from, run);
        }
    }

    fn run(&mut self, from: Option<usize>, run: Vec<Item<'d>>) {
        let message = from.and_then(|number| self.messages.get(number).copied().map(|message| (number, message)));
        let role = message.and_then(|(_, message)| message.get("role")?.as_text()).unwrap_or_default();
        match (message, role.as_ref()) {
            (Some((number, message)), "user") => {
                let waiting = std::mem::take(&mut self.waiting);
                self.message(number, message, &waiting, &run);
            }
            (Some(_), "system" | "developer") if rules::instructs_first(self.upstream) && self.has_begun => {
                self.waiting.extend(run.into_iter().map(Item::into_user_text));
            }
            (Some((number, message)), "system" | "developer") => {
                let (media, texts): (Vec<_>, Vec<_>) = run.into_iter().partition(|item| matches!(item.what, What::Media(_)));
                self.waiting.extend(media);
                if !texts.is_empty() {
                    self.message(number, message, &[], &texts);
                }
            }
            _ => self.waiting.extend(run),
        }
    }

    /// Writes a message with its remaining pieces, after the content that waited.
    fn message(&mut self, number: usize, message: Value<'d>, before: &[Item<'d>], items: &[Item<'d>]) {
        let size = self.sizes.get(number);
        let is_whole = size.is_some_and(|size| size.pieces == items.len() && !size.has_blank_parts);
        let folds_refusal = self.fold_refusal(message);
        if !is_whole || !before.is_empty() || folds_refusal {
            let refusal = message.get("refusal").filter(|_| !folds_refusal).map(|refusal| refusal.place().offset());
            let is_content = |item: &&Item<'_>| match item.what {
                What::Said(value) => Some(value.place().offset()) != refusal,
                What::Media(_) | What::Own(_) => true,
                What::Blank(_) | What::Thought(_) | What::Call(_) | What::Result(_) | What::Lost => false,
            };
            let said: Vec<&Item<'_>> = before.iter().chain(items.iter().filter(is_content)).collect();
            self.say(message, &said);
        }
        self.out.push(Written::Message(number));
    }

    /// Gives a message this content. Text alone is a string, because some providers cannot read lists.
    fn say(&mut self, message: Value<'d>, said: &[&Item<'d>]) {
        let edits = &mut self.forwarding.edits;
        let content = message.members().find(|(name, _)| name == "content").map(|(_, content)| content);
        match said {
            [] => content.filter(|content| !content.is_null()).into_iter().for_each(|content| edits.replace(content, &())),
            [Item { what: What::Said(text), .. }] if text.kind() == Kind::Text => {
                let is_own = content.is_some_and(|content| content.place().offset() == text.place().offset());
                if !is_own {
                    edits.set(message, "content", &text.as_text());
                }
            }
            [Item { what: What::Own(text), .. }] => edits.set(message, "content", text),
            said => {
                let is_own = message.get("role").is_some_and(|role| role.is("assistant"));
                let text = if is_own { self.one_text(said, rules::BETWEEN_TEXTS) } else { None };
                let edits = &mut self.forwarding.edits;
                match text {
                    Some(text) => edits.set(message, "content", &text),
                    None => edits.arrange_field(message, "content", said.iter().map(|item| entry(item)).collect()),
                }
            }
        }
    }

    /// Removes the refusal from a message unless the model is OpenAI's. Returns whether it becomes the message's text.
    fn fold_refusal(&mut self, message: Value<'d>) -> bool {
        let is_said = message.get("refusal").is_some_and(|refusal| refusal.kind() == Kind::Text);
        let folds = is_said && !rules::is_openai(self.upstream);
        if folds {
            self.forwarding.edits.remove_field(message, "refusal");
        }
        folds
    }

    /// Writes the assistant's messages. A message with calls includes the messages after it, because results must follow
    /// directly.
    fn assistant(&mut self, parts: Vec<Item<'d>>) {
        for item in &parts {
            if let (What::Call(call), Some(id)) = (&item.what, &item.id) {
                self.forwarding.edits.set(*call, "id", id);
            }
        }
        let is_call = |item: &Item<'_>| matches!(item.what, What::Call(_));
        let calling = parts.iter().find(|item| is_call(item)).and_then(|item| item.from);
        let last = parts.last().and_then(|item| item.from);
        if let (Some(number), true) = (calling, calling != last) {
            let (before, joined): (Vec<_>, Vec<_>) = parts.into_iter().partition(|item| item.from < Some(number));
            self.assistant_runs(before);
            self.joined(number, &joined);
        } else {
            self.assistant_runs(parts);
        }
    }

    fn assistant_runs(&mut self, parts: Vec<Item<'d>>) {
        for (from, run) in by_message(parts) {
            if let Some((number, message)) = from.and_then(|number| Some((number, self.messages.get(number).copied()?))) {
                self.message(number, message, &[], &run);
            }
        }
    }

    /// Merges several assistant messages into the first one with calls.
    fn joined(&mut self, number: usize, items: &[Item<'d>]) {
        let Some(message) = self.messages.get(number).copied() else { return };
        self.fold_refusal(message);
        // A message has its own reasoning. The reasoning of merged messages has no place.
        let (thoughts, said): (Vec<_>, Vec<_>) = items.iter().partition(|item| matches!(item.what, What::Thought(_)));
        self.forwarding.left_out.extend(thoughts.into_iter().flat_map(places_of));
        self.name_members(items.iter().filter(|item| item.from != Some(number)));
        let (calls, texts): (Vec<_>, Vec<_>) = said.into_iter().partition(|item| matches!(item.what, What::Call(_)));
        if let Some(list) = message.get("tool_calls") {
            self.forwarding.edits.arrange(list, calls.into_iter().map(entry).collect());
        }
        let content = message.members().find(|(name, _)| name == "content").map(|(_, content)| content);
        let text = self.one_text(&texts, rules::BETWEEN_TEXTS);
        let entries: Vec<Entry<'_>> = texts.into_iter().map(entry).collect();
        match (content, text) {
            (Some(content), _) if entries.is_empty() && content.kind() == Kind::List => {
                self.forwarding.edits.replace(content, &());
            }
            _ if entries.is_empty() => {}
            (Some(content), Some(text)) => self.forwarding.edits.replace(content, &text),
            (Some(content), None) => self.forwarding.edits.arrange(content, entries),
            (None, Some(text)) => {
                let said = format!("{{\"role\":\"assistant\",\"content\":{}}}", json(&text));
                self.out.push(Written::New(Entry::New(said)));
            }
            (None, None) => {
                // For a message with calls only, the content of others goes before it.
                let said =
                    Entry::Within { before: "{\"role\":\"assistant\",\"content\":[".to_owned(), entries, after: "]}" };
                self.out.push(Written::New(said));
            }
        }
        self.out.push(Written::Message(number));
    }

    /// The pieces as one text, for a model that reads no lists.
    fn one_text(&self, items: &[&Item<'_>], separator: &str) -> Option<String> {
        let has_mark = |item: &&Item<'_>| matches!(item.what, What::Said(part) if part.get("cache_control").is_some());
        let reads_lists = rules::reads_lists(self.upstream, items.iter().any(has_mark));
        if reads_lists { None } else { text_of(items, separator) }
    }

    /// Content that still waits at the end of a turn becomes a user message.
    fn flush(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        if !waiting.is_empty() {
            let entries = waiting.iter().map(entry).collect();
            let before = "{\"role\":\"user\",\"content\":[".to_owned();
            self.out.push(Written::New(Entry::Within { before, entries, after: "]}" }));
        }
    }
}

/// Consecutive pieces from the same message, with its number.
fn by_message<'d>(parts: Vec<Item<'d>>) -> Vec<(Option<usize>, Vec<Item<'d>>)> {
    let mut runs: Vec<(Option<usize>, Vec<Item<'d>>)> = Vec::new();
    for item in parts {
        match runs.last_mut() {
            Some((from, run)) if *from == item.from => run.push(item),
            Some(_) | None => runs.push((item.from, vec![item])),
        }
    }
    runs
}
