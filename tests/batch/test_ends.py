"""What a run leaves behind in a process whose user closes nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .strict_server import StrictServer

_CODE = """
import gc
from wcode_jupyter import Client
client = Client(base_url={url!r}, model="m", log=False, concurrency=16)
print(len(client.map("Say {{{{value}}}}", range(20), progress=False)))
{then}
"""


@pytest.mark.parametrize("then", ["", "del client; gc.collect()"])
def test_no_connection_is_left_open(then: str) -> None:
    """Neither the end of the program nor a client that is dropped says anything of unclosed sessions."""
    with StrictServer() as server:
        code = _CODE.format(url=server.base_url, then=then)
        ran = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "20\n"
    assert ran.stderr == ""
