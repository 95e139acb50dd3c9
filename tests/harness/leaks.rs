//! What may not be in a log: keys, providers' secrets, and what clients say.

use gateway::auth::ApiKey;
use gateway_dev::simulator::OPENROUTER_KEY;

/// In the prompts of nearly every test, and in nothing that the gateway says.
const PROMPT: &str = "[[sim:";
/// Parts of secrets that the simulator gives out or takes, besides its key.
const SECRETS: [&str; 3] = ["ya29.", "PRIVATE KEY", "sk-or-leaked"];

/// Every word that holds what may not be in a log, with the line that it is in.
pub fn leaks(lines: &[String], canaries: &[&str]) -> Vec<String> {
    let known = SECRETS.iter().chain(&[PROMPT, OPENROUTER_KEY]).chain(canaries);
    let known: Vec<&str> = known.copied().collect();
    let found = |line: &&String| known.iter().any(|part| line.contains(part)) || holds_a_key(line);
    lines.iter().filter(found).cloned().collect()
}

/// Whether a key of the gateway's stands in a line: its checksum tells.
fn holds_a_key(line: &str) -> bool {
    line.match_indices("bk_").any(|(at, _)| {
        let rest = &line[at + "bk_".len()..];
        let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        ApiKey::parse(&line[at..at + "bk_".len() + length]).is_ok()
    })
}
