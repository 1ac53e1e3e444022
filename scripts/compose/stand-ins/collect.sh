#!/bin/sh
# collect TARGET PATH...: copies files and folders below TARGET, under their own paths, with every library that they load.
set -eu
target=$1
shift
mkdir -p "$target"
cp -a -L --parents "$@" "$target"
find "$@" -type f -exec ldd {} + 2>/dev/null |
  sed -n 's/^[^/]*\(\/[^ :]*\) (0x.*/\1/p' |
  sort -u |
  xargs cp -a -L --parents --target-directory "$target"
