//! How sharp and how bright the picture is, for whoever turns the lens or the lamp.

use super::Region;
use crate::capture::Frame;

/// Bars of the histogram.
const BARS: usize = 16;
/// A level within this many of black or white has lost what it showed.
const CLIPPED: u8 = 4;

/// What the region of one picture shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Focus {
    /// Variance of the Laplacian of the grey levels: greater is sharper. It depends on what lies there, so it is to be
    /// compared only with itself.
    pub sharpness: f32,
    /// Shares of the grey levels, dark to bright; together 1.
    pub histogram: [f32; BARS],
    /// Share of pixels that are as good as black.
    pub dark: f32,
    /// Share of pixels that are as good as white.
    pub bright: f32,
}

impl Focus {
    /// Looks at the region (in the camera's pixels, of which the picture may have every n-th); all zero where it does not
    /// fit.
    pub fn of(frame: &Frame, region: Region, camera_width: u32) -> Self {
        let step = (camera_width / frame.width.max(1)).max(1);
        let region = Region::from(<[u32; 4]>::from(region).map(|pixels| pixels / step));
        if !region.fits(frame.width, frame.height) || region.width < 3 || region.height < 3 {
            return Self::default();
        }
        let stride = frame.width as usize;
        let grey = |x: usize, y: usize| -> u8 {
            let at = (y * stride + x) * 3;
            let [red, green, blue] = [0, 1, 2].map(|channel| u32::from(frame.pixels[at + channel]));
            // ITU-R BT.601 luma, in 256ths.
            ((red * 77 + green * 150 + blue * 29) >> 8) as u8
        };
        let (left, top) = (region.x as usize, region.y as usize);
        let (right, bottom) = (left + region.width as usize, top + region.height as usize);
        let mut counts = [0u32; BARS];
        let (mut dark, mut bright) = (0u32, 0u32);
        let (mut sum, mut squares, mut inner) = (0.0f64, 0.0f64, 0u32);
        for y in top..bottom {
            for x in left..right {
                let level = grey(x, y);
                counts[usize::from(level) * BARS / 256] += 1;
                dark += u32::from(level < CLIPPED);
                bright += u32::from(level > 255 - CLIPPED);
                if x > left && x + 1 < right && y > top && y + 1 < bottom {
                    let around =
                        [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)].map(|(x, y)| f64::from(grey(x, y)));
                    let edge = around.iter().sum::<f64>() - 4.0 * f64::from(level);
                    sum += edge;
                    squares += edge * edge;
                    inner += 1;
                }
            }
        }
        let (pixels, inner) = ((region.width * region.height) as f32, f64::from(inner));
        let mean = sum / inner;
        Self {
            sharpness: (squares / inner - mean * mean) as f32,
            histogram: counts.map(|count| count as f32 / pixels),
            dark: dark as f32 / pixels,
            bright: bright as f32 / pixels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Region = Region { x: 0, y: 0, width: 32, height: 32 };

    /// A picture whose grey levels `level` gives for each column.
    fn picture(level: impl Fn(usize) -> u8) -> Frame {
        let mut frame = Frame::black(32, 32);
        for (index, pixel) in frame.pixels.chunks_exact_mut(3).enumerate() {
            pixel.fill(level(index % 32));
        }
        frame
    }

    #[test]
    fn an_edge_is_sharper_than_a_slope_and_a_flat_picture_is_not_sharp_at_all() {
        let edge = Focus::of(&picture(|x| if x < 16 { 60 } else { 200 }), WHOLE, 32);
        let slope =
            Focus::of(&picture(|x| if x < 8 { 60 } else { 60 + (x.min(24) - 8) as u8 * 8 }), WHOLE, 32);
        let flat = Focus::of(&picture(|_| 128), WHOLE, 32);
        assert!(edge.sharpness > 10.0 * slope.sharpness && slope.sharpness > 0.0);
        assert_eq!(flat.sharpness, 0.0);
    }

    #[test]
    fn the_histogram_counts_the_region_alone_and_says_what_is_clipped() {
        let frame = picture(|x| {
            if x < 8 {
                0
            } else if x < 24 {
                128
            } else {
                255
            }
        });
        let focus = Focus::of(&frame, WHOLE, 32);
        assert_eq!((focus.dark, focus.bright), (0.25, 0.25));
        assert_eq!((focus.histogram[0], focus.histogram[8], focus.histogram[15]), (0.25, 0.5, 0.25));
        let middle = Focus::of(&frame, Region { x: 8, width: 16, ..WHOLE }, 32);
        assert_eq!((middle.histogram[8], middle.dark), (1.0, 0.0));
        assert_eq!(
            Focus::of(&frame, Region { x: 20, width: 16, ..WHOLE }, 32),
            Focus::default(),
            "it does not fit"
        );
        let of_twice_the_size = Focus::of(&frame, Region { x: 16, y: 0, width: 32, height: 64 }, 64);
        assert_eq!(of_twice_the_size, middle);
    }
}
