//! Checks that images can be decoded, and a model's limits for them.

use crate::capability::PictureLimits;
use crate::document::Value;
use crate::error::GatewayError;
use crate::wire::picture::pixels;
use crate::wire::request::unsupported;
use crate::wire::target::Target;

/// The images and documents of a request, counted against the limits of its model.
pub(super) struct Counted<'d> {
    limits: Option<PictureLimits>,
    shortest_side: u64,
    least_area: u64,
    count: u64,
    /// The first image that is too large for a request with many.
    large: Option<(Value<'d>, u64)>,
}

impl<'d> Counted<'d> {
    pub(super) fn new(target: &Target<'_>) -> Self {
        let limits = target.capabilities.media.limits;
        Self { limits, shortest_side: target.shortest_side(), least_area: target.least_area(), count: 0, large: None }
    }

    /// Counts an image or a document. Fails with a 400 above the model's maximum. A document counts as one page.
    pub(super) fn add(&mut self, part: Value<'d>) -> Result<(), GatewayError> {
        self.count = self.count.saturating_add(1);
        match self.limits.filter(|limits| self.count > limits.most) {
            Some(PictureLimits { most, .. }) => {
                Err(part
                    .wrong(&format!("this model accepts at most {most} images and pages per request; remove the oldest")))
            }
            None => Ok(()),
        }
    }

    /// Checks an inline image at this position of the request.
    pub(super) fn picture(&mut self, place: Value<'d>, data: &str) -> Result<(), GatewayError> {
        let unreadable = || place.wrong("these bytes are not a readable image").with_code("invalid_value");
        let pixels = pixels(data).ok_or_else(unreadable)?;
        if pixels.shortest() < self.shortest_side {
            let words = format!("images with a side below {} px; enlarge this one or leave it out", self.shortest_side);
            return Err(unsupported(place, &words));
        }
        if pixels.width.saturating_mul(pixels.height) < self.least_area {
            let words = format!("images with fewer than {} pixels; enlarge this one or leave it out", self.least_area);
            return Err(unsupported(place, &words));
        }
        let side = pixels.longest();
        let Some(PictureLimits { bytes, side: most, side_of_many, .. }) = self.limits else { return Ok(()) };
        if data.len() as u64 > bytes {
            let megabytes = bytes / (1 << 20);
            return Err(place.wrong(&format!("this model accepts images of at most {megabytes} MB of base64")));
        }
        if side > most {
            return Err(too_large(place, side, most, ""));
        }
        if side > side_of_many && self.large.is_none() {
            self.large = Some((place, side));
        }
        Ok(())
    }

    /// Checks what depends on the whole request.
    pub(super) fn end(self) -> Result<(), GatewayError> {
        match (self.large, self.limits) {
            (Some((place, side)), Some(limits)) if self.count > limits.many => {
                let among = format!(" in a request with more than {} images and documents", limits.many);
                Err(too_large(place, side, limits.side_of_many, &among))
            }
            _ => Ok(()),
        }
    }
}

fn too_large(place: Value<'_>, side: u64, most: u64, among: &str) -> GatewayError {
    place.wrong(&format!(
        "this image has a side of {side} px, but this model accepts at most {most} px{among}; scale it down"
    ))
}
