//! The reserved worst-case cost and the concurrency slot of a running request.
//!
//! Every request rewrites the key's item, and each KB of it costs a write unit. An entry of its maps therefore has at most
//! [`LARGEST_ENTRY`] bytes: its name is the request's UUID in base64url, and its value is binary, with times as differences
//! from the time in the UUID.
//!
//! Earlier versions wrote text under the id as it is displayed (`req_...`). Such entries are read, released and moved
//! unchanged, for requests that run while a new version is deployed. No new ones are written.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use ring::digest::{SHA256, digest};

use super::{text, varint};
use crate::ids::RequestId;
use crate::money::PicoUsd;
use crate::store::StoreError;

/// The maximum size of a hold's entry by DynamoDB's rules (name, value and one byte) for any existing price: eight bytes of
/// money are 72,000 dollars, four bytes of tokens are 268 million.
pub const LARGEST_ENTRY: usize = 48;

/// The first byte of a packed value.
const HOLD: u8 = 1;
const MARK: u8 = 2;

/// Seconds of a rate-limit window.
pub const WINDOW: u64 = 60;

/// What is reserved for a running request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// When it expires, in seconds since the epoch. Its process cannot be running any more then.
    pub expires: u64,
    /// The minute from which it took its tokens, in seconds since the epoch.
    pub window: u64,
    /// The amount taken from the balance, in pico-dollars: the highest possible cost.
    pub amount: PicoUsd,
    /// The tokens taken from the window.
    pub tokens: u64,
    /// The model, for the record of a request that did not finish.
    pub model: HeldModel,
}

/// The model of a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldModel {
    /// The first four bytes of the SHA-256 of its public id.
    Tag([u8; 4]),
    /// Its public id, in a hold of the earlier text form.
    Name(String),
}

impl HeldModel {
    /// The model with this public id.
    pub fn of(id: &str) -> Self {
        let mut tag = [0; 4];
        for (byte, hashed) in tag.iter_mut().zip(digest(&SHA256, id.as_bytes()).as_ref()) {
            *byte = *hashed;
        }
        Self::Tag(tag)
    }

    /// Whether it is the model with this public id.
    pub fn is(&self, id: &str) -> bool {
        match self {
            Self::Tag(_) => *self == Self::of(id),
            Self::Name(name) => name == id,
        }
    }
}

/// Replaces a hold that was released after an admission with an unknown result, so that a late duplicate of that admission
/// finds its place taken.
const RELEASED: &str = "released";

/// An entry among a key's expired holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expired {
    /// Expired, and not resolved yet.
    Dead(Hold),
    /// Resolved. The mark is kept until this time, in seconds since the epoch.
    Released(u64),
}

/// An entry of the maps of a key's item: the attribute's name and its value.
pub type Entry = (String, AttributeValue);

impl Hold {
    /// The entry of a request. The same hold always gives the same entry, so that conditions of writes can compare it.
    pub fn entry(&self, request: RequestId) -> Entry {
        match self.model {
            HeldModel::Tag(tag) => (request.packed(), AttributeValue::B(Blob::new(self.pack(request, tag)))),
            HeldModel::Name(_) => (request.to_string(), text(self.to_text())),
        }
    }

    /// The mark that replaces the entry, under the same name.
    pub fn mark(&self, request: RequestId, until: u64) -> Entry {
        match self.model {
            HeldModel::Tag(_) => packed_mark(request, until),
            HeldModel::Name(_) => text_mark(request, until),
        }
    }

    /// Reads an entry.
    pub fn read(name: &str, value: &AttributeValue) -> Result<(RequestId, Self), StoreError> {
        match Expired::read(name, value)? {
            (request, Expired::Dead(hold)) => Ok((request, hold)),
            (_, Expired::Released(_)) => Err(malformed()),
        }
    }

    fn pack(&self, request: RequestId, tag: [u8; 4]) -> Vec<u8> {
        let (start, window) = moments(request);
        let mut bytes = Vec::with_capacity(LARGEST_ENTRY);
        bytes.push(HOLD);
        varint::put_difference(self.expires, start, &mut bytes);
        varint::put_difference(self.window, window, &mut bytes);
        varint::put(self.amount.pico(), &mut bytes);
        varint::put(u128::from(self.tokens), &mut bytes);
        bytes.extend(tag);
        bytes
    }

    fn unpack(request: RequestId, mut bytes: &[u8]) -> Option<Self> {
        let (start, window) = moments(request);
        let bytes = &mut bytes;
        Some(Self {
            expires: varint::take_difference(start, bytes)?,
            window: varint::take_difference(window, bytes)?,
            amount: PicoUsd::new(varint::take(bytes)?),
            tokens: u64::try_from(varint::take(bytes)?).ok()?,
            model: HeldModel::Tag(<[u8; 4]>::try_from(*bytes).ok()?),
        })
    }

    /// One line for the log, which [`Self::from_text`] reads.
    pub fn to_text(&self) -> String {
        let Self { expires, window, amount, tokens, model } = self;
        let model = match model {
            HeldModel::Tag(tag) => format!("#{:08x}", u32::from_be_bytes(*tag)),
            HeldModel::Name(name) => name.clone(),
        };
        format!("{expires};{window};{};{tokens};{model}", amount.pico())
    }

    /// Reads a hold from such a line.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut fields = text.splitn(5, ';');
        Some(Self {
            expires: fields.next()?.parse().ok()?,
            window: fields.next()?.parse().ok()?,
            amount: PicoUsd::new(fields.next()?.parse().ok()?),
            tokens: fields.next()?.parse().ok()?,
            model: match fields.next()? {
                // No model id starts with this character.
                tag if tag.starts_with('#') => HeldModel::Tag(u32::from_str_radix(tag.get(1..)?, 16).ok()?.to_be_bytes()),
                name => HeldModel::Name(name.to_owned()),
            },
        })
    }
}

impl Expired {
    /// The entry of a request.
    pub fn entry(&self, request: RequestId) -> Entry {
        match self {
            Self::Dead(hold) => hold.entry(request),
            Self::Released(until) => packed_mark(request, *until),
        }
    }

    /// Reads an entry.
    pub fn read(name: &str, value: &AttributeValue) -> Result<(RequestId, Self), StoreError> {
        let request = RequestId::parse(name).or_else(|| RequestId::unpacked(name));
        let request = request.ok_or_else(|| StoreError::Malformed("not a request's id".into()))?;
        let read = match (value.as_b(), value.as_s()) {
            (Ok(bytes), _) => Self::unpack(request, bytes.as_ref()),
            (Err(_), Ok(text)) => Self::from_text(text),
            (Err(_), Err(_)) => None,
        };
        read.map(|read| (request, read)).ok_or_else(malformed)
    }

    fn unpack(request: RequestId, bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&HOLD, rest) => Hold::unpack(request, rest).map(Self::Dead),
            (&MARK, mut rest) => {
                let until = varint::take_difference(moments(request).0, &mut rest)?;
                rest.is_empty().then_some(Self::Released(until))
            }
            _ => None,
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        match text.split_once(';') {
            Some((until, RELEASED)) => until.parse().ok().map(Self::Released),
            Some(_) | None => Hold::from_text(text).map(Self::Dead),
        }
    }
}

/// The mark of a released hold.
pub fn packed_mark(request: RequestId, until: u64) -> Entry {
    let mut bytes = vec![MARK];
    varint::put_difference(until, moments(request).0, &mut bytes);
    (request.packed(), AttributeValue::B(Blob::new(bytes)))
}

/// The mark of a hold that was released in the text form.
pub fn text_mark(request: RequestId, until: u64) -> Entry {
    (request.to_string(), text(format!("{until};{RELEASED}")))
}

/// When a request started, and the minute of that time, in seconds since the epoch. Times in its entry are stored relative
/// to them.
fn moments(request: RequestId) -> (u64, u64) {
    let start = request.started().as_secs();
    (start, start - start % WINDOW)
}

fn malformed() -> StoreError {
    StoreError::Malformed("not a hold".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first millisecond of the second 1,800,000,090, in the middle of a minute.
    fn request() -> RequestId {
        RequestId::parse(&format!("req_{:012x}7fff8fffffffffffffff", 1_800_000_090_000_u64)).unwrap()
    }

    fn hold(model: HeldModel) -> Hold {
        let (expires, window) = (1_800_001_110, 1_800_000_060);
        Hold { expires, window, amount: PicoUsd::new(50_000_000_000), tokens: 20_000, model }
    }

    fn read(entry: &Entry) -> Result<(RequestId, Expired), StoreError> {
        Expired::read(&entry.0, &entry.1)
    }

    fn size(entry: &Entry) -> usize {
        let (name, value) = entry;
        1 + name.len() + value.as_b().map_or_else(|_| value.as_s().unwrap().len(), |bytes| bytes.as_ref().len())
    }

    #[test]
    fn entries_of_both_forms_are_read_as_they_were_written() {
        for model in [HeldModel::of("gpt-5.2"), HeldModel::Name("gpt-5.2".to_owned())] {
            for expires in [0, 1_800_001_110, u64::MAX] {
                let hold = Hold { expires, ..hold(model.clone()) };
                let (name, value) = hold.entry(request());
                assert_eq!(Hold::read(&name, &value), Ok((request(), hold.clone())));
                assert_eq!(read(&hold.mark(request(), expires)), Ok((request(), Expired::Released(expires))));
                assert_eq!(Hold::from_text(&hold.to_text()), Some(hold));
            }
        }
    }

    #[test]
    fn a_hold_of_an_earlier_version_keeps_its_name_and_its_text() {
        let (name, value) = hold(HeldModel::Name("gpt-5.2".to_owned())).entry(request());
        assert_eq!(name, request().to_string());
        assert_eq!(value, text("1800001110;1800000060;50000000000;20000;gpt-5.2"));
        assert_eq!(text_mark(request(), 5), (request().to_string(), text("5;released")));
    }

    #[test]
    fn an_entry_takes_at_most_48_bytes() {
        let usual = hold(HeldModel::of("gpt-5.2"));
        let large = Hold {
            expires: usual.expires + 3_600,
            window: usual.window + 60,
            amount: PicoUsd::new((1 << 56) - 1),
            tokens: (1 << 28) - 1,
            ..usual.clone()
        };
        assert_eq!((size(&usual.entry(request())), size(&large.entry(request()))), (40, 43));
        assert!(size(&large.entry(request())) <= LARGEST_ENTRY);
    }

    #[test]
    fn a_model_is_known_by_the_tag_of_its_id() {
        assert!(HeldModel::of("gpt-5.2").is("gpt-5.2") && !HeldModel::of("gpt-5.2").is("gpt-5.1"));
        // `printf gpt-5.2 | sha256sum`
        assert_eq!(hold(HeldModel::of("gpt-5.2")).to_text(), "1800001110;1800000060;50000000000;20000;#131e2083");
    }

    #[test]
    fn what_is_no_entry_is_malformed() {
        let name = request().packed();
        let packed = |bytes: &[u8]| AttributeValue::B(Blob::new(bytes));
        let whole = hold(HeldModel::of("gpt-5.2")).pack(request(), [1, 2, 3, 4]);
        let longer = [whole.as_slice(), &[0]].concat();
        for value in
            [packed(&[]), packed(&[3]), packed(&longer), packed(&whole[..whole.len() - 1]), text("1;2;x;4;m"), text("1;2")]
        {
            assert!(read(&(name.clone(), value.clone())).is_err(), "{value:?}");
        }
        assert!(read(&("x".to_owned(), packed(&whole))).is_err());
        assert!(Hold::read(&name, &packed_mark(request(), 5).1).is_err(), "a mark is no running request");
    }
}
