"""Train the network: the last layer first on the frozen backbone, then everything, gently, with averaged weights.

`head` (LP): embeddings of a few random views of each picture, then a linear layer on them. The result is the frozen
baseline that every later model is compared with.
`tune` (FT): starts from that head; batch normalisation keeps its statistics; small rate with warm-up and cosine; what is
kept is an exponential average of the weights.
`average`: the mean of several tunings' weights.

Labels are drawn with weights between "as they come" and "all alike", or cartons (hundreds) would drown films (dozens).
Never: a choice made on the test split.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

import augment
from labels import LABELS, stream_of
from network import Lite, pretrained, scale_pixels
from pictures import Pictures, join, photographs, renders


def sampling_weights(labels: np.ndarray, rendered: np.ndarray, power: float, render_share: float) -> Tensor:
    """Chance of each picture to be drawn: label counts to the power of `-power`, renders `render_share` of the draws."""
    weights = np.zeros(len(labels))
    for part, share in ((~rendered, 1.0 - render_share), (rendered, render_share)):
        if not part.any():
            continue
        counts = np.bincount(labels[part], minlength=len(LABELS)).astype(float)
        # A label with three pictures must not be shown a hundred times an epoch: it would only be learnt by heart.
        inverse = np.where(counts > 0, np.maximum(counts, 12.0) ** -power, 0.0)
        chance = inverse[labels[part]]
        weights[part] = share * chance / chance.sum()
    return torch.from_numpy(weights / weights.sum())


def embed_exact(network: Lite, pictures: Pictures, batch: int = 64) -> Tensor:
    """Embeddings of the pictures as the bin sees them, float32 [N, 1280]."""
    network.eval()
    parts = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(pictures), batch):
            pixels = torch.from_numpy(pictures.exact[start : start + batch])
            parts.append(network.embed(scale_pixels(pixels)).float())
    return torch.cat(parts) if parts else torch.zeros(0, network.last.in_features)


def right_streams(logits: Tensor, labels: np.ndarray) -> float:
    """Share of pictures whose best label goes to the true label's stream."""
    best = logits.argmax(1).tolist()
    return float(np.mean([stream_of(a) == stream_of(b) for a, b in zip(best, labels.tolist())])) if best else math.nan


def report(network: Lite, name: str, sets: dict[str, Pictures]) -> dict[str, float]:
    """Top-1 by stream on each set, printed on one line."""
    figures = {}
    for key, pictures in sets.items():
        with torch.inference_mode():
            figures[key] = right_streams(network.last(embed_exact(network, pictures)), pictures.labels)
    print(name, " ".join(f"{key} {value:.4f}" for key, value in figures.items()), flush=True)
    return figures


def fit_head(network: Lite, train: Pictures, args: argparse.Namespace, generator: Generator) -> None:
    """Train the last layer on the embeddings of `args.views` random views of each training picture."""
    network.eval()
    features, labels = [embed_exact(network, train)], [torch.from_numpy(train.labels)]
    with torch.inference_mode():
        for view in range(args.views):
            for start in range(0, len(train), 64):
                x = augment.views(torch.from_numpy(train.large[start : start + 64]), args.late_size, generator, args.gentle)
                with torch.autocast("cpu", torch.bfloat16):
                    features.append(network.embed(x).float())
            labels.append(torch.from_numpy(train.labels))
            print(f"view {view + 1} of {args.views}", flush=True)
    x, y = torch.cat(features).clone(), torch.cat(labels)
    chance = sampling_weights(train.labels, train.rendered, args.power, args.render_share).repeat(args.views + 1)
    chance = (chance / chance.sum() * len(chance)).float()
    last = network.last
    optimiser = torch.optim.AdamW(last.parameters(), lr=3e-3, weight_decay=2e-2)
    epochs = args.head_epochs
    for epoch in range(epochs):
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * 0.5 * (1 + math.cos(math.pi * epoch / epochs))
        order = torch.randperm(len(x), generator=generator)
        for index in order.split(256):
            logits = last(functional.dropout(x[index], 0.2))
            loss = (functional.cross_entropy(logits, y[index], reduction="none", label_smoothing=0.05) * chance[index]).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()


class Average:
    """Exponential average of a network's weights."""

    def __init__(self, network: Lite, keep: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self.keep = keep
        self.steps = 0

    @torch.no_grad()
    def update(self, network: Lite) -> None:
        """Take in the weights after one step; early steps count more, or the start would stay for ever."""
        self.steps += 1
        keep = min(self.keep, self.steps / (self.steps + 9.0))
        for mine, theirs in zip(self.network.parameters(), network.parameters()):
            mine.lerp_(theirs, 1.0 - keep)


def average(files: list[Path], sets: dict[str, Pictures]) -> Lite:
    """The network whose weights are the mean of several fine-tunings from one start (a "model soup")."""
    soup, states = load(files[0]), [load(file).state_dict() for file in files]
    soup.load_state_dict({key: sum(state[key] for state in states) / len(states) if value.is_floating_point() else value for key, value in states[0].items()})
    for name, network in [(file.name, load(file)) for file in files] + [("average", soup)]:
        report(network, name, sets)
    return soup


def parameter_groups(network: Lite, args: argparse.Namespace) -> list[dict[str, object]]:
    """Backbone and last layer at their own rates; no decay on normalisation and biases."""
    groups = []
    for last in (False, True):
        for decays in (True, False):
            chosen = [
                parameter
                for name, parameter in network.named_parameters()
                if parameter.requires_grad and name.startswith("last.") == last and (parameter.ndim > 1) == decays
            ]
            rate = args.rate * (args.head_factor if last else 1.0)
            groups.append({"params": chosen, "lr": rate, "top": rate, "weight_decay": args.decay if decays else 0.0})
    return groups


def tune(network: Lite, train: Pictures, sets: dict[str, Pictures], args: argparse.Namespace, generator: Generator) -> Lite:
    """Fine-tune everything; gives the average network.

    After each epoch what is needed to go on is put beside `args.out`, and an interrupted run goes on from there.
    """
    chance = sampling_weights(train.labels, train.rendered, args.power, args.render_share)
    network.freeze(args.frozen)
    optimiser = torch.optim.AdamW(parameter_groups(network, args))
    draws = args.draws or len(train)
    steps = max(draws // args.batch, 1)
    total = steps * args.epochs
    average = Average(network, args.keep)
    partial = args.out.with_suffix(".partial.pt")
    settings = repr(sorted(vars(args).items()))
    first = resume(partial, settings, network, average, optimiser, generator)
    done = first * steps
    for epoch in range(first, args.epochs):
        network.train()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        for part in [network.stem, *network.blocks[: args.frozen]]:
            part.eval()
        size = args.early_size if epoch < args.early_epochs else args.late_size
        order = torch.multinomial(chance, steps * args.batch, replacement=True, generator=generator)
        began, losses = time.monotonic(), 0.0
        for index in order.split(args.batch):
            warm = min(1.0, (done + 1) / (0.1 * total))
            for group in optimiser.param_groups:
                group["lr"] = group["top"] * warm * 0.5 * (1 + math.cos(math.pi * done / total))
            x = augment.views(torch.from_numpy(train.large[index.numpy()]), size, generator, args.gentle)
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(x)
            loss = functional.cross_entropy(logits.float(), torch.from_numpy(train.labels[index.numpy()]), label_smoothing=0.05)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            optimiser.step()
            average.update(network)
            losses += loss.item()
            done += 1
            if done % 10 == 0:
                each = (time.monotonic() - began) / (done - epoch * steps)
                left = (total - done) * each / 60
                print(f"epoch {epoch + 1} step {done}/{total} loss {losses / (done - epoch * steps):.4f} {args.batch / each:.1f}/s, {left:.0f} min left", flush=True)
        report(average.network, f"epoch {epoch + 1} size {size} {time.monotonic() - began:.0f} s: average", sets)
        state = {"settings": settings, "epoch": epoch + 1, "network": network.state_dict(), "average": average.network.state_dict(),
                 "steps": average.steps, "optimiser": optimiser.state_dict(), "generator": generator.get_state()}
        torch.save(state, partial.with_suffix(".new"))
        partial.with_suffix(".new").rename(partial)
    partial.unlink(missing_ok=True)
    return average.network


def resume(partial: Path, settings: str, network: Lite, average: Average, optimiser: torch.optim.Optimizer, generator: Generator) -> int:
    """Takes up what an interrupted run with the same settings left; gives the number of epochs that are done."""
    if not partial.exists():
        return 0
    state = torch.load(partial, map_location="cpu", weights_only=True)
    if state["settings"] != settings:
        return 0
    network.load_state_dict(state["network"])
    average.network.load_state_dict(state["average"])
    average.steps = state["steps"]
    optimiser.load_state_dict(state["optimiser"])
    generator.set_state(state["generator"])
    print(f"goes on after epoch {state['epoch']}", flush=True)
    return int(state["epoch"])


def load(path: Path) -> Lite:
    """A network from a file that `main` saved."""
    network = Lite(len(LABELS))
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.to(memory_format=torch.channels_last).eval()


def arguments() -> argparse.ArgumentParser:
    """The command line; its defaults are the settings of `fit_head` and `tune`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", choices=("head", "tune", "average"))
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--split", type=Path, default=Path(__file__).parent / "split.csv")
    parser.add_argument("--renders", type=Path, nargs="+", default=[], help="folders with truth.csv")
    parser.add_argument("--cache", type=Path, help="folder for the squashed pictures")
    parser.add_argument("--start", type=Path, help="weights to start from (tune: those of head)")
    parser.add_argument("--weights", type=Path, nargs="+", default=[], help="average: what `tune` made")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--power", type=float, default=0.6, help="0: labels as they come, 1: all alike")
    parser.add_argument("--render-share", type=float, default=0.4, help="share of draws that are renders")
    parser.add_argument("--views", type=int, default=3)
    parser.add_argument("--head-epochs", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--early-epochs", type=int, default=3, help="epochs at --early-size")
    parser.add_argument("--early-size", type=int, default=192)
    parser.add_argument("--late-size", type=int, default=224, help="size of the other epochs, the one that ships")
    parser.add_argument("--frozen", type=int, default=5, help="leading blocks kept as they are: the dear ones to train")
    parser.add_argument("--gentle", action="store_true", help="views for pictures of one studio")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--draws", type=int, default=0, help="pictures drawn an epoch; 0: as many as there are")
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--head-factor", type=float, default=2.0)
    parser.add_argument("--decay", type=float, default=0.02)
    parser.add_argument("--keep", type=float, default=0.99)
    return parser


def main() -> None:
    """Run one stage."""
    args = arguments().parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    generator = Generator().manual_seed(args.seed)
    parts = [photographs(args.photos, args.split, args.cache)]
    parts += [renders(folder, args.cache) for folder in args.renders]
    pictures = join(parts)
    train = pictures.split("train")
    validation = pictures.split("validation")
    sets = {"photo validation": validation.where(~validation.rendered)}
    if args.renders:
        sets["render validation"] = validation.where(validation.rendered)
    print(f"{len(train)} training pictures, {int(train.rendered.sum())} of them rendered", flush=True)

    if args.stage == "average":
        soup = average(args.weights, sets)
        torch.save(soup.state_dict(), args.out)
        return
    network = load(args.start) if args.start else pretrained(len(LABELS))
    if args.stage == "head":
        fit_head(network, train, args, generator)
        report(network, "head", sets)
        torch.save(network.state_dict(), args.out)
        return
    tuned = tune(network, train, sets, args, generator)
    torch.save(tuned.state_dict(), args.out)


if __name__ == "__main__":
    main()
