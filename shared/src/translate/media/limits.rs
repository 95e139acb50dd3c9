//! Pictures that can be drawn, and the limits that a model has for them.

use crate::capability::PictureLimits;
use crate::document::Value;
use crate::error::GatewayError;
use crate::wire::picture::pixels;

/// The pictures and documents of a request, counted against the limits of its model.
pub(super) struct Counted<'d> {
    limits: Option<PictureLimits>,
    count: u64,
    /// The first picture that is too large where there are many.
    large: Option<(Value<'d>, u64)>,
}

impl<'d> Counted<'d> {
    pub(super) const fn new(limits: Option<PictureLimits>) -> Self {
        Self { limits, count: 0, large: None }
    }

    /// Counts a picture or a document. Fails with 400 for one more than the model takes; a document counts as one page here.
    pub(super) fn add(&mut self, part: Value<'d>) -> Result<(), GatewayError> {
        self.count = self.count.saturating_add(1);
        match self.limits.filter(|limits| self.count > limits.most) {
            Some(PictureLimits { most, .. }) => Err(part
                .wrong(&format!("this model takes at most {most} pictures and pages in a request; leave out the oldest"))),
            None => Ok(()),
        }
    }

    /// Checks an inline picture, which stands at that place of the request.
    pub(super) fn picture(&mut self, place: Value<'d>, data: &str) -> Result<(), GatewayError> {
        let unreadable = || place.wrong("these bytes are not a readable picture").with_code("invalid_value");
        let side = pixels(data).ok_or_else(unreadable)?.longest();
        let Some(PictureLimits { bytes, side: most, side_of_many, .. }) = self.limits else { return Ok(()) };
        if data.len() as u64 > bytes {
            let megabytes = bytes / (1 << 20);
            return Err(place.wrong(&format!("this model takes pictures of at most {megabytes} MB of base64")));
        }
        if side > most {
            return Err(too_large(place, side, most, ""));
        }
        if side > side_of_many && self.large.is_none() {
            self.large = Some((place, side));
        }
        Ok(())
    }

    /// Checks what only the whole request tells.
    pub(super) fn end(self) -> Result<(), GatewayError> {
        match (self.large, self.limits) {
            (Some((place, side)), Some(limits)) if self.count > limits.many => {
                let among = format!(" among more than {} pictures and documents", limits.many);
                Err(too_large(place, side, limits.side_of_many, &among))
            }
            _ => Ok(()),
        }
    }
}

fn too_large(place: Value<'_>, side: u64, most: u64, among: &str) -> GatewayError {
    place.wrong(&format!(
        "this picture has a side of {side} px, and this model takes at most {most} px{among}; make it smaller"
    ))
}
