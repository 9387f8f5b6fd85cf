"""The child process that holds the engine. Run as a script by `process`, not imported; needs only xllamacpp.

It reports one JSON line on its standard output, `{"address": "http://127.0.0.1:PORT"}` or `{"error": "..."}`, and
lives until its standard input closes: the system closes it for a parent that was killed, too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from typing import Any

__all__: list[str] = []


def main() -> None:
    """Serves the model named on the command line; the key comes in the environment, which other users cannot read."""
    parent = os.getppid()
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the engine prints belongs into the log
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        server = _serve(_arguments(), os.environ.pop("WCODE_LOCAL_KEY"))
    except Exception as error:
        # The engine has told the log more than its exception says; this line is for when it has not.
        print(error, file=sys.stderr, flush=True)
        _say(report, error=f"{type(error).__name__}: {error}")
        os._exit(1)
    _say(report, address=server.listening_address)
    # A process forked by the kernel may hold our standard input open after the kernel died.
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("model")
    parser.add_argument("--alias", required=True)
    for number in ("n-ctx", "threads", "parallel"):
        parser.add_argument(f"--{number}", type=int, required=True)
    return parser.parse_args()


def _serve(arguments: argparse.Namespace, key: str) -> Any:
    """The running engine; it loads the model before it returns."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = arguments.model
    params.model_alias = {arguments.alias}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.n_ctx = arguments.n_ctx
    params.n_parallel = arguments.parallel
    params.kv_unified = True  # else each of the parallel answers gets only its share of the context
    params.cache_ram_mib = 0  # the engine would keep up to 8 GB of old prompts
    params.cache_idle_slots = False
    params.cpuparams.n_threads = arguments.threads
    params.endpoint_slots = False
    params.ui = False
    params.verbosity = 2  # warnings and errors: the log grows with trouble only, and holds no prompt
    return xllamacpp.Server(params)


def _say(report: Any, **words: str) -> None:
    report.write(json.dumps(words) + "\n")
    report.close()


def _end_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
