"""Command line: python -m firebreak_training --data DIR [--only metadata|behavior|script|network|combiner]"""

import argparse
import sys
import time
from pathlib import Path

from . import behavior, combiner, metadata, network, script

TRAINERS = {
    "metadata": metadata.train,
    "behavior": behavior.train,
    "script": script.train,
    "network": network.train,
    "combiner": combiner.train,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="npm run train --", description="Trains the models of classifiers/.")
    parser.add_argument("--data", type=Path, required=True, help="folder of public data with its manifest.json")
    parser.add_argument("--only", choices=TRAINERS, help="train this classifier alone")
    arguments = parser.parse_args()
    if not (arguments.data / "manifest.json").is_file():
        print(f"{arguments.data} holds no manifest.json: name the folder of the data with --data.", file=sys.stderr)
        return 2
    for name in [arguments.only] if arguments.only else TRAINERS:
        began = time.monotonic()
        TRAINERS[name](arguments.data.resolve())
        print(f"{name}: done in {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
