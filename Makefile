# make demo and make test are all that a fresh machine needs: Rust is there, everything else is installed when it is missing.

CARGO ?= cargo

.PHONY: help demo test bench soak histories versions regress driver-suites fuzz fuzz-coverage lint tour deps driver-deps bench-deps

help:
	@echo "make demo    a bank that never closes: three versions of pgbench at once, published, rolled back, retired"
	@echo "make test    all tests, against private PostgreSQL servers and real drivers"
	@echo "make tour    run the commands of README.md and compare what they print"
	@echo "make bench   editiond beside PgBouncer and HAProxy; the backfill beside a plain UPDATE; the rewriter"
	@echo "make soak    twenty rounds of publish, rollback, publish, retire under load, 10,000 random drafts, then the demo, again and again"
	@echo "make histories  migrations of real applications, each as an edition (HISTORIES: a folder; see tests/histories.txt)"
	@echo "make versions   the library's and the end-to-end tests on PostgreSQL 16, 17 and 18, whose programs come from pip and npm packages"
	@echo "make regress  PostgreSQL's own regression and isolation suites through editiond beside direct: database not adopted, adopted, and with"
	@echo "              every table a view, from the parent's and the child's side; statements that differ go to regress-*.md"
	@echo "make fuzz    bytes that nobody would send: the corpora in proxy/fuzz, and what is like them (FUZZ_SECONDS=30 for each target)"
	@echo "make fuzz-coverage  the same led by coverage (libFuzzer); needs a nightly compiler and cargo-fuzz"
	@echo "make driver-suites  the suites of psycopg 2 and 3, asyncpg, node-postgres, SQLAlchemy and Django through editiond beside direct: what is lost, and why"
	@echo "make lint    formatting, clippy, documentation"

# Sizes: DEMO_SCALE=1 DEMO_SECONDS=3 DEMO_CLIENTS=4 make demo
demo: deps
	$(CARGO) build --release -p edition-cli -p editiond -p edition-tests --bins
	target/release/demo

test: deps driver-deps
	$(CARGO) test --workspace --no-fail-fast

tour: deps
	$(CARGO) build -p edition-cli -p editiond -p edition-tests --bins
	target/debug/readme-tour

bench: deps bench-deps
	$(CARGO) build --release -p editiond
	$(CARGO) run --release -p edition-bench --bin proxies
	$(CARGO) run --release -p edition-bench --bin backfill
	$(CARGO) run --release -p edition-bench --bin planning
	$(CARGO) run --release -p edition-bench --bin publishing
	$(CARGO) bench -p edition-bench

# EDITION_ROUNDS=50 GENERATED_ACTS=20000 ORACLE_CASES=500 SOAK_ROUNDS=10 make soak
SOAK_ROUNDS ?= 5
soak: deps
	$(CARGO) build --release -p edition-cli -p editiond -p edition-tests --bins
	EDITION_ROUNDS=$${EDITION_ROUNDS:-20} $(CARGO) test --release -p edition-tests --test rounds
	GENERATED_ACTS=$${GENERATED_ACTS:-10000} GENERATED_SEED=$${GENERATED_SEED:-$$(date +%s)} \
		$(CARGO) test --release -p edition-tests --test generated -- --nocapture
	ORACLE_CASES=$${ORACLE_CASES:-100} $(CARGO) test --release -p edition-tests --test it oracle::
	for round in $$(seq $(SOAK_ROUNDS)); do DEMO_SECONDS=$${DEMO_SECONDS:-30} target/release/demo || exit 1; done

# The input is no part of this repository: tests/histories.txt says what to clone and which folder to take from it.
HISTORIES ?= ../histories
histories: deps
	$(CARGO) run --release -p edition-tests --bin histories -- --report histories.md $(wildcard $(HISTORIES)/*)

versions: deps
	$(CARGO) test --no-run -p edition-catalog -p edition-tests --test it
	for bin in $$(scripts/fetch-servers.sh); do \
		echo "== $$bin"; \
		EDITION_PGBIN=$$bin $(CARGO) test --no-fail-fast -p edition-catalog -p edition-tests --test it || failed=yes; \
	done; [ -z "$$failed" ]

# TESTS="select join" EDITIONS="parent child" REGRESS_FLAGS="--protocol extended" make regress
EDITIONS ?= none adopted at-rest parent child
regress: deps
	$(CARGO) build -p edition-tests --bin regress
	suite=$$(scripts/fetch-suites.sh postgres) || exit 1; \
	for edition in $(EDITIONS); do \
		target/debug/regress $$suite $(TESTS) --edition $$edition --details regress-$$edition.md $(REGRESS_FLAGS) || failed=yes; \
	done; [ -z "$$failed" ]

# FUZZ_SECONDS=600 make fuzz
fuzz: deps
	FUZZ_SECONDS=$${FUZZ_SECONDS:-30} $(CARGO) test --release -p editiond --test it fuzzing -- --nocapture

# What is found stands in proxy/fuzz/artifacts; what only widens the coverage stays in target/fuzz/corpus.
FUZZ_TARGETS ?= frames startup options reports statements
fuzz-coverage: deps
	cd proxy && for target in $(FUZZ_TARGETS); do \
		mkdir -p ../target/fuzz/corpus/$$target && \
		$(CARGO) +nightly fuzz run --sanitizer none --target-dir ../target/fuzz $$target ../target/fuzz/corpus/$$target fuzz/corpus/$$target \
			-- -max_len=4096 -max_total_time=$${FUZZ_SECONDS:-30} || exit 1; \
	done

# SUITES="asyncpg django" make driver-suites
driver-suites: deps
	$(CARGO) build -p edition-tests --bin driver-suites
	folder=$$(scripts/fetch-suites.sh drivers) && target/debug/driver-suites $$folder $(SUITES) --details driver-suites.md

lint: deps
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items --quiet

deps:
	@scripts/ensure-deps.sh build

driver-deps:
	@scripts/ensure-deps.sh drivers

bench-deps:
	@scripts/ensure-deps.sh bench
