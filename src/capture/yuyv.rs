//! YUYV (YUV 4:2:2, BT.601, limited range) -> RGB, in integers.

use super::{Frame, Refusal};

/// Converts one YUYV picture of `width` x `height` into `frame`.
///
/// Bytes after the picture are ignored: buffers are longer than pictures. Since the buffer's used length is
/// lost, a picture that arrived short cannot be told from a whole one; older uvcvideo drivers drop those
/// themselves, newer ones only with `nodrop=0`. Prefer MJPG, where it can be told.
///
/// # Errors
/// [`Refusal::Short`] when there are fewer than `width * height * 2` bytes, [`Refusal::Damaged`] when
/// `width` is odd: two neighbours share their colour.
pub fn to_rgb(yuyv: &[u8], width: u32, height: u32, frame: &mut Frame) -> Result<(), Refusal> {
    if !width.is_multiple_of(2) {
        return Err(Refusal::Damaged { what: format!("YUYV cannot be {width} pixels wide") });
    }
    let expected = width as usize * height as usize * 2;
    if yuyv.len() < expected {
        return Err(Refusal::Short { got: yuyv.len(), expected });
    }
    frame.resize(width, height);
    let pairs = yuyv[..expected].chunks_exact(4);
    for (rgb, yuyv) in frame.pixels.chunks_exact_mut(6).zip(pairs) {
        let (u, v) = (i32::from(yuyv[1]) - 128, i32::from(yuyv[3]) - 128);
        // The matrix of BT.601 in 1/256: 255/219, 1.596, -0.392, -0.813, 2.017; 128 rounds.
        let red = 409 * v + 128;
        let green = -100 * u - 208 * v + 128;
        let blue = 516 * u + 128;
        let (first, second) = rgb.split_at_mut(3);
        for (pixel, luma) in [(first, yuyv[0]), (second, yuyv[2])] {
            let luma = 298 * (i32::from(luma) - 16);
            pixel[0] = to_byte(luma + red);
            pixel[1] = to_byte(luma + green);
            pixel[2] = to_byte(luma + blue);
        }
    }
    Ok(())
}

fn to_byte(value: i32) -> u8 {
    (value >> 8).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(y: u8, u: u8, v: u8) -> [u8; 3] {
        let mut frame = Frame::default();
        to_rgb(&[y, u, y, v], 2, 1, &mut frame).unwrap();
        assert_eq!(frame.pixels[..3], frame.pixels[3..]);
        [frame.pixels[0], frame.pixels[1], frame.pixels[2]]
    }

    #[test]
    fn colour_bars_of_bt601_come_out_as_their_colours() {
        // 100 % bars as BT.601 codes them.
        let bars = [
            ([16, 128, 128], [0, 0, 0]),
            ([235, 128, 128], [255, 255, 255]),
            ([126, 128, 128], [128, 128, 128]),
            ([81, 90, 240], [255, 0, 0]),
            ([145, 54, 34], [0, 255, 0]),
            ([41, 240, 110], [0, 0, 255]),
            ([210, 16, 146], [255, 255, 0]),
            ([170, 166, 16], [0, 255, 255]),
            ([106, 202, 222], [255, 0, 255]),
        ];
        for ([y, u, v], colour) in bars {
            let got = pixel(y, u, v);
            for (got, wanted) in got.into_iter().zip(colour) {
                assert!(i32::from(got).abs_diff(wanted) <= 2, "{y} {u} {v}: {got:?} is not {colour:?}");
            }
        }
        assert_eq!(pixel(0, 0, 0), [0, 135, 0]);
        assert_eq!(pixel(255, 255, 255), [255, 125, 255]);
    }

    #[test]
    fn neighbours_share_colour_but_not_luma_and_the_rest_of_the_buffer_is_ignored() {
        let mut frame = Frame::default();
        to_rgb(&[16, 128, 235, 128, 99, 99, 99, 99], 2, 1, &mut frame).unwrap();
        assert_eq!(frame.pixels, [0, 0, 0, 255, 255, 255]);
        assert_eq!((frame.width, frame.height), (2, 1));
    }

    #[test]
    fn short_and_odd_pictures_are_refused() {
        let mut frame = Frame::default();
        assert_eq!(to_rgb(&[16; 7], 2, 2, &mut frame), Err(Refusal::Short { got: 7, expected: 8 }));
        assert!(matches!(to_rgb(&[16; 64], 3, 2, &mut frame), Err(Refusal::Damaged { .. })));
    }
}
