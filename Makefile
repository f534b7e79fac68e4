# make demo | make test | make lint
SHELL := /bin/bash
CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/pgseal
export CARGO_TARGET_DIR ?= $(CACHE)/target
VENV := $(CACHE)/venv

.PHONY: demo test lint deps venv

deps:
	scripts/install-deps.sh

venv: deps
	test -x $(VENV)/bin/pytest || python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q --disable-pip-version-check -r tests/drivers/requirements.txt

demo: deps
	cargo build --release --locked -q
	PGSEAL_BIN=$(CARGO_TARGET_DIR)/release/pgseal python3 scripts/demo.py

lint: deps
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

test: lint venv
	cargo test --locked
	cargo build --locked
	cd tests/drivers && PGSEAL_BIN=$(CARGO_TARGET_DIR)/debug/pgseal $(VENV)/bin/pytest -q -p no:cacheprovider
