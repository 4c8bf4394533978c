//! Connected parts of the foreground: objects, specks and hands.

use super::grid::{CELLS, COLUMNS, CellRect, ROWS};
use super::{Edge, MAX_OBJECTS};

/// Cells by which parts are grown before they are joined, so that a clear bottle's cap and label are one object.
const JOIN_REACH: usize = 2;
/// Parts smaller than this many cells are specks and ignored.
const SPECK_CELLS: u32 = 6;
/// Cells on a throat edge that make a part a hand.
const HAND_CELLS: u32 = 3;

#[derive(Clone, Copy, Debug)]
struct Part {
    cells: u32,
    rect: CellRect,
}

/// Finds parts without allocating: its masks and its stack are made once.
#[derive(Debug)]
pub(super) struct Blobs {
    grown: Box<[bool; CELLS]>,
    visited: Box<[bool; CELLS]>,
    stack: Vec<u16>,
    parts: [Option<Part>; MAX_OBJECTS],
    extent: Option<CellRect>,
    cells: u32,
    reaches_in: bool,
}

impl Default for Blobs {
    fn default() -> Self {
        Self {
            grown: Box::new([false; CELLS]),
            visited: Box::new([false; CELLS]),
            stack: Vec::with_capacity(CELLS),
            parts: [None; MAX_OBJECTS],
            extent: None,
            cells: 0,
            reaches_in: false,
        }
    }
}

impl Blobs {
    /// Splits `foreground` into parts; a part is an object from `object_share` of the region on.
    pub(super) fn find(&mut self, foreground: &[bool; CELLS], throat: &[Edge], object_share: f32) {
        self.grow(foreground);
        self.visited.fill(false);
        self.parts = [None; MAX_OBJECTS];
        self.extent = None;
        self.cells = 0;
        self.reaches_in = false;
        let least = (object_share * CELLS as f32) as u32;
        for start in 0..CELLS {
            if !foreground[start] || self.visited[start] {
                continue;
            }
            let (part, edge_cells) = self.flood(foreground, throat, start);
            if part.cells < SPECK_CELLS {
                continue;
            }
            self.cells += part.cells;
            self.extent = Some(self.extent.map_or(part.rect, |extent| extent.union(part.rect)));
            self.reaches_in |= edge_cells >= HAND_CELLS;
            if part.cells >= least {
                self.keep(part);
            }
        }
    }

    /// Foreground share of the region without specks, 0 to 1.
    pub(super) fn share(&self) -> f32 {
        self.cells as f32 / CELLS as f32
    }

    pub(super) fn extent(&self) -> Option<CellRect> {
        self.extent
    }

    pub(super) fn reaches_in(&self) -> bool {
        self.reaches_in
    }

    /// Objects, largest first.
    pub(super) fn objects(&self) -> impl Iterator<Item = CellRect> + '_ {
        self.parts.iter().flatten().map(|part| part.rect)
    }

    /// The foreground with its near surroundings: shadows and reflections that must not be learnt as empty.
    pub(super) fn surroundings(&self) -> &[bool; CELLS] {
        &self.grown
    }

    fn keep(&mut self, part: Part) {
        let mut carried = Some(part);
        for slot in &mut self.parts {
            if slot.map_or(0, |kept| kept.cells) < carried.map_or(0, |part| part.cells) {
                std::mem::swap(slot, &mut carried);
            }
        }
    }

    /// Dilates by [`JOIN_REACH`] in rows, then in columns.
    fn grow(&mut self, foreground: &[bool; CELLS]) {
        let across = &mut self.visited; // free until the flood begins
        for row in 0..ROWS {
            let line = &foreground[row * COLUMNS..(row + 1) * COLUMNS];
            for column in 0..COLUMNS {
                let (from, to) = (column.saturating_sub(JOIN_REACH), (column + JOIN_REACH + 1).min(COLUMNS));
                across[row * COLUMNS + column] = line[from..to].contains(&true);
            }
        }
        for row in 0..ROWS {
            let (from, to) = (row.saturating_sub(JOIN_REACH), (row + JOIN_REACH + 1).min(ROWS));
            for column in 0..COLUMNS {
                self.grown[row * COLUMNS + column] = (from..to).any(|near| across[near * COLUMNS + column]);
            }
        }
    }

    /// Walks the grown part around `start`; counts only true foreground. Also returns its cells on throat edges.
    fn flood(&mut self, foreground: &[bool; CELLS], throat: &[Edge], start: usize) -> (Part, u32) {
        let mut part = Part { cells: 0, rect: CellRect::at(start) };
        let mut edge_cells = 0;
        self.visited[start] = true;
        self.stack.clear();
        self.stack.push(start as u16);
        while let Some(cell) = self.stack.pop() {
            let cell = usize::from(cell);
            let (column, row) = (cell % COLUMNS, cell / COLUMNS);
            if foreground[cell] {
                part.cells += 1;
                part.rect = part.rect.union(CellRect::at(cell));
                edge_cells += u32::from(throat.iter().any(|edge| match edge {
                    Edge::Top => row == 0,
                    Edge::Bottom => row == ROWS - 1,
                    Edge::Left => column == 0,
                    Edge::Right => column == COLUMNS - 1,
                }));
            }
            let neighbours = [
                (column > 0).then(|| cell - 1),
                (column + 1 < COLUMNS).then(|| cell + 1),
                (row > 0).then(|| cell - COLUMNS),
                (row + 1 < ROWS).then(|| cell + COLUMNS),
            ];
            for next in neighbours.into_iter().flatten() {
                if self.grown[next] && !self.visited[next] {
                    self.visited[next] = true;
                    self.stack.push(next as u16);
                }
            }
        }
        (part, edge_cells)
    }
}
