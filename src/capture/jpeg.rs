//! One JPEG of a camera -> RGB, or the reason why not.
//!
//! V4L2 hands over a whole buffer without the used length, and a camera may cut a picture short, so that the
//! buffer goes on with an older one; newer uvcvideo drivers (`nodrop=1`) also hand over pictures that lost a
//! packet in the middle. So the end of the picture is searched marker by marker, the numbers of the restart
//! markers must follow each other, the data must last to the last row, and [`super::tails`] compares the tail
//! with what lay in the same buffer before. What stays undetected: flipped bits that still make as many codes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{CaptureError, Frame, Refusal};

/// Bytes of the marker that ends a picture.
const END_MARKER: usize = 2;
/// In narrower pictures the last row of units can be shorter than the decoder's look-ahead of 8 bytes, so that
/// it would meet the end too early in a whole one.
const LOOK_AHEAD_MIN_WIDTH: u32 = 128;

/// The begin of a picture of a Motion JPEG: the decoder then takes the standard Huffman tables for those that
/// are left out. Many cameras leave out all of them, and the mark too.
const STANDARD_TABLES: [u8; 11] = *b"\xFF\xD8\xFF\xE0\x00\x07AVI1\0";

/// Decodes pictures of one size into frames, and refuses the others.
#[derive(Debug)]
pub struct JpegDecoder {
    width: u32,
    height: u32,
    refused: u64,
    /// A picture without tables, with the mark that makes the decoder use the standard ones.
    marked: Vec<u8>,
}

impl JpegDecoder {
    /// A decoder for pictures of `width` x `height`.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height, refused: 0, marked: Vec::new() }
    }

    /// Decodes the picture at the start of `bytes` to RGB in `frame`, whose buffer is reused; what follows
    /// the picture is ignored. Inside, the decoder allocates its tables and rows for every picture.
    ///
    /// # Errors
    /// A [`Refusal`] when the picture is cut, damaged or of another size; `frame` then means nothing.
    pub fn decode(&mut self, bytes: &[u8], frame: &mut Frame) -> Result<(), Refusal> {
        let result = self.try_decode(bytes, frame);
        self.refused += u64::from(result.is_err());
        result
    }

    /// How many pictures were refused.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    fn try_decode(&mut self, bytes: &[u8], frame: &mut Frame) -> Result<(), Refusal> {
        let layout = Layout::of(bytes)?;
        layout.must_be(self.width, self.height)?;
        frame.resize(self.width, self.height);
        // Without its end marker a picture that lost a piece in the middle is one whose data end too early,
        // which the decoder refuses; with it, it would fill up the rest and call it good.
        let end = if layout.one_scan && layout.width >= LOOK_AHEAD_MIN_WIDTH { END_MARKER } else { 0 };
        let mut picture = &bytes[..layout.length - end];
        if !layout.has_tables {
            self.marked.clear();
            self.marked.extend_from_slice(&STANDARD_TABLES);
            self.marked.extend_from_slice(&picture[2..]);
            picture = &self.marked;
        }
        // The bytes come from outside; a panic of the decoder must not take the camera with it.
        catch_unwind(AssertUnwindSafe(|| decode_checked(picture, &mut frame.pixels)))
            .unwrap_or_else(|_| damaged("the decoder panicked on it"))
    }
}

/// Decodes a picture whose layout was checked.
fn decode_checked(picture: &[u8], pixels: &mut [u8]) -> Result<(), Refusal> {
    let options = DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(picture), options);
    let refused = |why: zune_jpeg::errors::DecodeErrors| Refusal::Damaged { what: why.to_string() };
    decoder.decode_headers().map_err(refused)?;
    if decoder.output_buffer_size() != Some(pixels.len()) {
        return damaged("its colours are not RGB, YCbCr or grey");
    }
    decoder.decode_into(pixels).map_err(refused)
}

/// Where a JPEG ends and how large its picture is, found without decoding it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes from the begin marker to the end marker, both included.
    pub length: usize,
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Whether it is coded row by row, all colours together, as those of cameras are.
    one_scan: bool,
    /// Whether it brings Huffman tables.
    has_tables: bool,
}

/// What the frame header says.
#[derive(Clone, Copy)]
struct Header {
    width: u32,
    height: u32,
    components: u8,
    /// Pixels per row and rows of one coded unit.
    unit: (u32, u32),
    baseline: bool,
}

impl Layout {
    /// Walks over the markers of the picture at the start of `bytes`.
    ///
    /// # Errors
    /// A [`Refusal`] when it does not begin with FFD8, has no FFD9, or its markers make no sense.
    pub fn of(bytes: &[u8]) -> Result<Self, Refusal> {
        if !bytes.starts_with(&[0xFF, 0xD8]) {
            return Err(Refusal::NotJpeg);
        }
        let mut header: Option<Header> = None;
        let (mut restart_interval, mut has_tables) = (0, false);
        let mut at = 2;
        loop {
            let marker = marker_at(bytes, &mut at)?;
            if marker == 0xD9 {
                return damaged("it ends before its picture");
            }
            let segment = segment_at(bytes, &mut at)?;
            match marker {
                0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                    if header.is_some() {
                        return damaged("it has two frame headers");
                    }
                    header = Some(Header::parse(marker, segment)?);
                }
                0xC4 => has_tables = true,
                0xDD => restart_interval = u32::from(be16(segment, 0)?),
                0xDA => {
                    let Some(header) = header else {
                        return damaged("its picture has no frame header");
                    };
                    let restarts = skip_scan(bytes, &mut at)?;
                    let whole = header.baseline && segment.first() == Some(&header.components);
                    if whole && header.restarts(restart_interval) != restarts {
                        return damaged("restart markers are missing");
                    }
                    if bytes[at + 1] == 0xD9 {
                        let (length, Header { width, height, .. }) = (at + END_MARKER, header);
                        return Ok(Self { length, width, height, one_scan: whole, has_tables });
                    }
                }
                0x01 | 0xD0..=0xD8 => return damaged("a marker is out of place"),
                _ => {}
            }
        }
    }

    /// Refuses any other size.
    ///
    /// # Errors
    /// [`Refusal::WrongSize`].
    pub fn must_be(&self, width: u32, height: u32) -> Result<(), Refusal> {
        if (self.width, self.height) == (width, height) {
            return Ok(());
        }
        Err(Refusal::WrongSize { width, height, got_width: self.width, got_height: self.height })
    }
}

impl Header {
    fn parse(marker: u8, segment: &[u8]) -> Result<Self, Refusal> {
        let short = || Refusal::Damaged { what: "its frame header is short".to_owned() };
        let components = *segment.get(5).ok_or_else(short)?;
        let mut unit = (1, 1);
        for component in 0..usize::from(components) {
            let sampling = u32::from(*segment.get(7 + component * 3).ok_or_else(short)?);
            unit = (unit.0.max(sampling >> 4), unit.1.max(sampling & 15));
        }
        if components == 1 {
            unit = (1, 1); // a lone component is coded block by block, whatever it declares
        }
        let header = Self {
            height: u32::from(be16(segment, 1)?),
            width: u32::from(be16(segment, 3)?),
            components,
            unit: (unit.0 * 8, unit.1 * 8),
            baseline: matches!(marker, 0xC0 | 0xC1),
        };
        if header.width == 0 || header.height == 0 || components == 0 {
            return damaged("its frame header says that it is empty");
        }
        Ok(header)
    }

    /// How many restart markers a scan of all components has.
    const fn restarts(&self, interval: u32) -> u32 {
        if interval == 0 {
            return 0;
        }
        let units = self.width.div_ceil(self.unit.0) * self.height.div_ceil(self.unit.1);
        units.div_ceil(interval) - 1
    }
}

/// Reads the marker at `at` and steps over it; any number of FF may fill the space before it.
fn marker_at(bytes: &[u8], at: &mut usize) -> Result<u8, Refusal> {
    if bytes.get(*at).is_some_and(|&byte| byte != 0xFF) {
        return damaged("there are bytes between its segments");
    }
    while bytes.get(*at) == Some(&0xFF) {
        *at += 1;
    }
    let marker = *bytes.get(*at).ok_or(Refusal::NoEnd { length: bytes.len() })?;
    *at += 1;
    Ok(marker)
}

/// The contents of the segment at `at`, which moves behind it.
fn segment_at<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8], Refusal> {
    let cut = Refusal::NoEnd { length: bytes.len() };
    let Ok(length) = be16(bytes, *at) else { return Err(cut) };
    if length < 2 {
        return damaged("a segment is shorter than its own length");
    }
    let segment = bytes.get(*at + 2..*at + usize::from(length)).ok_or(cut)?;
    *at += usize::from(length);
    Ok(segment)
}

/// Moves `at` to the FF of the marker that ends the coded data; returns how many restart markers were in it.
fn skip_scan(bytes: &[u8], at: &mut usize) -> Result<u32, Refusal> {
    let mut restarts = 0;
    loop {
        let rest = bytes.get(*at..).unwrap_or_default();
        let skip = rest.iter().position(|&byte| byte == 0xFF);
        *at += skip.ok_or(Refusal::NoEnd { length: bytes.len() })?;
        match bytes.get(*at + 1) {
            None => return Err(Refusal::NoEnd { length: bytes.len() }),
            Some(0x00) => *at += 2,
            Some(0xFF) => *at += 1,
            Some(&marker @ 0xD0..=0xD7) => {
                if u32::from(marker - 0xD0) != restarts % 8 {
                    return damaged("restart markers are out of order");
                }
                restarts += 1;
                *at += 2;
            }
            Some(_) => return Ok(restarts),
        }
    }
}

fn be16(bytes: &[u8], at: usize) -> Result<u16, Refusal> {
    match bytes.get(at..at + 2) {
        Some(&[high, low]) => Ok(u16::from_be_bytes([high, low])),
        _ => damaged("a segment is short"),
    }
}

fn damaged<T>(what: &str) -> Result<T, Refusal> {
    Err(Refusal::Damaged { what: what.to_owned() })
}

/// Encodes `frame` as JPEG with `quality` (1 to 100) into `out`, whose buffer is reused.
///
/// # Errors
/// [`CaptureError::Encode`] when the frame's buffer does not fit its size, or is larger than a JPEG can be.
pub fn encode(frame: &Frame, quality: u8, out: &mut Vec<u8>) -> Result<(), CaptureError> {
    out.clear();
    let (width, height) = (frame.width, frame.height);
    let refused = |why: String| CaptureError::Encode { width, height, why };
    let expected = width as usize * height as usize * 3;
    if frame.pixels.len() != expected {
        return Err(refused(format!("it has {} bytes instead of {expected}", frame.pixels.len())));
    }
    JpegEncoder::new_with_quality(out, quality.clamp(1, 100))
        .encode(&frame.pixels, width, height, ExtendedColorType::Rgb8)
        .map_err(|why| refused(why.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A picture with structure everywhere, so that its coded data is long.
    fn picture(width: u32, height: u32, seed: u64) -> Frame {
        let mut frame = Frame::black(width, height);
        let mut random = fastrand::Rng::with_seed(seed);
        for (index, value) in frame.pixels.iter_mut().enumerate() {
            *value = (index as u32 / 3 % width * 3) as u8 / 2 + random.u8(..60);
        }
        frame
    }

    fn jpeg(width: u32, height: u32, seed: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(&picture(width, height, seed), 90, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_good_picture_comes_back_nearly_as_it_went_in_and_its_buffer_is_reused() {
        let original = picture(64, 48, 1);
        let mut bytes = Vec::new();
        encode(&original, 100, &mut bytes).unwrap();
        let end = bytes.len();
        bytes.extend_from_slice(&[0, 1, 2, 0xFF, 0xD9, 0xFF]);
        let layout = Layout::of(&bytes).unwrap();
        assert_eq!((layout.length, layout.width, layout.height), (end, 64, 48));

        let mut frame = Frame::black(64, 48);
        let buffer = frame.pixels.as_ptr();
        JpegDecoder::new(64, 48).decode(&bytes, &mut frame).unwrap();
        assert_eq!(frame.pixels.as_ptr(), buffer);
        let error: u64 =
            frame.pixels.iter().zip(&original.pixels).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        assert!(error < 3 * original.pixels.len() as u64, "mean error above 3: {error}");
    }

    #[test]
    fn a_grey_picture_decodes_to_rgb() {
        let grey: Vec<u8> = (0..32 * 16).map(|index| (index % 32 * 8) as u8).collect();
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 100).encode(&grey, 32, 16, ExtendedColorType::L8).unwrap();
        let mut frame = Frame::default();
        JpegDecoder::new(32, 16).decode(&bytes, &mut frame).unwrap();
        for (rgb, grey) in frame.pixels.chunks_exact(3).zip(&grey) {
            assert!(rgb.iter().all(|value| value.abs_diff(*grey) <= 4), "{rgb:?} is not {grey}");
        }
    }

    #[test]
    fn a_picture_without_huffman_tables_decodes_as_most_cameras_send_it() {
        let full = jpeg(160, 120, 8);
        let mut bare = full[..2].to_vec();
        let mut at = 2;
        while full[at + 1] != 0xDA {
            let next = at + 2 + usize::from(be16(&full, at + 2).unwrap());
            if full[at + 1] != 0xC4 {
                bare.extend_from_slice(&full[at..next]);
            }
            at = next;
        }
        bare.extend_from_slice(&full[at..]);
        assert!(bare.len() + 400 < full.len(), "four tables were left out");
        let (mut with, mut without) = (Frame::default(), Frame::default());
        JpegDecoder::new(160, 120).decode(&full, &mut with).unwrap();
        JpegDecoder::new(160, 120).decode(&bare, &mut without).unwrap();
        assert!(with.pixels == without.pixels);
    }

    #[test]
    fn a_picture_cut_anywhere_is_refused_and_counted() {
        let bytes = jpeg(32, 32, 2);
        let mut decoder = JpegDecoder::new(32, 32);
        let mut frame = Frame::default();
        for length in 0..bytes.len() {
            assert!(decoder.decode(&bytes[..length], &mut frame).is_err(), "accepted {length} bytes");
        }
        assert_eq!(decoder.refused(), bytes.len() as u64);
        decoder.decode(&bytes, &mut frame).unwrap();
        assert_eq!(decoder.refused(), bytes.len() as u64);
    }

    #[test]
    fn a_picture_that_lost_a_packet_in_the_middle_is_refused() {
        let bytes = jpeg(160, 120, 7);
        let mut decoder = JpegDecoder::new(160, 120);
        let mut frame = Frame::default();
        decoder.decode(&bytes, &mut frame).unwrap();
        let scan = bytes.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap() + 14;
        let mut accepted = Vec::new();
        for at in (scan..bytes.len() - 1_100).step_by(97) {
            let mut holed = bytes.clone();
            holed.drain(at..at + 1_024);
            if Layout::of(&holed).is_ok() && decoder.decode(&holed, &mut frame).is_ok() {
                accepted.push(at);
            }
        }
        assert!(accepted.is_empty(), "accepted with a hole at {accepted:?} of {}", bytes.len());
    }

    #[test]
    fn flat_pictures_of_any_width_are_whole() {
        for (width, height) in [(8, 8), (16, 64), (120, 16), (128, 8), (136, 120), (640, 480)] {
            for grey in [0, 127, 255] {
                let mut flat = Frame::black(width, height);
                flat.pixels.fill(grey);
                let mut bytes = Vec::new();
                encode(&flat, 50, &mut bytes).unwrap();
                let mut frame = Frame::default();
                let decoded = JpegDecoder::new(width, height).decode(&bytes, &mut frame);
                assert_eq!(decoded, Ok(()), "{width}x{height} of {grey}");
                assert!(frame.pixels.iter().all(|pixel| pixel.abs_diff(grey) <= 2));
            }
        }
    }

    #[test]
    fn each_fault_has_its_own_reason() {
        let good = jpeg(32, 32, 3);
        let mut decoder = JpegDecoder::new(32, 32);
        let mut decode = |bytes: &[u8]| decoder.decode(bytes, &mut Frame::default()).unwrap_err();

        assert_eq!(decode(&good[1..]), Refusal::NotJpeg);
        assert_eq!(decode(&good[..good.len() - 1]), Refusal::NoEnd { length: good.len() - 1 });
        assert_eq!(
            decode(&jpeg(32, 40, 3)),
            Refusal::WrongSize { width: 32, height: 32, got_width: 32, got_height: 40 }
        );
        assert!(matches!(decode(&[0xFF, 0xD8, 0xFF, 0xD9]), Refusal::Damaged { .. }));
        let mut restarted = good.clone();
        let middle = good.len() - 60;
        restarted.splice(middle..middle, [0xFF, 0xD3]);
        assert!(matches!(decode(&restarted), Refusal::Damaged { .. }));
    }

    /// Puts a restart interval and markers around an otherwise unchanged picture.
    fn with_restarts(markers: &[u8]) -> Vec<u8> {
        let good = jpeg(32, 32, 4);
        let scan = good.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
        let mut bytes = good[..scan].to_vec();
        bytes.extend_from_slice(&[0xFF, 0xDD, 0, 4, 0, 4]);
        bytes.extend_from_slice(&good[scan..scan + 14]);
        for marker in markers {
            bytes.extend_from_slice(&[0x12, 0x34, 0xFF, *marker]);
        }
        bytes.extend_from_slice(&[0x56, 0xFF, 0xD9]);
        bytes
    }

    #[test]
    fn restart_markers_must_be_complete_and_in_order() {
        let header = Layout::of(&with_restarts(&[0xD0, 0xD1, 0xD2]));
        assert!(header.is_ok(), "{header:?}: 16 units of 8x8 with a marker after every fourth");
        let bad: [&[u8]; 4] = [&[], &[0xD0, 0xD1], &[0xD0, 0xD2, 0xD1], &[0xD0, 0xD1, 0xD2, 0xD3]];
        for markers in bad {
            let refused = Layout::of(&with_restarts(markers));
            assert!(matches!(refused, Err(Refusal::Damaged { .. })), "{markers:?}: {refused:?}");
        }
    }

    #[test]
    fn encoding_refuses_a_frame_whose_buffer_does_not_fit() {
        let mut frame = Frame::black(8, 8);
        frame.pixels.pop();
        assert!(matches!(encode(&frame, 80, &mut Vec::new()), Err(CaptureError::Encode { .. })));
    }

    proptest! {
        #[test]
        fn damaged_pictures_never_panic(
            seed in 0_u64..4, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)
        ) {
            let mut bytes = jpeg(24, 24, seed);
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            let mut frame = Frame::default();
            if JpegDecoder::new(24, 24).decode(&bytes, &mut frame).is_ok() {
                prop_assert_eq!(frame.pixels.len(), 24 * 24 * 3);
            }
        }
    }
}
