//! What teaching brought, for a terminal or as JSON.

use serde::Serialize;

use crate::teach::{Confusion, Report};

/// `--json`.
#[derive(Debug, Serialize)]
struct Json<'a> {
    items: u32,
    accuracy_before: f32,
    accuracy_after: f32,
    applied: bool,
    corrections: usize,
    trust: f32,
    labels: Vec<&'a str>,
    confusion_before: &'a [Vec<u32>],
    confusion_after: &'a [Vec<u32>],
    look_again: Vec<JsonSuspect<'a>>,
}

#[derive(Debug, Serialize)]
struct JsonSuspect<'a> {
    item: &'a str,
    said: &'a str,
    looks_like: &'a str,
    probability: f32,
}

/// Prints the report.
pub(super) fn print(report: &Report, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(&as_json(report))?);
    } else {
        print_tables(report);
    }
    Ok(())
}

fn as_json(report: &Report) -> Json<'_> {
    let id = |label: usize| report.labels.get(label).map_or("", |label| &*label.id);
    let suspect =
        |suspect: &'_ crate::teach::Suspect| (suspect.said, suspect.looks_like, suspect.probability);
    Json {
        items: report.after.items(),
        accuracy_before: report.before.accuracy(),
        accuracy_after: report.after.accuracy(),
        applied: !report.is_worse(),
        corrections: report.corrections,
        trust: report.trust,
        labels: report.labels.iter().map(|label| &*label.id).collect(),
        confusion_before: &report.before.counts,
        confusion_after: &report.after.counts,
        look_again: report
            .suspects
            .iter()
            .map(|item| {
                let (said, looks_like, probability) = suspect(item);
                JsonSuspect { item: &item.name, said: id(said), looks_like: id(looks_like), probability }
            })
            .collect(),
    }
}

fn print_confusion(report: &Report, confusion: &Confusion, when: &str) {
    println!("\nsaid (rows) and found (columns), {when}");
    let columns: Vec<String> = report.labels.iter().map(|label| format!("{:>9.9}", label.id)).collect();
    println!("{:<12} {}", "", columns.join(" "));
    for (label, row) in
        report.labels.iter().zip(&confusion.counts).filter(|(_, row)| row.iter().sum::<u32>() > 0)
    {
        let cells: Vec<String> = row
            .iter()
            .map(|count| format!("{:>9}", if *count == 0 { "·".to_owned() } else { count.to_string() }))
            .collect();
        println!("{:<12} {}", label.id, cells.join(" "));
    }
}

fn print_tables(report: &Report) {
    let share = |confusion: &Confusion, label: usize| {
        let row = &confusion.counts[label];
        let right = report.labels.iter().zip(row);
        let stream = report.labels[label].stream;
        let right: u32 = right.filter(|(other, _)| other.stream == stream).map(|(_, count)| count).sum();
        100.0 * right as f32 / row.iter().sum::<u32>().max(1) as f32
    };
    println!("each item judged by what the others taught");
    println!("{:<12} {:>6} {:>8} {:>8}", "", "items", "before", "after");
    for (index, label) in report.labels.iter().enumerate() {
        let items: u32 = report.after.counts[index].iter().sum();
        if items > 0 {
            let (before, after) = (share(&report.before, index), share(&report.after, index));
            println!("{:<12} {items:>6} {before:>6.0} % {after:>6.0} %", label.id);
        }
    }
    let (before, after) = (100.0 * report.before.accuracy(), 100.0 * report.after.accuracy());
    println!("{:<12} {:>6} {before:>6.0} % {after:>6.0} %", "all", report.after.items());
    print_confusion(report, &report.before, "before");
    print_confusion(report, &report.after, "after");
    for suspect in &report.suspects {
        let id = |label: usize| &report.labels[label].id;
        println!(
            "look again at {}: you said {}, it looks like {} ({:.0} %)",
            suspect.name,
            id(suspect.said),
            id(suspect.looks_like),
            suspect.probability * 100.0
        );
    }
    if report.corrections > 0 {
        println!("{} corrections are inside, and in none of the figures above", report.corrections);
    }
    if report.trust < 1.0 {
        println!(
            "the network errs here: beside what you showed, its own word counts {:.0} % of the usual",
            100.0 * report.trust
        );
    }
    if report.restraint > 1.0 {
        println!("the items disagree, so little was moved; more items will help");
    }
}
