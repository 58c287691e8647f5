#!/bin/bash
# Creates a kind cluster of the node image $NODE_IMAGE and runs the demo on it: both images built and loaded, hotreload installed, a
# workload labelled, its ConfigMap edited, the new page served by the same process. Needs Docker; the cluster stays for a look.
set -euo pipefail
cluster=hotreload
go run sigs.k8s.io/kind@v0.32.0 create cluster --name "$cluster" --image "$NODE_IMAGE" --kubeconfig kind.kubeconfig --wait 3m
# The demo reads its page from the Pod's address, which is in the node's network.
node=$(docker inspect --format '{{.NetworkSettings.Networks.kind.IPAddress}}' "$cluster-control-plane")
pods=$(kubectl --kubeconfig kind.kubeconfig get node "$cluster-control-plane" --output 'jsonpath={.spec.podCIDR}')
sudo ip route replace "$pods" via "$node"
sudo --preserve-env=CI,HOME env "PATH=$PATH" "KUBECONFIG=$PWD/kind.kubeconfig" \
  "LOAD_IMAGE=go run sigs.k8s.io/kind@v0.32.0 load image-archive --name $cluster" make demo
