//! "That was glass": what the crew says an item truly was, takes back, and what the bin takes for what.
//!
//! Never changes a drop or a count: what the bin did stays what it did.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{OptionalExtension, ToSql, params};

use super::error::{Doing, TallyError};
use super::ledger::{Ledger, signed};
use super::open;
use super::record::{Named, Unsigned};
use crate::clock::WallTime;
use crate::streams::Stream;

/// How often items that truly were one stream looked like another, by what the crew said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confusion([[u64; Stream::COUNT]; Stream::COUNT]);

impl Confusion {
    /// Items that truly were `truth` and looked like `seen`.
    pub const fn get(&self, truth: Stream, seen: Stream) -> u64 {
        self.0[truth.index()][seen.index()]
    }

    /// Drops of which the crew said what they were.
    pub fn total(&self) -> u64 {
        self.0.iter().flatten().sum()
    }

    /// Those of them that looked like what they were.
    pub fn right(&self) -> u64 {
        Stream::ALL.into_iter().map(|stream| self.get(stream, stream)).sum()
    }
}

impl Ledger {
    /// The number of the newest correction, 0 if there is none: they are numbered without a gap.
    pub(super) fn newest_correction(&self) -> Result<u64, TallyError> {
        let sql = "SELECT coalesce(max(id), 0) FROM corrections";
        let read = self.connection.query_row(sql, [], |row| row.get::<_, Unsigned>(0));
        read.map(|number| number.0).doing(&self.path, "read the newest correction")
    }

    /// Writes down what a confirmed drop truly was, and who says so, and queues it for the hub (without who). Said
    /// again, the newest word holds.
    ///
    /// # Errors
    /// [`TallyError::UnknownDrop`] for a number that no confirmed drop has, or what the file met; nothing is written
    /// then.
    pub fn correct(&mut self, seq: u64, truth: Stream, who: &str, wall: WallTime) -> Result<(), TallyError> {
        let sql = "INSERT INTO corrections (seq, truth, wall_ms, synchronised, who)
                   SELECT seq, ?5, ?2, ?3, substr(?4, 1, 64) FROM drops WHERE seq = ?1 AND state = 'confirmed'
                   RETURNING id";
        let row = params![signed(seq), wall.unix_ms, wall.synchronised, who, truth.id()];
        let doing = "write what an item truly was";
        self.say(doing, seq, wall, sql, row, TallyError::UnknownDrop { seq })
    }

    /// Takes back what the crew says of a drop, and queues that for the hub: nothing is said of it then, until somebody
    /// does again.
    ///
    /// # Errors
    /// [`TallyError::NothingSaid`] where no word holds, or what the file met; nothing is written then.
    pub fn withdraw(&mut self, seq: u64, who: &str, wall: WallTime) -> Result<(), TallyError> {
        let sql = "INSERT INTO corrections (seq, truth, withdrawn, wall_ms, synchronised, who)
                   SELECT seq, truth, 1, ?2, ?3, substr(?4, 1, 64) FROM corrections
                   WHERE id = (SELECT max(id) FROM corrections WHERE seq = ?1) AND NOT withdrawn
                   RETURNING id";
        let row = params![signed(seq), wall.unix_ms, wall.synchronised, who];
        let doing = "take back what was said of an item";
        self.say(doing, seq, wall, sql, row, TallyError::NothingSaid { seq })
    }

    /// Writes one row of `corrections` and its message; `refusal` where `sql` finds nothing to write.
    fn say(
        &mut self,
        doing: &'static str,
        seq: u64,
        wall: WallTime,
        sql: &str,
        row: &[&dyn ToSql],
        refusal: TallyError,
    ) -> Result<(), TallyError> {
        let outbox_id = self.write(doing, |write, path| {
            let number: Option<i64> =
                write.query_row(sql, row, |row| row.get(0)).optional().doing(path, doing)?;
            let Some(number) = number else { return Err(refusal) };
            let sql = "INSERT INTO outbox (kind, seq, correction, created_ms, created_synchronised)
                       VALUES ('correction', ?1, ?2, ?3, ?4) RETURNING id";
            let row = params![signed(seq), number, wall.unix_ms, wall.synchronised];
            write.query_row(sql, row, |row| row.get::<_, Unsigned>(0)).doing(path, doing)
        })?;
        self.outbox_head = outbox_id.0;
        Ok(())
    }
}

/// Every word that holds: the drop's number, what it truly was and what it looked like.
const HOLDING: &str = "SELECT c.seq, c.truth, d.seen FROM corrections AS c JOIN drops AS d ON d.seq = c.seq
                       WHERE NOT c.withdrawn AND c.id = (SELECT max(id) FROM corrections WHERE seq = c.seq)";

/// What the crew says of the drops from number `first` to `last`, by number.
///
/// # Errors
/// When the file cannot be read.
pub fn corrections(path: &Path, first: u64, last: u64) -> Result<HashMap<u64, Stream>, TallyError> {
    let connection = open::beside_the_writer(path)?;
    let read = || {
        let mut query = connection.prepare(&format!("{HOLDING} AND c.seq BETWEEN ?1 AND ?2"))?;
        let said = query.query_map([signed(first), signed(last)], |row| {
            Ok((row.get::<_, Unsigned>(0)?.0, row.get::<_, Named<Stream>>(1)?.0))
        })?;
        said.collect::<rusqlite::Result<HashMap<_, _>>>()
    };
    read().doing(path, "read corrections")
}

/// What the bin takes for what, by everything the crew said.
///
/// # Errors
/// When the file cannot be read.
pub fn confusion(path: &Path) -> Result<Confusion, TallyError> {
    let connection = open::beside_the_writer(path)?;
    let read = || -> rusqlite::Result<Confusion> {
        let mut query = connection.prepare(HOLDING)?;
        let mut rows = query.query([])?;
        let mut confusion = Confusion::default();
        while let Some(row) = rows.next()? {
            let (truth, seen) = (row.get::<_, Named<Stream>>(1)?.0, row.get::<_, Named<Stream>>(2)?.0);
            confusion.0[truth.index()][seen.index()] += 1;
        }
        Ok(confusion)
    };
    read().doing(path, "read corrections")
}

#[cfg(test)]
mod tests {
    use super::super::statistics::tests::ledger;
    use super::super::{Correction, OutboxKind};
    use super::*;

    const WALL: WallTime = WallTime { unix_ms: 9, synchronised: true };

    #[test]
    fn the_newest_word_holds_and_the_counts_do_not_move() {
        let drop = ("2026-03-02T00:00:00Z", Stream::Can, None);
        let (_folder, mut ledger) = ledger(&[drop, drop, drop]);
        let before = ledger.totals().unwrap();
        ledger.correct(1, Stream::Paper, "kim", WALL).unwrap();
        ledger.correct(1, Stream::Glass, "lee", WALL).unwrap();
        ledger.correct(3, Stream::Can, "kim", WALL).unwrap();
        let said = corrections(ledger.path(), 1, 2).unwrap();
        assert_eq!(said, HashMap::from([(1, Stream::Glass)]));
        let confusion = confusion(ledger.path()).unwrap();
        assert_eq!(
            (confusion.get(Stream::Glass, Stream::Can), confusion.get(Stream::Paper, Stream::Can)),
            (1, 0)
        );
        assert_eq!((confusion.total(), confusion.right()), (2, 1));
        let after = ledger.totals().unwrap();
        assert_eq!((after.counts, after.corrections), (before.counts, 3));
        let told = ledger.outbox_next(3, 9).unwrap();
        let kind = |number, truth| {
            OutboxKind::Correction(Correction { number, truth, withdrawn: false, wall: WALL })
        };
        let expected = [(1, kind(1, Stream::Paper)), (1, kind(2, Stream::Glass)), (3, kind(3, Stream::Can))];
        assert_eq!(told.iter().map(|row| (row.record.seq, row.kind)).collect::<Vec<_>>(), expected);
        assert_eq!(ledger.outbox_head(), told[2].id);
        assert!(super::super::verify(ledger.path()).unwrap().sound());
    }

    #[test]
    fn a_word_taken_back_holds_no_longer_and_is_numbered_like_the_others() {
        let drop = ("2026-03-02T00:00:00Z", Stream::Can, None);
        let (_folder, mut ledger) = ledger(&[drop, drop]);
        let counts = ledger.totals().unwrap().counts;
        ledger.correct(1, Stream::Paper, "kim", WALL).unwrap();
        ledger.correct(1, Stream::Glass, "lee", WALL).unwrap();
        ledger.correct(2, Stream::Can, "kim", WALL).unwrap();
        ledger.withdraw(1, "lee", WALL).unwrap();
        let said = |ledger: &Ledger| corrections(ledger.path(), 1, 2).unwrap();
        assert_eq!(said(&ledger), HashMap::from([(2, Stream::Can)]), "nor does the word before it come back");
        let named = confusion(ledger.path()).unwrap();
        assert_eq!((named.total(), named.right()), (1, 1));
        ledger.correct(1, Stream::Paper, "kim", WALL).unwrap();
        assert_eq!(said(&ledger), HashMap::from([(1, Stream::Paper), (2, Stream::Can)]));

        let words = ledger.outbox_next_of("correction", 0, 9).unwrap();
        assert_eq!(ledger.outbox_head(), words[4].id);
        let word = |number, truth, withdrawn| Correction { number, truth, withdrawn, wall: WALL };
        assert_eq!(words[3].kind, OutboxKind::Correction(word(4, Stream::Glass, true)));
        assert_eq!(words[4].kind, OutboxKind::Correction(word(5, Stream::Paper, false)));
        ledger.outbox_done(&words.iter().map(|row| row.id).collect::<Vec<_>>()).unwrap();
        assert_eq!(ledger.outbox_again(&[], &[(4, 4)], WALL).unwrap(), 1);
        assert_eq!(ledger.outbox_next_of("correction", 0, 9).unwrap()[0].kind, words[3].kind);
        let totals = ledger.totals().unwrap();
        assert_eq!((totals.counts, totals.corrections), (counts, 5));
        assert!(super::super::verify(ledger.path()).unwrap().sound());
    }

    #[test]
    fn only_what_happened_can_be_corrected_and_only_what_was_said_taken_back() {
        let (_folder, mut ledger) = ledger(&[("2026-03-02T00:00:00Z", Stream::Can, None)]);
        let unknown = ledger.correct(2, Stream::Can, "kim", WALL);
        assert!(matches!(unknown, Err(TallyError::UnknownDrop { seq: 2 })), "{unknown:?}");
        let refused = |ledger: &mut Ledger, seq| {
            let refused = ledger.withdraw(seq, "kim", WALL);
            assert!(matches!(refused, Err(TallyError::NothingSaid { seq: of }) if of == seq), "{refused:?}");
        };
        refused(&mut ledger, 1);
        refused(&mut ledger, 2);
        ledger.correct(1, Stream::Can, "kim", WALL).unwrap();
        ledger.withdraw(1, "kim", WALL).unwrap();
        let head = ledger.outbox_head();
        refused(&mut ledger, 1);
        assert_eq!(
            (ledger.totals().unwrap().corrections, ledger.outbox_head()),
            (2, head),
            "nothing is written"
        );
    }
}
