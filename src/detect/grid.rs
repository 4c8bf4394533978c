//! The coarse picture: cells of mean luma and two colour differences.

use crate::capture::Frame;

/// Cells per row.
pub const COLUMNS: usize = 64;
/// Rows of cells.
pub const ROWS: usize = 48;
/// Cells in all.
pub const CELLS: usize = COLUMNS * ROWS;
/// Samples per cell and direction: 4 by 4 spread over the cell quarter the sensor's noise.
const SAMPLES: u32 = 4;

/// A rectangle of a picture in pixels, the corner nearest the origin first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Region {
    /// First column.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Region {
    /// The whole of a picture.
    pub const fn whole(width: u32, height: u32) -> Self {
        Self { x: 0, y: 0, width, height }
    }

    /// Whether it lies inside a picture of this size and is not empty.
    pub const fn fits(self, width: u32, height: u32) -> bool {
        self.width > 0
            && self.height > 0
            && self.x.saturating_add(self.width) <= width
            && self.y.saturating_add(self.height) <= height
    }

    /// Whether the two share a pixel.
    pub const fn overlaps(self, other: Region) -> bool {
        self.x < other.x.saturating_add(other.width)
            && other.x < self.x.saturating_add(self.width)
            && self.y < other.y.saturating_add(other.height)
            && other.y < self.y.saturating_add(self.height)
    }

    /// The square around this rectangle, `margin` times its longer side (1.0 = none) but at least `least` pixels,
    /// moved and, if it must be, shrunk to lie inside `bounds`.
    pub fn square_around(self, margin: f32, least: u32, bounds: Region) -> Region {
        let side = ((self.width.max(self.height) as f32 * margin) as u32).max(least);
        let fit = |start: u32, length: u32, from: u32, room: u32| {
            let side = side.min(room);
            let centre = start + length / 2;
            (centre.saturating_sub(side / 2).clamp(from, from + room - side), side)
        };
        let (x, width) = fit(self.x, self.width, bounds.x, bounds.width);
        let (y, height) = fit(self.y, self.height, bounds.y, bounds.height);
        Region { x, y, width, height }
    }
}

impl From<[u32; 4]> for Region {
    /// From first column, first row, columns and rows.
    fn from([x, y, width, height]: [u32; 4]) -> Self {
        Self { x, y, width, height }
    }
}

impl From<Region> for [u32; 4] {
    fn from(region: Region) -> Self {
        [region.x, region.y, region.width, region.height]
    }
}

/// A rectangle of cells, both ends inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CellRect {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) right: usize,
    pub(super) bottom: usize,
}

impl CellRect {
    pub(super) const fn at(index: usize) -> Self {
        let (column, row) = (index % COLUMNS, index / COLUMNS);
        Self { left: column, top: row, right: column, bottom: row }
    }

    pub(super) fn union(self, other: CellRect) -> CellRect {
        CellRect {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// The same rectangle in pixels of the frame.
    pub(super) fn to_pixels(self, region: Region) -> Region {
        let x0 = self.left as u32 * region.width / COLUMNS as u32;
        let y0 = self.top as u32 * region.height / ROWS as u32;
        let x1 = (self.right as u32 + 1) * region.width / COLUMNS as u32;
        let y1 = (self.bottom as u32 + 1) * region.height / ROWS as u32;
        Region { x: region.x + x0, y: region.y + y0, width: (x1 - x0).max(1), height: (y1 - y0).max(1) }
    }
}

/// One coarse picture. `luma` is 0 to 255 (BT.601 weights), `red` and `blue` are differences to luma.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub(super) luma: Box<[f32; CELLS]>,
    pub(super) red: Box<[f32; CELLS]>,
    pub(super) blue: Box<[f32; CELLS]>,
}

impl Default for Grid {
    fn default() -> Self {
        Self { luma: Box::new([0.0; CELLS]), red: Box::new([0.0; CELLS]), blue: Box::new([0.0; CELLS]) }
    }
}

impl Grid {
    /// Takes the cell means of `region`; samples outside the frame count as black.
    pub(super) fn sample(&mut self, frame: &Frame, region: Region) {
        let stride = frame.width as usize * 3;
        let mut columns = [0usize; COLUMNS * SAMPLES as usize];
        for (index, column) in columns.iter_mut().enumerate() {
            let x = region.x + (2 * index as u32 + 1) * region.width / (2 * COLUMNS as u32 * SAMPLES);
            *column = x.min(frame.width.saturating_sub(1)) as usize * 3;
        }
        for row in 0..ROWS {
            let mut sums = [[0u32; 3]; COLUMNS];
            for sample in 0..SAMPLES {
                let step = 2 * (row as u32 * SAMPLES + sample) + 1;
                let y = region.y + step * region.height / (2 * ROWS as u32 * SAMPLES);
                let Some(line) = frame.pixels.get(y as usize * stride..(y as usize + 1) * stride) else {
                    continue;
                };
                for (index, &offset) in columns.iter().enumerate() {
                    let Some([red, green, blue]) = line.get(offset..offset + 3) else { continue };
                    let sum = &mut sums[index / SAMPLES as usize];
                    sum[0] += u32::from(*red);
                    sum[1] += u32::from(*green);
                    sum[2] += u32::from(*blue);
                }
            }
            for (column, sum) in sums.iter().enumerate() {
                let [red, green, blue] = sum.map(|value| value as f32 / (SAMPLES * SAMPLES) as f32);
                let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
                let cell = row * COLUMNS + column;
                self.luma[cell] = luma;
                self.red[cell] = red - luma;
                self.blue[cell] = blue - luma;
            }
        }
    }

    pub(super) fn copy_from(&mut self, other: &Grid) {
        self.luma.copy_from_slice(&*other.luma);
        self.red.copy_from_slice(&*other.red);
        self.blue.copy_from_slice(&*other.blue);
    }

    pub(super) fn mean_luma(&self) -> f32 {
        self.luma.iter().sum::<f32>() / CELLS as f32
    }

    /// Share of cells whose luma or colour differs by more than `step`.
    pub(super) fn changed_share(&self, other: &Grid, step: f32) -> f32 {
        let mut changed = 0u32;
        for cell in 0..CELLS {
            let luma = (self.luma[cell] - other.luma[cell]).abs();
            let colour =
                (self.red[cell] - other.red[cell]).abs().max((self.blue[cell] - other.blue[cell]).abs());
            changed += u32::from(luma.max(colour) > step);
        }
        changed as f32 / CELLS as f32
    }
}
