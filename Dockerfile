# The images: `--target hotreload`, `--target hotreload-agent` and `--target hotreload-agent-root`. They are for the platform of the build
# machine: for arm64 build on arm64, or with `docker buildx build --platform linux/arm64`.
# Base images, of amd64 and arm64, by digest: `make pin-bases` renews them, and a release refuses one without.
ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082
ARG NODE_IMAGE=docker.io/library/node:26.10.0-bookworm-slim@sha256:662933cf47f013bc8e4beb31a6116448427a82057ba7c42c97e4c5ba766504c2

FROM ${RUST_IMAGE} AS agent
# A target of the Rust toolchain; empty: its default.
ARG RUST_TARGET=
RUN apt-get update && apt-get install --yes --no-install-recommends musl-dev
RUN if [ -n "$RUST_TARGET" ] && [ ! -d "$(rustc --print target-libdir --target "$RUST_TARGET")" ]; then rustup target add "$RUST_TARGET"; fi
WORKDIR /build
COPY .cargo .cargo
COPY agent/Cargo.toml agent/Cargo.lock agent/build.rs agent/discard.ld agent/licences.sh ./
COPY agent/src src
RUN cargo build --release --locked ${RUST_TARGET:+--target "$RUST_TARGET"} \
  && mkdir --parents /image/licenses && cp "target/$RUST_TARGET/release/hotreload-agent" /image \
  && ./licences.sh ${RUST_TARGET:+--target "$RUST_TARGET"} >/image/licenses/third-party.txt
COPY LICENSE /image/licenses/hotreload.txt
COPY NOTICE /image/licenses/NOTICE.txt

FROM scratch AS hotreload-agent
COPY --from=agent /image /
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
COPY deploy/release/licences deploy/release/licences
COPY src src
RUN npx rolldown --config rolldown.config.ts && mkdir /licenses && mv dist/npm-packages.txt /licenses

FROM ${NODE_IMAGE} AS runtime
COPY deploy/release/runtime-root.sh /
RUN /runtime-root.sh /runtime

FROM scratch AS hotreload
COPY --from=runtime /runtime /
COPY --from=bundle /licenses /licenses
COPY LICENSE /licenses/hotreload.txt
COPY NOTICE /licenses/NOTICE.txt
COPY --from=bundle /build/dist /usr/local/lib/hotreload
ENV PATH=/usr/local/bin
# This variable and the flags below save 5 to 20 MB each, which the process allocates in bursts and never returns (docs/benchmarks.md).
ENV NODE_ENV=production MALLOC_ARENA_MAX=1
USER 65532:65532
ENTRYPOINT ["node", "--max-semi-space-size=2", "--no-maglev", "--max-old-space-size-percentage=60", "/usr/local/lib/hotreload/main.mjs"]
CMD ["serve"]
