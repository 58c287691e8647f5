#!/bin/sh
# Usage: sign.sh DIRECTORY. Signs what was pushed (DIRECTORY/IMAGES: images and the chart) without a key: the signature names the workflow
# that made it. Attaches to each image its SBOMs, one for each architecture, and signs the checksums of all files.
set -eu
directory=$1
while IFS= read -r image; do
  # By digest: a tag could have been moved since.
  reference=${image%%:*}@${image##*@}
  name=${reference%@*}
  cosign sign --yes "$reference"
  case $name in */charts/*) continue ;; esac
  for sbom in "$directory/${name##*/}"-[0-9]*.spdx.json; do
    cosign attest --yes --type spdxjson --predicate "$sbom" "$reference"
  done
done <"$directory/IMAGES"
cosign sign-blob --yes --bundle "$directory/SHA256SUMS.sigstore.json" "$directory/SHA256SUMS"
