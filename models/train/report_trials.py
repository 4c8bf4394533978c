"""Puts what `trials.py` found into a bundle's REPORT.md and report.json; everything else there stays as it was measured.

    report_trials.py --bundle ../bunri-lite0 --trials $WORK

The trials are trainings of their own, which end days after the report. Never: a section whose results are not there.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from pathlib import Path

from report import NAMES_IN_TEMPLATE, bars_table, trial_bars, trials_text

HERE = Path(__file__).parent


def sections(text: str) -> dict[str, str]:
    """The parts of a Markdown text by their first lines, which begin with `## `; what is before them by its own."""
    return {part.split("\n", 1)[0]: part for part in re.split(r"^(?=## )", text, flags=re.M)}


def main() -> None:
    """Fills the template's sections anew for which there are results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--trials", type=Path, required=True, help="folder with the results of trials.py")
    parser.add_argument("--split", type=Path, default=HERE / "split.csv")
    args = parser.parse_args()
    with open(args.split, newline="") as file:
        sources = len({row["path"].split("/")[0] for row in csv.DictReader(file) if row["split"] == "test"})
    figures = json.loads((args.bundle / "report.json").read_text())
    figures["bars"] |= trial_bars(args.trials, sources)
    found = {kind: text for kind, text in trials_text(args.trials).items() if (args.trials / f"{kind}.json").exists()}
    fill = {"BARS": bars_table(figures["bars"])} | {NAMES_IN_TEMPLATE[kind]: text for kind, text in found.items()}
    report = sections((args.bundle / "REPORT.md").read_text())
    for heading, part in sections((HERE / "report.md.in").read_text()).items():
        for key, value in fill.items():
            if f"@{key}@" in part:
                report[heading] = part.replace(f"@{key}@", value)
    (args.bundle / "report.json").write_text(json.dumps(figures, indent=1) + "\n")
    (args.bundle / "REPORT.md").write_text("".join(report.values()))
    print(f"report_trials: {', '.join(found) or 'nothing'} put into {args.bundle / 'REPORT.md'}")


if __name__ == "__main__":
    main()
