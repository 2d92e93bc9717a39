"""The real tapes that some tests read. They live beside the repository, not in it."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def shared_data(name: str) -> Path:
    """The file `name` of `../shared/data`, or of `FORBEAR_SHARED_DATA`. Skips the test if it is not there."""
    folder = Path(os.environ.get("FORBEAR_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
    file = folder / name
    if not file.exists():
        pytest.skip(f"needs {name}, which is not in {folder}")
    return file
