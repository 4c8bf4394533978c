"""The labels of a Bunri model, in the order of its logits, and the stream each one goes to.

The order is part of every bundle's manifest: never change it for a bundle that has shipped, only append.
"""

from __future__ import annotations

LABELS: tuple[str, ...] = (
    "clear_pet",
    "plastic",
    "can",
    "glass",
    "paper",
    "carton",
    "film",
    "foam",
    "general",
    "unknown",
)

UNKNOWN: int = LABELS.index("unknown")
KNOWN: tuple[int, ...] = tuple(i for i in range(len(LABELS)) if i != UNKNOWN)

# Truth columns use a few names that are not labels: a hand, an empty chamber and two items at once are "none of ours".
_ALIASES: dict[str, str] = {"hand": "unknown", "empty": "unknown", "two_items": "unknown"}


def label_index(stream: str) -> int:
    """Index of the label that a truth column's `stream` trains.

    Raises:
        ValueError: the name is neither a label nor a known alias.
    """
    name = _ALIASES.get(stream, stream)
    if name not in LABELS:
        raise ValueError(f"stream {stream!r} is not one of {', '.join(LABELS)}, hand, empty, two_items")
    return LABELS.index(name)


def stream_of(label: int) -> str:
    """Stream of a label: its own name, and general waste for the unknown."""
    return "general" if label == UNKNOWN else LABELS[label]
