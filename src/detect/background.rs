//! The empty chamber: what each cell looks like with nothing in it, and under which light.
//!
//! Light is a gain on the whole picture. A slow change of gain is followed; a sudden one is believed only if the
//! picture kept its structure (seams, corners, stains), because a sheet of cardboard over everything also changes
//! the mean, but hides the structure.

use super::grid::{CELLS, COLUMNS, Grid, ROWS};

/// Length of [`Background::to_bytes`].
pub const BACKGROUND_BYTES: usize = CELLS * 3;

/// Luma steps a cell may differ before it is foreground, at least.
const LUMA_STEP: f32 = 14.0;
/// Share of a cell's own luma it may differ before it is foreground: soft shadows scale with the light.
const LUMA_SHARE: f32 = 0.12;
/// Colour steps a cell may differ before it is foreground.
const COLOUR_STEP: f32 = 9.0;
/// Gain change per frame that is followed without question while little is in front.
const SLOW_GAIN: f32 = 0.03;
/// Gain change from which on the structure is asked.
const SUDDEN_GAIN: f32 = 0.08;
/// Share of a cell's expected luma by which another light may differ from an even one.
const RELIT_SHARE: f32 = 0.35;
/// Change of a cell's luma under which its light stayed as it was.
const KEPT_GAIN: f32 = 0.04;
/// Share of cells that kept their light above which no light was switched: something came in front of the others.
const KEPT_SHARE: f32 = 0.1;
/// Correlation of structure above which it is the same chamber in other light.
const SAME_STRUCTURE: f32 = 0.6;
/// Cells darker than this tell nothing about gain.
const GAIN_LUMA: f32 = 12.0;
/// Share of the picture in front of the chamber above which its gain is not followed.
const FOLLOW_SHARE: f32 = 0.3;

/// What [`Background::judge`] found out about the light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Judged {
    Steady,
    LightSwitched { gain: f32 },
}

/// The model of the empty chamber.
#[derive(Clone, Debug)]
pub struct Background {
    empty: Grid,
    /// Light now against the light of `empty`.
    gain: f32,
    ratios: Box<[f32; CELLS]>,
}

impl Background {
    pub(super) fn from_grid(grid: &Grid) -> Self {
        Self { empty: grid.clone(), gain: 1.0, ratios: Box::new([0.0; CELLS]) }
    }

    /// The empty chamber from a picture of it, for example the one calibration took.
    pub fn from_frame(frame: &crate::capture::Frame, region: super::Region) -> Self {
        let mut grid = Grid::default();
        grid.sample(frame, region);
        Self::from_grid(&grid)
    }

    /// Three bytes a cell (red, green, blue) under the present light, row by row: small enough to be written
    /// with each drop.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BACKGROUND_BYTES);
        for cell in 0..CELLS {
            let luma = self.empty.luma[cell] * self.gain;
            let red = luma + self.empty.red[cell] * self.gain;
            let blue = luma + self.empty.blue[cell] * self.gain;
            let green = (luma - 0.299 * red - 0.114 * blue) / 0.587;
            bytes.extend([red, green, blue].map(|value| value.round().clamp(0.0, 255.0) as u8));
        }
        bytes
    }

    /// Reads back [`Background::to_bytes`]; `None` when the length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != BACKGROUND_BYTES {
            return None;
        }
        let mut grid = Grid::default();
        for (cell, rgb) in bytes.chunks_exact(3).enumerate() {
            let [red, green, blue] = [rgb[0], rgb[1], rgb[2]].map(f32::from);
            let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
            grid.luma[cell] = luma;
            grid.red[cell] = red - luma;
            grid.blue[cell] = blue - luma;
        }
        Some(Self::from_grid(&grid))
    }

    /// Cells that would be taken for something else against the other empty chamber.
    pub fn cells_differing(&self, other: &Background) -> usize {
        let mut differing = [false; CELLS];
        self.mark(&other.empty, self.gain, &mut differing);
        differing.into_iter().filter(|differs| *differs).count()
    }

    /// Adds the `frames + 1`-th frame to the mean.
    pub(super) fn average_in(&mut self, grid: &Grid, frames: u32) {
        let weight = 1.0 / (frames + 1) as f32;
        for cell in 0..CELLS {
            self.blend(grid, cell, weight);
        }
    }

    /// Marks the cells that differ from the empty chamber, after following the light.
    pub(super) fn judge(&mut self, grid: &Grid, foreground: &mut [bool; CELLS]) -> Judged {
        let share = self.mark(grid, self.gain, foreground);
        let seen = self.median_gain(grid);
        let change = (seen / self.gain - 1.0).abs();
        if change <= SLOW_GAIN && share < FOLLOW_SHARE {
            self.gain += (seen - self.gain) * 0.1;
            return Judged::Steady;
        }
        if change >= SUDDEN_GAIN && self.kept_share(grid) < KEPT_SHARE && self.same_structure(grid) {
            let relative = seen / self.gain;
            self.gain = seen;
            self.mark(grid, seen, foreground);
            return Judged::LightSwitched { gain: relative };
        }
        Judged::Steady
    }

    /// Takes over what the other light makes of the empty chamber, after [`Judged::LightSwitched`]: lamps do not
    /// dim evenly, so one gain leaves their shine and shadows behind. `surroundings` are those of the frame before:
    /// what lay there, and what differs as no light makes it differ, is not taken over.
    pub(super) fn relight(&mut self, grid: &Grid, surroundings: &[bool; CELLS]) {
        for (cell, &occupied) in surroundings.iter().enumerate() {
            let expected = self.empty.luma[cell] * self.gain;
            let luma = (grid.luma[cell] - expected).abs();
            let red = (grid.red[cell] - self.empty.red[cell] * self.gain).abs();
            let blue = (grid.blue[cell] - self.empty.blue[cell] * self.gain).abs();
            if !occupied && luma <= expected * RELIT_SHARE && red.max(blue) <= COLOUR_STEP {
                self.blend(grid, cell, 1.0);
            }
        }
    }

    /// Lets the empty chamber follow slow changes where nothing lies, and settles the gain into it while it is empty.
    pub(super) fn adapt(&mut self, grid: &Grid, surroundings: &[bool; CELLS], empty: bool, rate: f32) {
        if empty && (self.gain - 1.0).abs() > 1e-3 {
            for cell in 0..CELLS {
                self.empty.luma[cell] *= self.gain;
                self.empty.red[cell] *= self.gain;
                self.empty.blue[cell] *= self.gain;
            }
            self.gain = 1.0;
        }
        for (cell, &occupied) in surroundings.iter().enumerate() {
            if !occupied {
                self.blend(grid, cell, rate);
            }
        }
    }

    fn blend(&mut self, grid: &Grid, cell: usize, weight: f32) {
        let scale = 1.0 / self.gain;
        self.empty.luma[cell] += (grid.luma[cell] * scale - self.empty.luma[cell]) * weight;
        self.empty.red[cell] += (grid.red[cell] * scale - self.empty.red[cell]) * weight;
        self.empty.blue[cell] += (grid.blue[cell] * scale - self.empty.blue[cell]) * weight;
    }

    fn mark(&self, grid: &Grid, gain: f32, foreground: &mut [bool; CELLS]) -> f32 {
        let mut marked = 0u32;
        for (cell, slot) in foreground.iter_mut().enumerate() {
            let expected = self.empty.luma[cell] * gain;
            let luma = (grid.luma[cell] - expected).abs();
            let red = (grid.red[cell] - self.empty.red[cell] * gain).abs();
            let blue = (grid.blue[cell] - self.empty.blue[cell] * gain).abs();
            *slot = luma > LUMA_STEP.max(expected * LUMA_SHARE) || red.max(blue) > COLOUR_STEP;
            marked += u32::from(*slot);
        }
        marked as f32 / CELLS as f32
    }

    /// The gain most cells agree on: the median of their ratios, right while less than half is covered.
    fn median_gain(&mut self, grid: &Grid) -> f32 {
        let mut count = 0;
        for cell in 0..CELLS {
            if self.empty.luma[cell] >= GAIN_LUMA {
                self.ratios[count] = grid.luma[cell] / self.empty.luma[cell];
                count += 1;
            }
        }
        if count < CELLS / 4 {
            return self.gain;
        }
        let (_, median, _) = self.ratios[..count].select_nth_unstable_by(count / 2, f32::total_cmp);
        median.max(0.01)
    }

    /// Share of cells that are as bright as before.
    fn kept_share(&self, grid: &Grid) -> f32 {
        let kept = (0..CELLS).filter(|&cell| {
            let expected = self.empty.luma[cell] * self.gain;
            expected >= GAIN_LUMA && (grid.luma[cell] - expected).abs() < expected * KEPT_GAIN
        });
        kept.count() as f32 / CELLS as f32
    }

    /// Share of cells that differ from this empty chamber, after following the light by one gain.
    pub(super) fn differing_share(&mut self, grid: &Grid, foreground: &mut [bool; CELLS]) -> f32 {
        let gain = self.median_gain(grid);
        self.mark(grid, gain, foreground)
    }

    /// Whether the picture still has the empty chamber's structure: the correlation of each cell's difference to the
    /// mean of cells two steps away, which uniform light does not change.
    fn same_structure(&self, grid: &Grid) -> bool {
        let (mut both, mut of_empty, mut of_grid) = (0.0f64, 0.0f64, 0.0f64);
        for row in 2..ROWS - 2 {
            for column in 2..COLUMNS - 2 {
                let cell = row * COLUMNS + column;
                let high = |luma: &[f32; CELLS]| {
                    let around =
                        luma[cell - 2] + luma[cell + 2] + luma[cell - 2 * COLUMNS] + luma[cell + 2 * COLUMNS];
                    f64::from(luma[cell] - around * 0.25)
                };
                let (empty, now) = (high(&self.empty.luma), high(&grid.luma));
                both += empty * now;
                of_empty += empty * empty;
                of_grid += now * now;
            }
        }
        both > f64::from(SAME_STRUCTURE) * (of_empty * of_grid).sqrt()
    }
}
