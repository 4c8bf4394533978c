//! `bunri model reference`: pictures with known answers, put into a bundle where it is made.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::model::read_files;
use crate::identify::{Bundle, Identifier, REFERENCE, REFERENCES_MOST, ReferenceSpec, RuntimeSettings};

/// How far above all others the highest logit must be: twice what a reference may be off on another processor.
const MARGIN_LEAST: f32 = 1.5;
/// Where the table begins, which is the manifest's last.
const TABLE: &str = "\n[reference]\n";

/// Chooses among pictures, so that every answer has its turn, and puts them into a bundle's folder in place of older ones.
pub(super) fn put(folder: &Path, pictures: &[PathBuf], most: usize) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        (1..=REFERENCES_MOST).contains(&most),
        "--most {most}: 1 to {REFERENCES_MOST} are possible"
    );
    let bundle = Bundle::open(folder)?;
    let mut identifier = Identifier::load(bundle.clone(), &RuntimeSettings::default(), None)?;
    let candidates = read_files(pictures, "")?;
    let chosen = choose(&mut identifier, &candidates, most)?;
    anyhow::ensure!(
        !chosen.is_empty(),
        "of {} pictures none has an answer that is {MARGIN_LEAST} above all others: give others",
        candidates.len()
    );
    let spec = ReferenceSpec::of(
        &mut identifier,
        chosen.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
    )?;
    let table = toml::to_string(&BTreeMap::from([("reference", spec)]))?;

    let manifest = folder.join("manifest.toml");
    let failed = |path: &Path| format!("cannot write {}", path.display());
    let text = std::fs::read_to_string(&manifest).with_context(|| failed(&manifest))?;
    let rest = text.split(TABLE).next().unwrap_or_default().trim_end();
    let inside = folder.join(REFERENCE);
    if inside.exists() {
        std::fs::remove_dir_all(&inside).with_context(|| failed(&inside))?;
    }
    std::fs::create_dir(&inside).with_context(|| failed(&inside))?;
    for (name, bytes) in &chosen {
        let path = inside.join(name);
        std::fs::write(&path, bytes).with_context(|| failed(&path))?;
    }
    std::fs::write(&manifest, format!("{rest}\n\n{table}")).with_context(|| failed(&manifest))?;
    let bytes: usize = chosen.values().map(|bytes| bytes.len()).sum();
    println!("{}: {} reference pictures, {} kB", bundle.title(), chosen.len(), bytes.div_ceil(1000));
    Ok(ExitCode::SUCCESS)
}

/// A picture's answer: which label, and how far above all others.
struct Answer<'a> {
    label: usize,
    margin: f32,
    name: &'a String,
    bytes: &'a Vec<u8>,
}

/// The surest pictures of each answer, one answer after the other; ties are none: they may turn over on another processor.
fn choose<'a>(
    identifier: &mut Identifier,
    candidates: &'a BTreeMap<String, Vec<u8>>,
    most: usize,
) -> anyhow::Result<BTreeMap<&'a String, &'a Vec<u8>>> {
    let mut answers = Vec::new();
    for (name, bytes) in candidates {
        let logits = identifier.embed_picture(bytes).with_context(|| name.clone())?.logits;
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|left, right| logits[*right].total_cmp(&logits[*left]));
        let margin = logits[order[0]] - order.get(1).map_or(f32::NEG_INFINITY, |second| logits[*second]);
        if margin >= MARGIN_LEAST {
            answers.push(Answer { label: order[0], margin, name, bytes });
        }
    }
    answers.sort_by(|left, right| right.margin.partial_cmp(&left.margin).unwrap_or(Ordering::Equal));
    let mut chosen = BTreeMap::new();
    while chosen.len() < most && !answers.is_empty() {
        let mut had = Vec::new();
        answers.retain(|answer| {
            let takes = chosen.len() < most && !had.contains(&answer.label);
            if takes {
                had.push(answer.label);
                chosen.insert(answer.name, answer.bytes);
            }
            !takes
        });
    }
    Ok(chosen)
}
