"""Reads what the TypeScript extractors emit, over a pipe: no row of the data is written anywhere."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def emitted(*arguments: str) -> Iterator[dict]:
    """Yields the JSON lines of scripts/emit-features.ts; raises when it fails."""
    command = ["node", "--import", "tsx", "scripts/emit-features.ts", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")


def dataset(classifier: str, data: Path) -> tuple[dict, list[dict]]:
    """The schema that the extractor names first, and the labelled rows."""
    lines = emitted(classifier, str(data))
    return next(lines), list(lines)


def golden(classifier: str) -> list[dict]:
    """Features of the golden reports, in the order of the file."""
    return list(emitted("golden", classifier))
