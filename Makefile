# A fresh machine needs Node.js 20 or later with npm, cargo, go and, for tests on a node, root on Debian or Ubuntu. The targets install
# everything else with a message: npm packages in node_modules (among them Node.js 26, which is first in PATH below), Debian packages by
# apt-get, Kubernetes and containerd by `go build` in ~/.cache/hotreload (10 minutes, once).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH):$(HOME)/.cargo/bin:/usr/local/go/bin

NPM := node_modules/.installed
REPORTS := reports
AGENT_SOURCES := $(shell find .cargo agent -path agent/target -prune -o -type f -print)
SOURCES := $(shell find src deploy/release/licences -type f) package.json rolldown.config.ts tsconfig.json
# They strip the programs of both architectures.
BINUTILS := binutils-x86-64-linux-gnu binutils-aarch64-linux-gnu
MUSL := /usr/lib/$(shell uname -m)-linux-musl/libc.a

# vitest of a project, or of several at once under a name. It writes a report of that name, and test/report.ts sums them up.
vitest = vitest run $(foreach project,$(or $(2),$(1)),--project $(project)) --reporter=default --reporter=json --outputFile.json=$(REPORTS)/$(1).json

.PHONY: help
help: ## this list
	@echo "make TARGET, one of:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## a reload of nginx on this machine, in the first minute, then on a real node; PARTS=--without-node: only the first
	@$(MAKE) --silent --jobs=2 $(NPM) agent-dependencies
	@node test/demo/main.ts $(PARTS)

# Beside npm ci, whose work is mostly the network's. It links nothing, and so needs no musl; a machine without cargo learns it from the demo.
.PHONY: agent-dependencies
agent-dependencies:
	@cargo build --release --locked --quiet --lib --manifest-path agent/Cargo.toml || true

.PHONY: build
build: bin/hotreload bin/hotreload-agent ## bin/hotreload (a launcher of dist/) and bin/hotreload-agent

.PHONY: cli
cli: $(NPM) ## out/cli/kubectl-hotreload, one file that needs no Node.js, for this machine's platform
	node --eval 'import("./deploy/release/executable.ts").then((one) => one.writeExecutable("out/cli/kubectl-hotreload"))'

.PHONY: test
test: lint test-unit test-agent test-clusters test-oldest ## lint and all tests; the first run builds Kubernetes twice, and containerd (17 minutes)

.PHONY: lint
lint: $(NPM) $(MUSL) ## formatters, linters, types
	@echo "== lint"
	npm run --silent lint
	go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
	cd agent && cargo fmt --check && cargo clippy --locked --quiet --all-targets -- --deny warnings

.PHONY: test-unit
test-unit: build ## tests without a cluster
	@echo "== unit tests"
	$(call vitest,unit)

.PHONY: test-agent
test-agent: $(MUSL) ## the agent's tests
	@echo "== agent tests"
	@mkdir -p $(REPORTS)
	@# nohup and background jobs ignore signals. Their children inherit that, and a shell can't trap such a signal: the tests' programs would not reload.
	PROPTEST_CASES=$${PROPTEST_CASES:-10000} env --default-signal cargo test --manifest-path agent/Cargo.toml --locked --no-fail-fast 2>&1 | tee $(REPORTS)/agent.txt

.PHONY: test-api
test-api: $(NPM) build ## tests on a real API server (that of KUBECONFIG, if set; KUBERNETES=1.30; KUBEBUILDER_ASSETS saves the build)
	@echo "== tests on an API server"
	$(call vitest,apiserver)

.PHONY: test-oldest
test-oldest: $(NPM) build ## those that differ between versions of Kubernetes, on the oldest; the whole: make test-api KUBERNETES=1.30
	@echo "== tests on an API server of Kubernetes 1.30"
	$(call vitest,oldest)

.PHONY: test-node
test-node: $(NPM) bin/hotreload ## tests on a real node (that of KUBECONFIG, if set), and faults on one of its own
	@echo "== tests on a node"
	$(call vitest,node)
	$(call vitest,install)
	$(call vitest,faults)

# A test of the node waits for tokens, while those on API servers run.
.PHONY: test-clusters
test-clusters: $(NPM) build ## test-api and test-node at once
	@echo "== tests on API servers and on a node"
	$(call vitest,clusters,apiserver node)
	$(call vitest,install)
	$(call vitest,faults)

.PHONY: test-faults
test-faults: $(NPM) bin/hotreload ## faults under load for long: FAULT_ROUNDS of each (5), FAULT_SECONDS of load after it (30)
	FAULT_ROUNDS=$${FAULT_ROUNDS:-5} FAULT_SECONDS=$${FAULT_SECONDS:-30} $(call vitest,faults)

.PHONY: fuzz
fuzz: $(NPM) $(MUSL) ## the readers of webhook, controller and agent with FUZZ_CASES random cases each (1,000,000: hours)
	FUZZ_CASES=$${FUZZ_CASES:-1000000} vitest run --project unit --testTimeout=0 $$(grep --recursive --files-with-matches FUZZ_CASES test --include='*.test.ts')
	PROPTEST_CASES=$${FUZZ_CASES:-1000000} env --default-signal cargo test --manifest-path agent/Cargo.toml --locked --release --lib --test fuzz

.PHONY: test-gate
test-gate: $(MUSL) ## the agent killed again and again, and readers that hammer, over GATE_PUBLISHES changes of a gated volume (10,000: minutes)
	GATE_PUBLISHES=$${GATE_PUBLISHES:-10000} env --default-signal cargo test --manifest-path agent/Cargo.toml --locked --release --test gate_loops -- --nocapture

.PHONY: test-programs
test-programs: $(NPM) bin/hotreload ## before a release: reloads of programs that take minutes to build
	vitest run --project programs

.PHONY: test-arm64
test-arm64: $(NPM) ## before a release: the agent for arm64 and its tests, and the one-file command line, in emulation
	node test/cluster/main.ts packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static binfmt-support mmdebstrap debian-archive-keyring
	test/arm64/run.sh

.PHONY: bench
bench: $(NPM) build ## measurements, see bench/ and docs/benchmarks.md
	cargo build --release --locked --manifest-path agent/Cargo.toml --bins --example bare
	@for program in bench/*.ts; do echo "== $$program"; node "$$program"; done

.PHONY: reach
reach: $(NPM) ## how much reloads in place in real manifests, those of the folder CORPUS (test/reach/)
	@node test/reach/main.ts

.PHONY: manifests
manifests: $(NPM) ## the chart's files, and deploy/base and the other kustomize directories, rendered from the chart
	node test/deploy/main.ts

.PHONY: mutants
mutants: $(NPM) $(MUSL) ## changes that break a promise, each of which a test must notice (test/mutants/)
	env --default-signal node test/mutants/main.ts

.PHONY: pin-bases
pin-bases: ## the digests of the base images in the Dockerfile, as their tags are now
	deploy/release/pin-bases.sh

.PHONY: release
release: $(NPM) ## what a release publishes, for this architecture, in out/release (the workflow publishes it)
	node test/cluster/main.ts packages buildah $(BINUTILS)
	node deploy/release/main.ts out/release

.PHONY: release-dry-run
release-dry-run: $(NPM) ## the same without a registry, made twice and compared
	node test/cluster/main.ts packages buildah $(BINUTILS) mmdebstrap debian-archive-keyring
	deploy/release/reproduce.sh out/release --stand-ins
	@echo "== pushing into out/registry, as the workflow does to the registry"
	@rm -rf out/registry && mkdir -p out/registry
	deploy/release/push-images.sh out/release oci:$(CURDIR)/out/registry 2>/dev/null
	@echo "== pushing the chart to a registry on this machine, and pulling it"
	HELM=$$(node test/cluster/main.ts helm) deploy/release/with-registry.sh sh -ec \
	  'deploy/release/push-chart.sh out/release "oci://$$REGISTRY/charts" --plain-http; \
	  $$HELM pull "oci://$$REGISTRY/charts/hotreload" --destination out/registry'
	cmp out/release/hotreload-chart-*.tgz out/registry/hotreload-*.tgz

.PHONY: clean
clean: ## removes build results; ~/.cache/hotreload (Kubernetes, images) stays
	rm -rf bin dist out $(REPORTS) agent/target

$(NPM): package.json package-lock.json
	@echo "== npm ci (npm packages and Node.js 26 in node_modules)"
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

bin/hotreload: src/hotreload.sh dist/main.mjs
	@mkdir -p bin
	install --mode=755 $< $@
	@ln -sf hotreload bin/kubectl-hotreload
	@touch $@

dist/main.mjs: $(NPM) $(SOURCES)
	@echo "== bundling src in dist"
	rolldown --config rolldown.config.ts
	@touch $@

bin/hotreload-agent: $(MUSL) $(AGENT_SOURCES)
	@echo "== building the agent"
	cargo build --release --locked --manifest-path agent/Cargo.toml
	@mkdir -p bin
	install --mode=755 agent/target/release/hotreload-agent $@

# musl's libc.a, for linking the agent.
$(MUSL): | $(NPM)
	node test/cluster/main.ts packages gcc libc6-dev musl-dev
