#!/usr/bin/env bash
# Trains the models of classifiers/ from a folder of public data: npm run train -- --data DIR [--only ID].
# The environment is made on first use; removing .venv makes it anew.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
stamp="$venv/requirements.sha256"
wanted="$(sha256sum training/requirements.txt | cut -d' ' -f1)"
if [[ ! -f "$stamp" || "$(cat "$stamp")" != "$wanted" ]]; then
  echo "making the Python environment in $venv"
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement training/requirements.txt
  echo "$wanted" > "$stamp"
fi

# One thread: two pools on few cores wait for each other, and the order of sums decides the last bits of a model.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 PYTHONHASHSEED=0 PYTHONPATH=training
exec "$venv/bin/python" -m firebreak_training "$@"
