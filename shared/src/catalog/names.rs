//! The names by which clients ask for a model.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::Model;
use crate::ids::ModelId;

/// Suffixes that do not change the model.
const SUFFIXES: [&str; 3] = ["[1m]", "-preview", "-latest"];
/// A word counts as a typing error of another if at most one in this many characters differs.
const FEW: usize = 3;

/// A name that would mean two models.
#[derive(Debug, thiserror::Error)]
#[error("the name {name} already belongs to another model")]
pub(super) struct Taken {
    /// The second model.
    pub(super) model: ModelId,
    name: String,
}

/// All names of a catalogue, and the families of its models.
#[derive(Debug)]
pub(super) struct Names {
    /// Position of the model in the catalogue, by normalised name.
    places: HashMap<String, usize>,
    kinships: Vec<Kinship>,
}

/// What a model's id says about its family.
#[derive(Debug)]
struct Kinship {
    /// The normalised id.
    id: String,
    owned_by: String,
    words: Vec<String>,
    /// The numbers in it: 4.6 is newer than 4.5.
    version: Vec<u32>,
    is_gone: bool,
}

impl Names {
    /// The names of these models. A model's own id and aliases take precedence over the upstream names of others, because
    /// two models may share a route.
    pub(super) fn of(models: &[Model]) -> Result<Self, Taken> {
        let mut places = HashMap::new();
        for names in [own_names, upstream_names] {
            let before = places.clone();
            for (place, model) in models.iter().enumerate() {
                for name in names(model).into_iter().filter(|name| !before.contains_key(name)) {
                    if places.insert(name.clone(), place).is_some_and(|other| other != place) {
                        return Err(Taken { model: model.id.clone(), name });
                    }
                }
            }
        }
        Ok(Self { places, kinships: models.iter().map(Kinship::of).collect() })
    }

    /// The position of the model with this name: an exact name, a dated name, or a family name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let name = normalise(name);
        let exact = |name: &str| self.places.get(name).copied();
        exact(&name).or_else(|| exact(undated(&name)?)).or_else(|| self.newest(&name))
    }

    /// The newest model of a family, from the family's words alone, such as `opus`. `None` if models of several vendors have
    /// these words.
    fn newest(&self, name: &str) -> Option<usize> {
        let asked: Vec<&str> = name.split('-').collect();
        let has_all = |kin: &Kinship| !kin.is_gone && asked.iter().all(|asked| kin.words.iter().any(|word| word == asked));
        let family: Vec<(usize, &Kinship)> = self.kinships.iter().enumerate().filter(|(_, kin)| has_all(kin)).collect();
        let (_, first) = family.first()?;
        let is_one_vendors = family.iter().all(|(_, kin)| kin.owned_by == first.owned_by);
        let newest = family.iter().max_by_key(|(place, kin)| (&kin.version, Reverse(*place)));
        newest.filter(|_| is_one_vendors).map(|(place, _)| *place)
    }

    /// The positions of the most similar ids, most similar first: ids of one vendor that share words with the name. If no id
    /// shares a word, ids with a word that differs from a word of the name in a few characters.
    pub(super) fn nearest(&self, name: &str, most: usize) -> Vec<usize> {
        let name = normalise(name);
        let bare = name.rsplit('/').next().unwrap_or(&name);
        let (words, _) = words_and_version(bare);
        let shared = |kin: &Kinship| words.iter().filter(|word| kin.words.contains(word)).count();
        let mut ranked: Vec<(Reverse<usize>, usize, usize)> = Vec::new();
        for (place, kin) in self.kinships.iter().enumerate().filter(|(_, kin)| !kin.is_gone) {
            let shared = shared(kin);
            if shared > 0 || words.iter().any(|word| kin.words.iter().any(|own| is_near(word, own))) {
                ranked.push((Reverse(shared), strsim::damerau_levenshtein(bare, &kin.id), place));
            }
        }
        ranked.sort_unstable();
        let best =
            ranked.first().filter(|(Reverse(shared), ..)| *shared > 0).and_then(|(.., place)| self.kinships.get(*place));
        let is_kin =
            |place: usize| best.is_none_or(|best| self.kinships.get(place).is_some_and(|kin| kin.owned_by == best.owned_by));
        ranked.into_iter().map(|(.., place)| place).filter(|place| is_kin(*place)).take(most).collect()
    }
}

impl Kinship {
    fn of(model: &Model) -> Self {
        let (words, version) = words_and_version(model.id.as_str());
        let (id, owned_by) = (normalise(model.id.as_str()), model.owned_by.clone());
        Self { id, owned_by, words, version, is_gone: model.is_gone() }
    }
}

/// Whether a word is another one with a typing error.
fn is_near(word: &str, other: &str) -> bool {
    strsim::damerau_levenshtein(word, other) * FEW <= word.chars().count()
}

/// The words and numbers of an id: `claude-opus-4.6` has claude, opus and 4, 6. Single letters before a number do not count.
fn words_and_version(id: &str) -> (Vec<String>, Vec<u32>) {
    let (mut words, mut version) = (Vec::new(), Vec::new());
    for piece in id.split('-') {
        let letters = piece.find(|c: char| c.is_ascii_digit()).unwrap_or(piece.len());
        let (word, numbers) = piece.split_at_checked(letters).unwrap_or((piece, ""));
        words.extend((word.len() > 1).then(|| word.to_owned()));
        version.extend(numbers.split('.').filter_map(|number| number.parse::<u32>().ok()));
    }
    (words, version)
}

/// The normal form of a name: lower case, without suffixes, dashes for dots and for the `@` of dated ids.
fn normalise(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    let mut name = name.as_str();
    while let Some(rest) = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)) {
        name = rest;
    }
    name.replace(['.', '@'], "-")
}

/// A name without the date at its end: `-20251101` (Anthropic) or `-2025-12-11` (OpenAI).
fn undated(name: &str) -> Option<&str> {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, last) = name.rsplit_once('-')?;
    if digits(last, 8) {
        return Some(rest);
    }
    let (rest, month) = rest.rsplit_once('-')?;
    let (rest, year) = rest.rsplit_once('-')?;
    (digits(last, 2) && digits(month, 2) && digits(year, 4)).then_some(rest)
}

/// A model's id, with and without its vendor's name, and its aliases.
fn own_names(model: &Model) -> Vec<String> {
    let id = model.id.as_str();
    let named = [id.to_owned(), format!("{}/{id}", model.owned_by)];
    named.iter().chain(&model.aliases).map(|name| normalise(name)).collect()
}

/// The upstream names of a model's routes, with and without the vendor.
fn upstream_names(model: &Model) -> Vec<String> {
    let upstream = model.routes.iter().map(|route| route.upstream.as_str());
    upstream.flat_map(|name| [name, name.rsplit('/').next().unwrap_or(name)]).map(normalise).collect()
}
