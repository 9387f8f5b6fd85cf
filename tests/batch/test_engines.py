"""The table of batch engines."""

from __future__ import annotations

import pytest

from wcode_jupyter.batch.engines import ENGINES, engine_of, is_engine
from wcode_jupyter.errors import InputError


@pytest.mark.parametrize("value", ["spark", 7, None])
def test_what_is_not_an_engine_is_refused(value: object) -> None:
    """The error names the value and the engines there are."""
    with pytest.raises(InputError, match="is not a batch engine") as caught:
        engine_of(value)
    assert all(engine.name in caught.value.hint for engine in ENGINES)


def test_an_engine_is_found_by_its_name_and_by_its_client() -> None:
    """A client is told by the package of its class, which is not imported for that."""

    class Client:
        """Stands for distributed.Client."""

    Client.__module__ = "distributed.client"
    assert engine_of("dask").name == engine_of(Client()).name == "dask"
    assert is_engine(Client())
    assert not is_engine("dask")
