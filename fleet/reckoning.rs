//! Every row of every ledger against the hub's tables, field by field; and the totals against both.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::Context as _;
use rusqlite::{Connection, OpenFlags};

use super::city::City;
use super::street::{DISTRICT, bin_name, ledger_path};

/// Problems that are named; more help nobody.
const NAMED_MOST: usize = 10;

/// What a ledger says of its drops, and what the hub says of them: the same columns in the same form.
const LEDGER_DROPS: &str = "
  SELECT (SELECT epoch FROM ledger), seq, wall_ms, wall_synchronised, stream, seen, label,
         CAST(round(probability * 10000) AS INTEGER), reason IS NULL, coalesce(reason, '-'), coalesce(compartment, -1),
         (decided_ns - settled_ns) / 1000000
  FROM drops WHERE state = 'confirmed'";
const HUB_DROPS: &str = "
  SELECT bin, epoch, seq, time_ms, clock_synchronised, stream, seen, label, round(probability * 10000)::bigint,
         accepted, coalesce(reason, '-'), coalesce(compartment, -1), settled_to_decided_ms
  FROM drops JOIN epochs ON epochs.id = epoch_id JOIN bins ON bins.id = bin_id";

/// The same of what the crew said.
const LEDGER_CORRECTIONS: &str = "
  SELECT (SELECT epoch FROM ledger), 'correction ' || c.id, c.seq, c.wall_ms, c.truth, c.withdrawn, d.seen, d.stream, d.label
  FROM corrections AS c JOIN drops AS d ON d.seq = c.seq";
const HUB_CORRECTIONS: &str = "
  SELECT bin, epoch, 'correction ' || number, seq, time_ms, truth, withdrawn, seen, stream, label
  FROM corrections JOIN epochs ON epochs.id = epoch_id JOIN bins ON bins.id = bin_id";

/// What each ledger counts by what an item looked like, and the hub's two tables of totals.
const LEDGER_TOTALS: &str = "
  SELECT seen, CASE WHEN outcome IN ('accepted', 'returned') THEN outcome ELSE 'rejected' END, sum(count)
  FROM totals WHERE outcome <> 'void' GROUP BY 1, 2";
const HUB_TOTALS: &str = "
  SELECT bin, seen, outcome, sum(items) FROM totals JOIN epochs ON epochs.id = epoch_id JOIN bins ON bins.id = bin_id
  GROUP BY 1, 2, 3";
const HUB_HOURS: &str = "
  SELECT bin, seen, outcome, sum(items) FROM hourly JOIN bins ON bins.id = bin_id GROUP BY 1, 2, 3";

/// The end of the account.
#[derive(Default)]
pub(crate) struct Reckoning {
    /// Drops and corrections in the ledgers.
    pub(crate) rows: u64,
    /// Of them, not at the hub.
    pub(crate) lost: u64,
    /// At the hub more than once.
    pub(crate) double: u64,
    /// At the hub and in no ledger.
    pub(crate) invented: u64,
    /// At the hub with another field than in the ledger.
    pub(crate) changed: u64,
    /// Sums, by bin, stream and outcome, that differ between a ledger and the hub.
    pub(crate) wrong_totals: u64,
    /// Ledgers that `bunri-hub reckon` does not call complete.
    pub(crate) incomplete: u64,
    /// Messages that the hub did not understand.
    pub(crate) dead: u64,
    /// Some of the problems.
    pub(crate) named: Vec<String>,
}

impl Reckoning {
    /// Compares. Every ledger must be closed and every outbox empty.
    pub(crate) async fn new(city: &City, hub: &Path, bins: u32) -> anyhow::Result<Self> {
        let mut reckoning = Self::default();
        let (rows, totals) = ledgers(city.folder(), bins)?;
        let held = city.query(HUB_DROPS).await? + &city.query(HUB_CORRECTIONS).await?;
        reckoning.compare_rows(rows, &held);
        for sql in [HUB_TOTALS, HUB_HOURS] {
            reckoning.compare_totals(&totals, &city.query(sql).await?)?;
        }
        reckoning.dead = number(city, "SELECT coalesce(sum(times), 0) FROM dead_letters").await?;
        let ledgers = city.reckon(hub).await?;
        for ledger in ledgers.as_array().context("reckon answers no list")? {
            if ledger["state"] != "complete" || ledger["streams"] != ledger["reported_streams"] {
                reckoning.incomplete += 1;
                reckoning.name(&format!(
                    "reckon: {} {} missing {}",
                    ledger["bin"], ledger["state"], ledger["missing"]
                ));
            }
        }
        Ok(reckoning)
    }

    fn compare_rows(&mut self, mut ledgers: HashMap<String, String>, hub: &str) {
        self.rows = ledgers.len() as u64;
        let mut taken: HashMap<String, String> = HashMap::with_capacity(ledgers.len());
        for line in hub.lines() {
            let (key, fields) = split(line);
            match ledgers.remove(&key) {
                Some(written) if written == fields => {}
                Some(written) => {
                    self.changed += 1;
                    self.name(&format!("changed: {key}: {written} became {fields}"));
                }
                None if taken.contains_key(&key) => {
                    self.double += 1;
                    self.name(&format!("double: {key}"));
                }
                None => {
                    self.invented += 1;
                    self.name(&format!("invented: {key}: {fields}"));
                }
            }
            taken.insert(key, fields);
        }
        self.lost = ledgers.len() as u64;
        ledgers
            .into_iter()
            .take(NAMED_MOST)
            .for_each(|(key, fields)| self.name(&format!("lost: {key}: {fields}")));
    }

    fn compare_totals(&mut self, ledgers: &BTreeMap<String, u64>, hub: &str) -> anyhow::Result<()> {
        let mut found = BTreeMap::new();
        for line in hub.lines() {
            let (key, items) = line.rsplit_once('\t').context("a sum without a number")?;
            found.insert(key.to_owned(), items.parse::<u64>()?);
        }
        for key in ledgers.keys().chain(found.keys().filter(|key| !ledgers.contains_key(*key))) {
            if ledgers.get(key) != found.get(key) {
                self.wrong_totals += 1;
                self.name(&format!(
                    "totals: {key}: {:?} in the ledger, {:?} at the hub",
                    ledgers.get(key),
                    found.get(key)
                ));
            }
        }
        Ok(())
    }

    fn name(&mut self, problem: &str) {
        if self.named.len() < NAMED_MOST {
            self.named.push(problem.replace('\t', " "));
        }
    }

    /// Whether the hub says exactly what the ledgers say.
    pub(crate) fn agrees(&self) -> bool {
        let wrong = [
            self.lost,
            self.double,
            self.invented,
            self.changed,
            self.wrong_totals,
            self.incomplete,
            self.dead,
        ];
        self.rows > 0 && wrong.iter().all(|count| *count == 0)
    }
}

impl std::fmt::Display for Reckoning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rows, lost, double, invented, changed, wrong_totals, incomplete, dead, named } = self;
        writeln!(
            f,
            "\n{rows} drops and corrections in the ledgers: {lost} lost, {double} double, {invented} invented, {changed} \
             changed"
        )?;
        writeln!(
            f,
            "{wrong_totals} wrong totals, {incomplete} incomplete ledgers, {dead} messages not understood"
        )?;
        named.iter().try_for_each(|problem| writeln!(f, "  {problem}"))?;
        f.write_str(if self.agrees() { "the hub says what the ledgers say\n" } else { "the hub is WRONG\n" })
    }
}

/// One number out of the database.
pub(crate) async fn number(city: &City, sql: &str) -> anyhow::Result<u64> {
    let answer = city.query(sql).await?;
    answer.trim().parse().with_context(|| format!("{sql} answers {answer:?}"))
}

/// Drops and corrections of every ledger by bin, epoch and number; and its totals by bin, stream and outcome.
fn ledgers(folder: &Path, bins: u32) -> anyhow::Result<(HashMap<String, String>, BTreeMap<String, u64>)> {
    let (mut rows, mut totals) = (HashMap::new(), BTreeMap::new());
    for number in 0..bins {
        let (path, bin) = (ledger_path(folder, number), bin_name(number));
        let report = bunri::tally::verify(&path)?;
        anyhow::ensure!(report.sound(), "the ledger of {bin} is damaged: {report}");
        let file = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        for sql in [LEDGER_DROPS, LEDGER_CORRECTIONS] {
            for line in lines(&file, sql)? {
                let (key, fields) = split(&format!("{bin}\t{line}"));
                rows.insert(key, fields);
            }
        }
        for line in lines(&file, LEDGER_TOTALS)? {
            let (key, count) = line.rsplit_once('\t').context("a sum without a number")?;
            totals.insert(format!("{bin}\t{key}"), count.parse()?);
        }
    }
    Ok((rows, totals))
}

/// The rows of a question, columns separated by tabs.
fn lines(file: &Connection, sql: &str) -> anyhow::Result<Vec<String>> {
    let mut query = file.prepare(sql)?;
    let columns = query.column_count();
    let mut rows = query.query([])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let mut words = Vec::with_capacity(columns);
        for column in 0..columns {
            words.push(match row.get_ref(column)? {
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                other => anyhow::bail!("a {:?} in {DISTRICT}'s ledger", other.data_type()),
            });
        }
        lines.push(words.join("\t"));
    }
    Ok(lines)
}

/// Bin, epoch and number; and the rest.
fn split(line: &str) -> (String, String) {
    let end = line.match_indices('\t').nth(2).map_or(line.len(), |(at, _)| at);
    (line[..end].to_owned(), line[end..].trim_start().to_owned())
}
