#!/usr/bin/env bash
# Compares the Sigma engine with pySigma and SQLite: npm run sigma:oracle -- --data DIR [--out FILE].
# The environment is made on first use, apart from the one that trains; removing .venv-sigma makes it anew.
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=.venv-sigma
requirements=training/sigma-oracle/requirements.txt
stamp="$venv/requirements.sha256"
wanted="$(sha256sum "$requirements" | cut -d' ' -f1)"
if [[ ! -f "$stamp" || "$(cat "$stamp")" != "$wanted" ]]; then
  echo "making the Python environment in $venv" >&2
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
  echo "$wanted" > "$stamp"
fi
exec "$venv/bin/python" training/sigma-oracle/oracle.py "$@"
