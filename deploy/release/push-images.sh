#!/bin/sh
# Usage: push-images.sh DIRECTORY DESTINATION, e.g. docker://ghcr.io/hotreload or oci:/tmp/registry. Joins the archives of each image, one
# for each architecture, in an index, pushes it, and writes its digest to DIRECTORY/IMAGES, from which sign.sh reads it.
set -eu
directory=$1
destination=$2
: >"$directory/IMAGES"
for name in hotreload hotreload-agent hotreload-agent-root; do
  set -- "$directory/$name"-[0-9]*-linux-*.oci.tar
  version=${1#"$directory/$name-"}
  version=${version%-linux-*}
  # The agent's image for root is a tag of the agent's image.
  repository=${name%-root}
  tag=$version${name#"$repository"}
  index=localhost/hotreload-index-$name
  buildah manifest rm "$index" 2>/dev/null || true
  buildah manifest create "$index" >/dev/null
  for archive; do buildah manifest add --all "$index" "oci-archive:$archive" >/dev/null; done
  digest=$(mktemp)
  buildah manifest push --all --digestfile "$digest" "$index" "$destination/$repository:$tag" >/dev/null
  echo "${destination#*:}/$repository:$tag@$(cat "$digest")" | sed 's|^//||' >>"$directory/IMAGES"
  rm "$digest"
  buildah manifest rm "$index" >/dev/null
done
cat "$directory/IMAGES"
