#!/bin/bash
# Runs the demo on a kind cluster of the node image $NODE_IMAGE: both images built and loaded, hotreload installed, a workload labelled, its
# ConfigMap edited, the new page served by the same process. Needs Docker and kubectl.
set -euo pipefail
programs=$(mktemp --directory)
trap 'rm -rf "$programs"' EXIT
GOBIN=$programs go install sigs.k8s.io/kind@v0.32.0
sudo --preserve-env=CI,HOME env "PATH=$programs:$PATH" "NODE_IMAGE=$NODE_IMAGE" make demo
