# One image for each process: what a container does not need is not in it. docker-compose.yml uses them all.
FROM rust:1.95-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends pkg-config libssl-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p ca-core -p ocsp -p token-provisioner \
 && mkdir /out \
 && cp target/release/ca target/release/ocsp-responder target/release/token /out/
# By itself: Cargo unites features across the packages of one command, and the web must not hold code that signs.
RUN cargo build --release --locked -p ra-web && cp target/release/ra-web /out/

FROM debian:12-slim AS base
RUN apt-get update \
 && apt-get install -y --no-install-recommends libssl3 ca-certificates curl \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /yinxin --create-home yinxin \
 && cd /yinxin \
 && mkdir -p var/ca var/fund var/kmc var/kmc-socket var/ocsp var/publish var/ra var/run var/secrets/ca var/secrets/kmc var/secrets/ocsp var/secrets/ra var/secrets/validation var/tokens var/validation \
 && chown -R yinxin:yinxin var
WORKDIR /yinxin
COPY scripts/demo scripts/demo
COPY ra-web/demo ra-web/demo
USER yinxin

FROM base AS ca
COPY --from=build /out/ca /usr/local/bin/
ENTRYPOINT ["ca"]

FROM base AS ocsp-responder
COPY --from=build /out/ocsp-responder /usr/local/bin/
ENTRYPOINT ["ocsp-responder"]

FROM base AS ra-web
USER root
RUN apt-get update \
 && apt-get install -y --no-install-recommends fonts-noto-cjk \
 && rm -rf /var/lib/apt/lists/*
USER yinxin
COPY --from=build /out/ra-web /usr/local/bin/
ENTRYPOINT ["ra-web"]

FROM base AS token
COPY --from=build /out/token /usr/local/bin/
ENTRYPOINT ["token"]

# Makes the demonstration's keys, tokens and schemas once; needs every program, and runs before all others.
FROM base AS prepare
USER root
RUN apt-get update \
 && apt-get install -y --no-install-recommends fonts-noto-cjk openssl postgresql-client \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/ /usr/local/bin/
USER yinxin
ENTRYPOINT ["scripts/demo/prepare", "/usr/local/bin"]
