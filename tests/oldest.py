"""Print the oldest versions that pyproject.toml allows, as constraints for pip: `make test-oldest`."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
for wanted in project["dependencies"]:
    name, lowest, marker = re.fullmatch(r"([\w-]+)>=([\d.]+)[^;]*(;.*)?", wanted).groups()
    print(f"{name}=={lowest}{marker or ''}")
