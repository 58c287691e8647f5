# The images: `--target hotreload`, `--target hotreload-agent` and `--target hotreload-agent-root`. They are for the platform of the build
# machine: for arm64 build on arm64, or with `docker buildx build --platform linux/arm64`.
# To pin by digest: --build-arg NODE_IMAGE=docker.io/library/node:26-bookworm-slim@sha256:…
ARG RUST_IMAGE=docker.io/library/rust:1.95-slim-bookworm
ARG NODE_IMAGE=docker.io/library/node:26-bookworm-slim

FROM ${RUST_IMAGE} AS agent
# A target of the Rust toolchain; empty: its default.
ARG RUST_TARGET=
RUN apt-get update && apt-get install --yes --no-install-recommends musl-dev
RUN if [ -n "$RUST_TARGET" ]; then rustup target add "$RUST_TARGET"; fi
WORKDIR /build
COPY agent/Cargo.toml agent/Cargo.lock agent/build.rs agent/discard.ld ./
COPY agent/src src
RUN cargo build --release --locked ${RUST_TARGET:+--target "$RUST_TARGET"} \
  && cp "target/$RUST_TARGET/release/hotreload-agent" /hotreload-agent

FROM scratch AS hotreload-agent
COPY --from=agent /hotreload-agent /hotreload-agent
USER 65532:65532
ENTRYPOINT ["/hotreload-agent"]

# Replaces config-reloader-sidecar, whose image runs as root: only root may signal another user's program.
FROM hotreload-agent AS hotreload-agent-root
USER 0:0

FROM ${NODE_IMAGE} AS bundle
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY rolldown.config.ts tsconfig.json ./
COPY src src
RUN npx rolldown --config rolldown.config.ts

FROM ${NODE_IMAGE} AS hotreload
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn* /usr/local/bin/yarn*
COPY --from=bundle /build/dist /usr/local/lib/hotreload
# This variable and the flags below save 5 to 20 MB each, which the process allocates in bursts and never returns (docs/benchmarks.md).
ENV NODE_ENV=production MALLOC_ARENA_MAX=1
USER 65532:65532
ENTRYPOINT ["node", "--max-semi-space-size=2", "--no-maglev", "--max-old-space-size-percentage=60", "/usr/local/lib/hotreload/main.mjs"]
CMD ["serve"]
