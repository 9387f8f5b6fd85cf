"""The doors into IPython: the `%%wcode` cell, the `%wcode` commands, completion and help.

`options` reads a line into values, `cell` runs a cell, `commands` holds one function per `%wcode` word, `completion`
and `manual` are generated from the same tables.
"""

from __future__ import annotations

__all__: list[str] = []
