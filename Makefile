# The commands people type. Everything else is in scripts/.
#   make run     build and start the whole system on this machine, with a demonstration office
#   make test    everything that must hold before a change is handed over
#   make bench   the benchmarks of tests/bench (ratios, not seconds)
#   make fuzz    what strangers send, thought up by libFuzzer: ten million runs of each target of tests/fuzz (RUNS=…)
#   make lint    format and clippy only
#   make clean   build products, test environment and demonstration data

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test bench fuzz lint fmt-check clippy tongsuo clean

# Where cargo puts what it builds.
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -7

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
	cargo build --release --locked -p ca-core -p ocsp -p stripe-stand-in
	cargo build --release --locked -p ra-web
	cd tests/bench && cargo run --release --locked
	cd tests/bench/system && YINXIN_PROGRAMS=$(TARGET)/release cargo run --release --locked

# libFuzzer without another toolchain: its counters are a pass of LLVM.
COUNTERS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=1
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')

fuzz:
	@for target in request path message; do \
	  mkdir -p $(TARGET)/fuzz/corpus/$$target; \
	  (cd tests/fuzz && RUSTFLAGS="$(COUNTERS)" cargo run --release --locked --target $(HOST) --target-dir $(TARGET)/fuzz \
	    --bin $$target -- -runs=$(or $(RUNS),10000000) -max_len=4096 -rss_limit_mb=512 -print_final_stats=1 \
	    $(TARGET)/fuzz/corpus/$$target seeds/$$target); \
	done

clean:
	cargo clean
	rm -rf .venv var tests/bench/target tests/bench/system/target
