"""`make model`: from photographs and registry packages to the shipped bundle, in steps that are not done twice.

A step is done when its output is there and was made by the same command; an interrupted step starts again (rendering
goes on where it was). Everything that is not the bundle stays in one work folder outside git.

    python models/train/make.py --photos ../shared/photos

Never: a step that writes into the repository before `bundle`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
# Without these glibc gives every large tensor back to the kernel, and idle threads spin: a step took twice as long.
ALLOCATOR = {
    "OMP_WAIT_POLICY": "passive",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "8000000000",
    "MALLOC_TOP_PAD_": "268435456",
}


@dataclass(frozen=True)
class Step:
    """One step: commands that run side by side, what they leave behind, and about how long they take.

    Attributes:
        name: for people.
        output: exists once the step is done.
        commands: argument lists; all must succeed.
        minutes: on two quiet cores, for the estimate.
    """

    name: str
    output: Path
    commands: list[list[str]]
    minutes: float

    def key(self) -> str:
        """Changes when the commands do."""
        return hashlib.sha256(repr(self.commands).encode()).hexdigest()[:16]

    def stamp(self, work: Path) -> Path:
        """Where it is written down that the step is done."""
        return work / "done" / self.name

    def done(self, work: Path) -> bool:
        """Whether nothing is to do."""
        stamp = self.stamp(work)
        return self.output.exists() and stamp.exists() and stamp.read_text() == self.key()


def steps(args: argparse.Namespace) -> list[Step]:
    """What makes the bundle, in order."""
    work, python = args.work, sys.executable
    renders, composites, proving = work / "renders", work / "composites", work / "proving"
    photos = ["--photos", str(args.photos)]
    cache = ["--cache", str(work / "cache")]

    def run(program: str, *rest: object) -> list[str]:
        return [python, str(HERE / program), *[str(r) for r in rest]]

    def render(part: str) -> list[str]:
        script = str(REPO / "models" / "render" / "dataset.py")
        return ["blender", "-b", "-P", script, "--", "--out", str(renders), "--threads", "1", "--part", part]

    head, tuned, again, average, last, final = (work / f"{name}.pt" for name in ("head", "tuned", "again", "average", "last", "final"))

    def tune(name: str, start: Path, out: Path, minutes: float, *settings: object) -> Step:
        sets = (*photos, *cache, "--renders", renders, composites)
        return Step(name, out, [run("fit.py", "tune", *sets, "--start", start, "--out", out, "--early-size", 160, "--draws", 4800, *settings)], minutes)

    return [
        Step("render", renders / "DONE", [render("1/2"), render("2/2")], 55),
        Step("cut-out", composites / "truth.csv", [run("composites.py", *photos, "--renders", renders, "--out", composites, "--most", 450)], 12),
        Step("head", head, [run("fit.py", "head", *photos, *cache, "--renders", renders, composites, "--views", 1, "--out", head)], 5),
        # Two rounds that differ in length, rate, order and share of renders; their average is better than either.
        tune("tune", head, tuned, 35, "--epochs", 12, "--early-epochs", 9, "--rate", 5e-4, "--keep", 0.995, "--render-share", 0.62),
        tune("tune-again", head, again, 20, "--epochs", 7, "--early-epochs", 5, "--seed", 2, "--render-share", 0.45),
        Step("average", average, [run("fit.py", "average", *photos, *cache, "--renders", renders, "--weights", tuned, again, "--out", average)], 1),
        # From there the renders, which go on teaching long after the photographs have said all they can.
        tune("tune-last", average, last, 20, "--epochs", 10, "--early-epochs", 7, "--rate", 4e-4, "--keep", 0.995, "--render-share", 0.75, "--seed", 3),
        # Two thirds of the last round and a third of what it began with.
        Step("blend", final, [run("fit.py", "average", *photos, *cache, "--renders", renders, "--weights", average, last, last, "--out", final)], 1),
        Step("quantise-baseline", work / "head.onnx", [run("quantise.py", *photos, *cache, "--weights", head, "--list", work / "head.txt", "--draw", 12, "--out", work / "head.onnx")], 1),
        Step("quantise", work / "final.onnx", [run("quantise.py", *photos, *cache, "--renders", renders, "--weights", final, "--draw", 12, "--out", work / "final.onnx")], 1),
        # A photographed item in another place is the nearest to a bin's chamber that there is: thresholds are fitted on it too.
        Step("cut-out-proving", proving / "truth.csv", [run("composites.py", *photos, "--renders", renders, "--out", proving, "--part", "validation", "--most", 80)], 3),
        Step(
            "bundle",
            args.out / "manifest.toml",
            [run("bundle.py", *photos, *cache, "--renders", renders, "--proving", proving, "--model", work / "final.onnx", "--baseline", work / "head.float.onnx", "--out", args.out,
                 "--version", args.version, "--created", args.version[:10].replace(".", "-"), "--notes", "Made by `make model`.")],
            3,
        ),
        Step(
            "statistics",
            args.out / "statistics.safetensors",
            [run("statistics_file.py", *photos, *cache, "--renders", renders, composites, "--bundle", args.out)],
            2,
        ),
        Step("build", args.binary, [["cargo", "build", "--release", "--locked", "--bin", "bunri", "--manifest-path", str(REPO / "Cargo.toml")]], 5),
        Step(
            "reference",
            args.out / "reference",
            [run("reference.py", "--binary", args.binary, "--renders", renders, "--bundle", args.out)],
            1,
        ),
        Step(
            "report",
            args.out / "REPORT.md",
            [run("report.py", "--binary", args.binary, "--bundle", args.out, *photos, "--renders", renders, "--work", work / "report",
                 "--float", work / "final.float.onnx", "--reference", work / "head.onnx", "--trials", work)],
            6,
        ),
    ]


def perform(step: Step, work: Path) -> None:
    """Runs a step's commands side by side; a failure ends the run with the command that failed."""
    environment = os.environ | ALLOCATOR
    running = [subprocess.Popen(command, env=environment) for command in step.commands]
    codes = [process.wait() for process in running]
    for code, command in zip(codes, step.commands):
        if code != 0:
            raise SystemExit(f"model: {step.name} failed (exit code {code}): {' '.join(command)}\nmodel: mend it and run `make model` again, it goes on from here")
    if not step.output.exists():
        raise SystemExit(f"model: {step.name} ended without {step.output}: look at what it said above")
    step.stamp(work).parent.mkdir(parents=True, exist_ok=True)
    step.stamp(work).write_text(step.key())


def carry_out(plan: list[Step], work: Path, only_list: bool) -> None:
    """Does what is left of a plan, or only says what that is."""
    # A step after one that is to be done is to be done as well.
    first = next((number for number, step in enumerate(plan) if not step.done(work)), len(plan))
    for number, step in enumerate(plan):
        left = sum(s.minutes for s in plan[max(first, number) :])
        state = "done" if number < first else f"about {step.minutes:g} min, {left:g} min left in all"
        print(f"model: {number + 1}/{len(plan)} {step.name}: {state}", flush=True)
        if number >= first and not only_list:
            perform(step, work)


def main() -> None:
    """Does what is left to do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--work", type=Path, default=REPO / "target" / "model", help="for renders, caches and weights: about 6 GB")
    parser.add_argument("--out", type=Path, default=REPO / "models" / "bunri-lite0", help="the bundle's folder")
    parser.add_argument("--version", default=time.strftime("%Y.%m.%d"))
    parser.add_argument("--binary", type=Path, default=REPO / "target" / "release" / "bunri")
    parser.add_argument("--list", action="store_true", help="say what there is to do, and do nothing")
    args = parser.parse_args()
    args.photos, args.work, args.out, args.binary = (path.resolve() for path in (args.photos, args.work, args.out, args.binary))
    if not (args.photos / "manifest.csv").exists():
        raise SystemExit(f"model: there is no manifest.csv in {args.photos}: give the folder of the photographs with --photos")
    carry_out(steps(args), args.work, args.list)


if __name__ == "__main__":
    main()
