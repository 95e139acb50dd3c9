//! Finds texts that must not be in a log: keys, providers' secrets, and texts of clients.

use gateway::auth::ApiKey;
use gateway_dev::simulator::OPENROUTER_KEY;

/// Words that occur in the prompts of nearly every test, and in no text of the gateway.
const PROMPT: &str = "[[sim:";
/// Parts of the secrets that the simulator issues or accepts, except its API key.
const SECRETS: [&str; 3] = ["ya29.", "PRIVATE KEY", "sk-or-leaked"];

/// Every word that must not be in a log, with its line.
pub fn leaks(lines: &[String], canaries: &[&str]) -> Vec<String> {
    let known = SECRETS.iter().chain(&[PROMPT, OPENROUTER_KEY]).chain(canaries);
    let known: Vec<&str> = known.copied().collect();
    let found = |line: &&String| known.iter().any(|part| line.contains(part)) || holds_a_key(line);
    lines.iter().filter(found).cloned().collect()
}

/// Whether a line contains a key of the gateway. The checksum identifies a key.
fn holds_a_key(line: &str) -> bool {
    line.match_indices("bk_").any(|(at, _)| {
        let rest = &line[at + "bk_".len()..];
        let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        ApiKey::parse(&line[at..at + "bk_".len() + length]).is_ok()
    })
}
