"""`python -m wcode_jupyter check study.zip`: whether a study gives its recorded outputs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .errors import WcodeError
from .language import _
from .study.check import check

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Runs the command; 0: yes, 1: no, 2: it could not be checked."""
    parser = argparse.ArgumentParser(prog="python -m wcode_jupyter")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("check", help=_("Run a packaged study from its recorded answers and compare outputs."))
    one.add_argument("package", type=Path)
    one.add_argument("--trust", action="store_true", help=_("Run the notebook's code without asking."))
    options = parser.parse_args(arguments)
    try:
        if not (options.trust or _trusts(options.package)):
            print(_("Not checked: the code of the notebook was not trusted. --trust runs it."), file=sys.stderr)
            return 2
        verdict = check(options.package)
    except WcodeError as error:
        print(error, file=sys.stderr)
        return 2
    print(verdict.line)
    return 0 if verdict.good else 1


def _trusts(package: Path) -> bool:
    """Whether the user lets the code run; False where nobody can be asked."""
    print(_("{package}: checking runs the code of its notebook, with your rights.").format(package=package.name))
    if not sys.stdin.isatty():
        return False
    return input(_("Run it? [y/N] ")).strip().lower() in ("y", "yes", "是")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
