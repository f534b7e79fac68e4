# make demo | make test | make lint | make bench
SHELL := /bin/bash
CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/pgseal
export CARGO_TARGET_DIR ?= $(CACHE)/target
VENV := $(CACHE)/venv
PYTEST := NODE_PATH=$(CACHE)/node/node_modules PGSEAL_SERVERS=$(CACHE)/versions/node_modules PGSEAL_RUST_DRIVERS=$(CACHE)/rust-drivers/debug PGSEAL_BIN=$(CARGO_TARGET_DIR)/debug/pgseal $(VENV)/bin/pytest -q -p no:cacheprovider

.PHONY: demo test regress versions-suite sizes oracle lint bench deps venv node versions drivers

# The suite on each version that the distribution does not have; $(1): what is left out on those between the oldest and the newest.
# The tests of keys that lean on the server: the keyring, searches, values that are sealed anew, backups.
KEYS_OF_VERSIONS := $(foreach name,backups commands rotation sealing search search_shapes unsealing,tests/keys/test_$(name).py)

define ON_EACH_VERSION
set -e; for version in 14 16 17 18; do \
	export PGSEAL_TEST_VERSION=$$version PGSEAL_TWIN_CASES=600 RECORDER_SCRIPTS=15; \
	case $$version in 14|18) only="";; *) only="$(1)";; esac; \
	$(PYTEST) -n 2 -k "$$only" tests/drivers; \
	$(PYTEST) -n 2 --dist loadfile -k "not cannot_be_held" tests/twin tests/recorder; \
	$(PYTEST) -n 2 --dist loadfile $(KEYS_OF_VERSIONS); \
done
endef

deps:
	scripts/install-deps.sh

venv: deps
	test -x $(VENV)/bin/pytest || python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q --disable-pip-version-check -r tests/drivers/requirements.txt

node: deps
	mkdir -p $(CACHE)/node
	cp tests/drivers/node/package.json tests/drivers/node/package-lock.json tests/drivers/matrix/schema.prisma $(CACHE)/node/
	npm ci --prefix $(CACHE)/node --no-audit --no-fund --silent --ignore-scripts
	cd $(CACHE)/node && CHECKPOINT_DISABLE=1 PRISMA_HIDE_UPDATE_MESSAGE=1 PRISMA_SCHEMA_ENGINE_BINARY=/bin/true npx prisma generate --schema schema.prisma >/dev/null

drivers: deps
	scripts/install-drivers.sh
	cargo build --locked -q --manifest-path tests/drivers/matrix/rust/Cargo.toml --target-dir $(CACHE)/rust-drivers

# Other server versions than the distribution's, and a pooler; what the packages leave out is linked by a script of theirs.
versions: deps
	scripts/install-deps.sh pgbouncer
	mkdir -p $(CACHE)/versions
	cp tests/drivers/versions/package.json tests/drivers/versions/package-lock.json $(CACHE)/versions/
	npm ci --prefix $(CACHE)/versions --no-audit --no-fund --silent --ignore-scripts
	for package in $(CACHE)/versions/node_modules/postgres-*; do (cd $$package && node scripts/hydrate-symlinks.js); done

demo: deps
	cargo build --release --locked
	PGSEAL_BIN=$(CARGO_TARGET_DIR)/release/pgseal exec python3 scripts/demo.py

bench: deps
	scripts/install-deps.sh pgbouncer
	cargo build --release --locked
	PGSEAL_BIN=$(CARGO_TARGET_DIR)/release/pgseal python3 scripts/bench.py
	cargo bench --locked -q --bench planner

lint: deps
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

# PostgreSQL's own parser, built apart, reads what `cargo test` wrote down.
oracle:
	scripts/install-deps.sh libclang-dev protobuf-compiler
	cargo build --locked -q --manifest-path tests/oracle/Cargo.toml --target-dir $(CACHE)/oracle
	$(CACHE)/oracle/debug/oracle $(CARGO_TARGET_DIR)/tmp/readings.json

test: lint venv node versions drivers
	cargo test --locked
	$(MAKE) oracle
	$(PYTEST) tests/keys
	$(PYTEST) tests/twin
	$(PYTEST) tests/recorder
	$(MAKE) regress
	$(PYTEST) -n 2 tests/drivers
	PGSEAL_TEST_ROW=100000000 $(PYTEST) tests/drivers/sizes.py
	$(call ON_EACH_VERSION,not test_matrix.py and not test_node_postgres.py and not test_poolers.py and not test_listeners.py and not test_reload.py and not test_timeouts.py and not test_lease.py and not test_races.py and not test_soak.py)

# PostgreSQL's own regression suite, directly and through pgseal at the same time.
regress: venv
	tests/regress/fetch.sh $(CACHE)/regress
	cargo build --locked -q
	REGRESS=$(CACHE)/regress $(PYTEST) tests/regress

versions-suite: venv node versions drivers
	cargo build --locked -q
	$(call ON_EACH_VERSION,)

# Large rows and values, long pipelines and long COPY, with what pgseal took for them: some minutes.
sizes: venv
	cargo build --locked -q
	$(PYTEST) tests/drivers/sizes.py
