"""Prints the lower bounds of pyproject.toml as pip constraints: `httpx>=0.28,<0.29` becomes `httpx==0.28`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
for line in [*project["dependencies"], *extras["frames"], *extras["schema"], *extras["images"], *extras["lab"]]:
    name, bound = re.fullmatch(r"([\w.-]+)(?:\[[\w,-]+\])?>=([\d.]+).*", line).groups()
    print(f"{name}=={bound}")
