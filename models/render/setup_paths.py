"""Makes numpy, Pillow and the denoiser importable inside Blender.

Debian's Blender embeds the system's Python 3.11, which has none of them. They are installed once into a
virtual environment (see README.md); its `site-packages` is named by the environment variable
`BUNRI_RENDER_SITE`, by default `<repository>/target/render-venv`.

Never import anything but the standard library here: this module runs before the others can load.
"""

from __future__ import annotations

import glob
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]


def venv() -> Path:
    """The virtual environment with numpy, Pillow and pyoidn."""
    return Path(os.environ.get("BUNRI_RENDER_SITE", str(REPO / "target" / "render-venv")))


def venv_python() -> Path:
    """Its interpreter."""
    return venv() / "bin" / "python"


def make_importable() -> None:
    """Adds this folder and the environment's packages to `sys.path`; ends the run with one line if there are none."""
    sys.path.insert(0, str(HERE))
    found = glob.glob(os.path.join(venv(), "lib", "python3.11", "site-packages"))
    if not found:
        sys.exit(f"render: no Python 3.11 packages under {venv()}; make them as models/render/README.md says, "
                 "or set BUNRI_RENDER_SITE to the environment that has numpy, pillow and pyoidn")
    sys.path.insert(1, found[0])


def own_arguments() -> list[str]:
    """The arguments after Blender's own `--`."""
    return sys.argv[sys.argv.index("--") + 1:] if "--" in sys.argv else []
