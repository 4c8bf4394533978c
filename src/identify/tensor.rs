//! region of frame -> the network's input bytes.
//!
//! Resizing is an area mean: each output pixel is the mean of the input pixels it covers, weighted by how much of
//! each it covers. That is what the training pictures went through, it cannot alias, and it needs no float.

use super::bundle::{Layout, ModelSpec};
use super::error::IdentifyError;
use crate::capture::Frame;
use crate::detect::Region;

/// Position unit: 1/256 of an input pixel.
const UNIT: u64 = 256;

/// The input pixels one output pixel covers along one axis.
#[derive(Clone, Copy)]
struct Span {
    first: u32,
    last: u32,
    /// Share of the first pixel covered, in [`UNIT`]s.
    head: u32,
    /// Share of the last pixel covered, in [`UNIT`]s; unused when it is the first.
    tail: u32,
}

impl Span {
    fn new(index: u32, outputs: u32, inputs: u32) -> Self {
        let edge = |index: u32| u64::from(index) * u64::from(inputs) * UNIT / u64::from(outputs);
        let (from, to) = (edge(index), edge(index + 1).max(edge(index) + 1));
        let (first, last) = ((from / UNIT) as u32, ((to - 1) / UNIT) as u32);
        if first == last {
            return Self { first, last, head: (to - from) as u32, tail: 0 };
        }
        let head = (u64::from(first + 1) * UNIT - from) as u32;
        let tail = (to - u64::from(last) * UNIT) as u32;
        Self { first, last, head, tail }
    }

    fn weights(self) -> impl Iterator<Item = (u32, u32)> {
        (self.first..=self.last).map(move |position| {
            let weight = match position {
                position if position == self.first => self.head,
                position if position == self.last => self.tail,
                _ => UNIT as u32,
            };
            (position, weight)
        })
    }
}

/// Squashes `region` of `frame` to `spec.width` x `spec.height` into `input` (`3 * width * height` bytes in the
/// order of `spec.layout`).
///
/// # Errors
/// When the region does not lie inside the frame.
pub fn fill_input(
    frame: &Frame,
    region: Region,
    spec: &ModelSpec,
    input: &mut [u8],
) -> Result<(), IdentifyError> {
    let whole = frame.pixels.len() == frame.width as usize * frame.height as usize * 3;
    if !whole || !region.fits(frame.width, frame.height) {
        return Err(IdentifyError::Region {
            x: region.x,
            y: region.y,
            width: region.width,
            height: region.height,
            frame_width: frame.width,
            frame_height: frame.height,
        });
    }
    let plane = spec.width as usize * spec.height as usize;
    let (pixel_step, channel_step) = match spec.layout {
        Layout::Nhwc => (3, 1),
        Layout::Nchw => (1, plane),
    };
    let stride = frame.width as usize * 3;
    for row in 0..spec.height {
        let rows = Span::new(row, spec.height, region.height);
        for column in 0..spec.width {
            let columns = Span::new(column, spec.width, region.width);
            let mut sums = [0u64; 3];
            let mut area = 0u64;
            for (y, weight_y) in rows.weights() {
                let line = (region.y + y) as usize * stride + region.x as usize * 3;
                for (x, weight_x) in columns.weights() {
                    let weight = u64::from(weight_y) * u64::from(weight_x);
                    let at = line + x as usize * 3;
                    for (sum, &value) in sums.iter_mut().zip(&frame.pixels[at..at + 3]) {
                        *sum += weight * u64::from(value);
                    }
                    area += weight;
                }
            }
            let at = (row as usize * spec.width as usize + column as usize) * pixel_step;
            for (channel, sum) in sums.into_iter().enumerate() {
                input[at + channel * channel_step] = ((sum + area / 2) / area) as u8;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::bundle::Dtype;
    use super::*;
    use proptest::prelude::*;

    fn spec(layout: Layout, width: u32, height: u32) -> ModelSpec {
        ModelSpec {
            file: String::new(),
            sha256: String::new(),
            input: String::new(),
            layout,
            dtype: Dtype::Uint8,
            width,
            height,
            output: String::new(),
            embedding: None,
        }
    }

    fn frame(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Frame {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y));
        Frame { width, height, pixels: pixels.collect(), ..Frame::default() }
    }

    fn filled(frame: &Frame, region: Region, spec: &ModelSpec) -> Vec<u8> {
        let mut input = vec![0; (spec.width * spec.height * 3) as usize];
        fill_input(frame, region, spec, &mut input).unwrap();
        input
    }

    #[test]
    fn same_size_is_a_copy_in_either_layout() {
        let picture = frame(32, 16, |x, y| [x as u8, y as u8, 7]);
        let whole = Region::whole(32, 16);
        assert_eq!(filled(&picture, whole, &spec(Layout::Nhwc, 32, 16)), picture.pixels);
        let planes = filled(&picture, whole, &spec(Layout::Nchw, 32, 16));
        assert_eq!(planes[33], 1);
        assert_eq!(planes[32 * 16 + 33], 1);
        assert!(planes[2 * 32 * 16..].iter().all(|&value| value == 7));
    }

    #[test]
    fn halving_takes_the_mean_of_four_and_crops_the_region() {
        let picture = frame(8, 8, |x, y| [(x * 20) as u8, (y * 10) as u8, 0]);
        let got = filled(&picture, Region { x: 4, y: 2, width: 4, height: 4 }, &spec(Layout::Nhwc, 2, 2));
        assert_eq!(got, [90, 25, 0, 130, 25, 0, 90, 45, 0, 130, 45, 0]);
    }

    #[test]
    fn a_region_outside_the_picture_is_refused() {
        let picture = frame(8, 8, |_, _| [0; 3]);
        let outside = Region { x: 5, y: 0, width: 4, height: 4 };
        let error = fill_input(&picture, outside, &spec(Layout::Nhwc, 16, 16), &mut [0; 768]).unwrap_err();
        assert!(error.to_string().contains("4x4 at 5,0"), "{error}");
    }

    proptest! {
        #[test]
        fn values_never_leave_the_picture_s_range(
            width in 1u32..90, height in 1u32..90, low in 0u8..200, span in 0u8..55, seed in any::<u64>(),
        ) {
            let rng = std::cell::RefCell::new(fastrand::Rng::with_seed(seed));
            let picture = frame(width, height, |_, _| [(); 3].map(|()| low + rng.borrow_mut().u8(0..=span)));
            let got = filled(&picture, Region::whole(width, height), &spec(Layout::Nhwc, 24, 20));
            prop_assert!(got.iter().all(|value| (low..=low + span).contains(value)));
        }
    }
}
