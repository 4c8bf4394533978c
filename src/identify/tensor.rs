//! region of frame -> the network's input bytes.
//!
//! Resizing is an area mean: each output pixel is the mean of the input pixels it covers, weighted by how much of
//! each it covers. That is what the training pictures went through, it cannot alias, and it needs no float.
//!
//! The weight of an input pixel is its share of the row times its share of the column, so the two directions are
//! summed one after the other: first down the columns, whole rows at a time, then along the row that came of it.

use super::bundle::{Layout, ModelSpec};
use super::error::IdentifyError;
use crate::capture::Frame;
use crate::detect::Region;

/// Position unit: 1/256 of an input pixel.
const UNIT: u64 = 256;

/// The input pixels one output pixel covers along one axis.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: usize,
    last: usize,
    /// What it does not cover of the first pixel, in [`UNIT`]s.
    before: u16,
    /// What it does not cover of the last pixel, in [`UNIT`]s.
    after: u16,
}

impl Span {
    fn new(index: u32, outputs: u32, inputs: u32) -> Self {
        let edge = |index: u32| u64::from(index) * u64::from(inputs) * UNIT / u64::from(outputs);
        let (from, to) = (edge(index), edge(index + 1).max(edge(index) + 1));
        let (first, last) = (from / UNIT, (to - 1) / UNIT);
        Self {
            first: first as usize,
            last: last as usize,
            before: (from - first * UNIT) as u16,
            after: ((last + 1) * UNIT - to) as u16,
        }
    }

    /// Its length in [`UNIT`]s.
    const fn length(self) -> u64 {
        (self.last - self.first + 1) as u64 * UNIT - self.before as u64 - self.after as u64
    }

    /// How much it covers of the pixel at `position`, which must be one of its own, in [`UNIT`]s.
    fn weight(self, position: usize) -> u16 {
        let before = if position == self.first { self.before } else { 0 };
        let after = if position == self.last { self.after } else { 0 };
        UNIT as u16 - before - after
    }

    /// The weighted sum of the pixels it covers of `line`, for each colour.
    fn sum(self, line: &[[u32; 3]]) -> [u64; 3] {
        let covered = &line[self.first..=self.last];
        let mut sums = [0u64; 3];
        for pixel in covered {
            sums = [0, 1, 2].map(|colour| sums[colour] + u64::from(pixel[colour]));
        }
        // Everything at full weight, less what the ends do not cover.
        let (first, last) = (covered[0].map(u64::from), line[self.last].map(u64::from));
        let (before, after) = (u64::from(self.before), u64::from(self.after));
        [0, 1, 2].map(|colour| sums[colour] * UNIT - before * first[colour] - after * last[colour])
    }
}

/// Rows of a region for each row of the output, at most: their weighted sum must fit 32 bits.
const MOST_ROWS: u32 = u32::MAX / (UNIT as u32 * 255) - 1;

/// Squashes regions of frames to the network's size. It keeps its buffers, so that it allocates only when a region is
/// wider than any before.
#[derive(Debug, Default)]
pub struct Resizer {
    /// The columns of the region that each column of the output covers.
    columns: Vec<Span>,
    /// One row of the output, still as wide as the region: weighted sums down its columns, three to a pixel.
    line: Vec<u32>,
}

impl Resizer {
    /// Squashes `region` of `frame` to `spec.width` x `spec.height` into `input` (`3 * width * height` bytes in the
    /// order of `spec.layout`).
    ///
    /// # Errors
    /// When the region does not lie inside the frame, or has more than 65,000 rows for each of the network's.
    pub fn fill(
        &mut self,
        frame: &Frame,
        region: Region,
        spec: &ModelSpec,
        input: &mut [u8],
    ) -> Result<(), IdentifyError> {
        check(frame, region, spec)?;
        self.columns.clear();
        self.columns.extend((0..spec.width).map(|column| Span::new(column, spec.width, region.width)));
        let plane = spec.width as usize * spec.height as usize;
        let (pixel_step, channel_step) = match spec.layout {
            Layout::Nhwc => (3, 1),
            Layout::Nchw => (1, plane),
        };
        let mut at = 0;
        for row in 0..spec.height {
            let rows = Span::new(row, spec.height, region.height);
            self.sum_rows(frame, region, rows);
            let (line, _) = self.line.as_chunks();
            for span in &self.columns {
                let area = rows.length() * span.length();
                for (colour, sum) in span.sum(line).into_iter().enumerate() {
                    input[at + colour * channel_step] = ((sum + area / 2) / area) as u8;
                }
                at += pixel_step;
            }
        }
        Ok(())
    }

    /// Sums the rows of one span into the line.
    fn sum_rows(&mut self, frame: &Frame, region: Region, rows: Span) {
        let stride = frame.width as usize * 3;
        let length = region.width as usize * 3;
        self.line.clear();
        self.line.resize(length, 0);
        for row in rows.first..=rows.last {
            let weight = rows.weight(row);
            let from = (region.y as usize + row) * stride + region.x as usize * 3;
            for (sum, &value) in self.line.iter_mut().zip(&frame.pixels[from..from + length]) {
                // 256 times 255 still fits, and the narrower multiplication is the faster one.
                *sum += u32::from(weight * u16::from(value));
            }
        }
    }
}

fn check(frame: &Frame, region: Region, spec: &ModelSpec) -> Result<(), IdentifyError> {
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
    if region.height / spec.height >= MOST_ROWS {
        return Err(IdentifyError::Rows { rows: region.height, outputs: spec.height });
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
        Resizer::default().fill(frame, region, spec, &mut input).unwrap();
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
        let error = Resizer::default()
            .fill(&picture, outside, &spec(Layout::Nhwc, 16, 16), &mut [0; 768])
            .unwrap_err();
        assert!(error.to_string().contains("4x4 at 5,0"), "{error}");
    }

    #[test]
    fn the_tallest_region_is_summed_right_and_taller_ones_are_refused() {
        let tall = |rows: u32| {
            let (white, region) = (frame(1, rows, |_, _| [255; 3]), Region::whole(1, rows));
            let mut input = [0; 3];
            Resizer::default().fill(&white, region, &spec(Layout::Nhwc, 1, 1), &mut input).map(|()| input)
        };
        assert_eq!(tall(MOST_ROWS - 1).unwrap(), [255; 3]);
        assert!(tall(MOST_ROWS).unwrap_err().to_string().contains("crop"));
    }

    /// The mean of each output pixel by itself, straight from the definition, to hold the resizer against.
    fn area_means(frame: &Frame, region: Region, spec: &ModelSpec) -> Vec<u8> {
        // The input pixels that output `index` covers along one axis, with how much of each in 1/256.
        let covered = |index: u32, outputs: u32, inputs: u32| {
            let edge = |index: u32| u64::from(index) * u64::from(inputs) * 256 / u64::from(outputs);
            let (from, to) = (edge(index), edge(index + 1).max(edge(index) + 1));
            let pixels = from / 256..to.div_ceil(256);
            pixels.map(move |at| (at as usize, to.min((at + 1) * 256) - from.max(at * 256)))
        };
        let mut means = Vec::new();
        for (row, column) in (0..spec.height).flat_map(|y| (0..spec.width).map(move |x| (y, x))) {
            let (mut sums, mut area) = ([0u64; 3], 0u64);
            for (y, height) in covered(row, spec.height, region.height) {
                for (x, width) in covered(column, spec.width, region.width) {
                    let pixel = (region.y as usize + y) * frame.width as usize + region.x as usize + x;
                    for (channel, sum) in sums.iter_mut().enumerate() {
                        *sum += width * height * u64::from(frame.pixels[pixel * 3 + channel]);
                    }
                    area += width * height;
                }
            }
            means.extend(sums.map(|sum| ((sum + area / 2) / area) as u8));
        }
        means
    }

    /// A region inside a picture of random bytes.
    fn region_of_a_picture() -> impl Strategy<Value = (Frame, Region)> {
        let axis = || (1u32..120, 0u32..40, 0u32..40);
        (axis(), axis(), any::<u64>()).prop_map(|((width, left, right), (height, top, bottom), seed)| {
            let rng = std::cell::RefCell::new(fastrand::Rng::with_seed(seed));
            let pixel = |_, _| [(); 3].map(|()| rng.borrow_mut().u8(..));
            let picture = frame(left + width + right, top + height + bottom, pixel);
            (picture, Region { x: left, y: top, width, height })
        })
    }

    proptest! {
        #[test]
        fn both_directions_together_make_the_area_mean(
            pictures in proptest::collection::vec(region_of_a_picture(), 1..4),
            width in 1u32..70,
            height in 1u32..70,
        ) {
            // One resizer for all: nothing of one region may be left for the next.
            let mut resizer = Resizer::default();
            let (rows, planes) = (spec(Layout::Nhwc, width, height), spec(Layout::Nchw, width, height));
            let mut input = vec![0; (width * height * 3) as usize];
            for (picture, region) in &pictures {
                let means = area_means(picture, *region, &rows);
                resizer.fill(picture, *region, &rows, &mut input).unwrap();
                prop_assert_eq!(&input, &means);
                resizer.fill(picture, *region, &planes, &mut input).unwrap();
                for (channel, plane) in input.chunks_exact((width * height) as usize).enumerate() {
                    prop_assert!(plane.iter().eq(means.iter().skip(channel).step_by(3)));
                }
            }
        }

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
