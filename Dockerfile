FROM rust:1-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
# Named in Cargo.toml.
COPY benches benches
RUN cargo build --release --locked

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* && useradd --system --no-create-home pgseal && mkdir /var/lib/pgseal && chown pgseal /var/lib/pgseal
COPY --from=build /src/target/release/pgseal /usr/local/bin/pgseal
USER pgseal
ENV PGSEAL_LISTEN=0.0.0.0:6432 PGSEAL_KMS_FILE=/var/lib/pgseal/local.key
EXPOSE 6432
HEALTHCHECK --interval=10s --timeout=5s CMD ["pgseal", "healthcheck"]
ENTRYPOINT ["pgseal"]
CMD ["run"]
