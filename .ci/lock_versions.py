"""Prints pip's report of a resolution as constraints: name==version, a line each."""

from __future__ import annotations

import json
import sys
from pathlib import Path

_HEAD = """# Exact versions of the tests' environment, resolved by pip on Python {python}; `bash .ci/lock` renews them.
# They hold on that Python; on others pip resolves by pyproject.toml alone."""


def main(path: str) -> None:
    """The report's packages, but for this one."""
    report = json.loads(Path(path).read_text(encoding="utf-8"))
    found = {row["metadata"]["name"].lower().replace("_", "-"): row["metadata"]["version"] for row in report["install"]}
    found.pop("wcode-jupyter", None)
    print(_HEAD.format(python=".".join(report["environment"]["python_version"].split(".")[:2])))
    for name, version in sorted(found.items()):
        print(f"{name}=={version}")


if __name__ == "__main__":
    main(sys.argv[1])
