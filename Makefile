# The commands people type. Everything else is in scripts/.
#   make run     build and start the whole system on this machine, with a demonstration office
#   make test    everything that must hold before a change is handed over
#   make bench   the benchmarks of tests/bench (ratios, not seconds)
#   make lint    format and clippy only
#   make clean   build products, test environment and demonstration data

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test bench lint fmt-check clippy tongsuo clean

# Where cargo puts what it builds.
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -6

run:
	@scripts/setup run
	@scripts/run

# Bins and tests are built together, with the features of the whole workspace, and clippy's driver compiles them while it
# lints: nothing is compiled twice.
test: export RUSTC_WORKSPACE_WRAPPER = clippy-driver
test: export CLIPPY_ARGS = -D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__
test:
	@scripts/setup test
	cargo fetch --locked
	@$(MAKE) --no-print-directory fmt-check tongsuo
	cargo build --locked --workspace --all-targets
	cargo test --locked --workspace

lint: fmt-check clippy

fmt-check:
	cargo fmt --all --check
	cargo fmt --manifest-path tests/tongsuo/Cargo.toml --check

clippy:
	cargo clippy --locked --workspace --all-targets -- -D warnings

# The judge of SM2 under the standard id. Tongsuo is built from source, once: about two minutes.
tongsuo:
	cargo clippy --locked --manifest-path tests/tongsuo/Cargo.toml --target-dir $(TARGET)/tongsuo -- -D warnings
	cargo build --locked --manifest-path tests/tongsuo/Cargo.toml --target-dir $(TARGET)/tongsuo

bench:
	@scripts/setup bench
	cargo build --release --locked -p ca-core
	cd tests/bench && cargo run --release --locked
	cd tests/bench/system && YINXIN_PROGRAMS=$(TARGET)/release cargo run --release --locked

clean:
	cargo clean
	rm -rf .venv var tests/bench/target tests/bench/system/target
