//! A weighted draw in constant time: Walker's alias method with Vose's way of building the table
//! ("A linear algorithm for generating random numbers with a given distribution", 1991), in whole
//! numbers, so that every node builds the same table.

/// Indices drawn in proportion to their weights, each with one random word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AliasTable {
    cells: Box<[Cell]>,
}

/// A column of the table: below the threshold it is its own, from there on its alias's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Cell {
    /// In 2³²ths.
    threshold: u32,
    alias: u32,
}

impl AliasTable {
    /// A table over the indices of `weights`; with no weight above 0 it is empty.
    #[must_use]
    pub fn new(weights: &[u32]) -> Self {
        let total: u64 = weights.iter().map(|w| u64::from(*w)).sum();
        if total == 0 {
            return Self::default();
        }
        // Every column holds `total`; each index brings its weight times the number of columns.
        let columns = weights.len() as u64;
        let mut left: Vec<u64> = weights.iter().map(|w| u64::from(*w) * columns).collect();
        let mut cells: Vec<Cell> =
            (0..weights.len() as u32).map(|own| Cell { threshold: u32::MAX, alias: own }).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..weights.len()).partition(|&i| left[i] < total);
        while let (Some(&poor), Some(&rich)) = (small.last(), large.last()) {
            small.pop();
            let threshold = (u128::from(left[poor]) << 32) / u128::from(total);
            cells[poor] = Cell { threshold: threshold as u32, alias: rich as u32 };
            left[rich] -= total - left[poor];
            if left[rich] < total {
                large.pop();
                small.push(rich);
            }
        }
        Self { cells: cells.into() }
    }

    /// The index that a random word falls on; `None` when the table is empty.
    #[must_use]
    pub fn draw(&self, word: u64) -> Option<usize> {
        let column = ((word >> 32) * self.cells.len() as u64) >> 32;
        let cell = self.cells.get(column as usize)?;
        Some(if (word as u32) < cell.threshold { column as usize } else { cell.alias as usize })
    }

    /// Each index's share of the draws, from the table itself.
    #[must_use]
    pub fn shares(&self) -> Vec<f64> {
        let columns = self.cells.len();
        let mut shares = vec![0.0; columns];
        for (own, cell) in self.cells.iter().enumerate() {
            let kept = f64::from(cell.threshold) / 2_f64.powi(32);
            shares[own] += kept / columns as f64;
            shares[cell.alias as usize] += (1.0 - kept) / columns as f64;
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_exactly_its_share() {
        let cases: [&[u32]; 7] = [
            &[1],
            &[1, 1],
            &[95, 5],
            &[0, 3, 0],
            &[65535, 1],
            &[1, 2, 3, 4, 5, 6, 7],
            &[u32::MAX, 1, u32::MAX],
        ];
        for weights in cases {
            let total: f64 = weights.iter().map(|w| f64::from(*w)).sum();
            for (share, weight) in AliasTable::new(weights).shares().iter().zip(weights) {
                assert!((share - f64::from(*weight) / total).abs() < 1e-8, "{weights:?}");
            }
        }
    }

    #[test]
    fn draws_stay_within_the_table() {
        let table = AliasTable::new(&[1, 0, 2]);
        for word in [0, 1, u64::from(u32::MAX), 1 << 63, u64::MAX] {
            assert!(matches!(table.draw(word), Some(0 | 2)), "{word:x}");
        }
        assert_eq!(AliasTable::new(&[]).draw(7), None);
        assert_eq!(AliasTable::new(&[0, 0]).draw(7), None);
    }
}
