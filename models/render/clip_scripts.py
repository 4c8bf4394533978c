"""What each demo clip shows: plain data for `clips.py`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thing:
    """One item of a clip: its true stream, generator, seed, and where it comes to rest (dm, degrees)."""

    stream: str
    variant: str
    seed: int
    at: tuple[float, float] = (0.0, 0.0)
    turn_deg: float = 20.0
    library: str = ""  # the generator's stream, where it is not the true one
    reason: str = ""  # the reject expected, if any


@dataclass(frozen=True)
class Clip:
    """A clip: a line for its file, its items, the light at which they come, the hand's seed if there is one."""

    what: str
    things: tuple[Thing, ...] = ()
    light: float = 1.0
    hand_seed: int | None = None


CLIPS: dict[str, Clip] = {
    "pet-bottle": Clip("a clear PET bottle without a label", (Thing("clear_pet", "pet_bare", 4, (0.1, 0.05), 25),)),
    "pet-bottle-label": Clip("a clear PET bottle with its label", (Thing("clear_pet", "pet_labelled", 2, (-0.1, 0.1), 155),)),
    "can": Clip("a drinks can", (Thing("can", "drinks_can", 6, (0.15, -0.05), 60),)),
    "glass-bottle": Clip("a glass bottle", (Thing("glass", "glass_bottle", 4, (0.0, 0.0), -20),)),
    "cardboard-box": Clip("a cardboard box", (Thing("paper", "cardboard_box", 3, (-0.15, 0.1), 15),)),
    "paper": Clip("a printed sheet", (Thing("paper", "news_page", 6, (0.1, 0.05), 80),)),
    "carton": Clip("a milk carton", (Thing("carton", "gable_carton", 4, (0.05, -0.1), 110),)),
    "plastic-bag": Clip("a plastic bag", (Thing("film", "carrier_bag", 3, (0.0, 0.1), 95),)),
    "foam-tray": Clip("a foam tray", (Thing("foam", "foam_tray", 3, (-0.05, 0.05), 12),)),
    "plastic-tub": Clip("a plastic tub", (Thing("plastic", "tub", 6, (0.2, 0.1), 50),)),
    "hand": Clip("a hand reaches in, moves about and leaves; no item", hand_seed=1),
    "hand-with-bottle": Clip("a hand lays down a PET bottle, stays a while and leaves", (Thing("clear_pet", "pet_bare", 2, (0.15, -0.05), 100),), hand_seed=2),
    "two-items": Clip("a can and a glass bottle at once", (Thing("general", "drinks_can", 4, (-1.0, 0.1), 75, "can", "two_items"),
                                                          Thing("general", "glass_bottle", 5, (0.75, -0.05), 80, "glass", "two_items"))),
    "light-switch": Clip("the light is switched darker, a can comes, the light is switched back", (Thing("can", "drinks_can", 3, (-0.1, 0.1), -35),), light=0.55),
}
