//! The names under which clients ask for a model.

use super::Model;

/// What all spellings of a name have in common: lower case, no `[1m]` suffix, dashes for dots and for the `@` of dated ids.
pub(super) fn normalise(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    let name = name.strip_suffix("[1m]").unwrap_or(&name);
    name.replace(['.', '@'], "-")
}

/// Every normalised name of a model: its public id and its upstream names, with and without `-preview` and `-latest`.
pub(super) fn of(model: &Model) -> Vec<String> {
    let upstream = model.routes.iter().map(|route| route.upstream.as_str());
    let mut names = Vec::new();
    for name in std::iter::once(model.id.as_str()).chain(upstream) {
        let name = normalise(name);
        for suffix in ["-preview", "-latest"] {
            names.push(format!("{name}{suffix}"));
        }
        names.extend(name.strip_suffix("-preview").map(str::to_owned));
        names.push(name);
    }
    names.sort();
    names.dedup();
    names
}
