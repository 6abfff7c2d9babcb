# The two commands of the README are `make demo` and `make test`. What is behind them is in scripts/.

PREFIX ?= /usr/local

.DEFAULT_GOAL := help
.PHONY: help build demo test bench soak fuzz check-deep docs header fmt install clean

help: ## lists the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

build: ## builds the library, optimized, into target/release
	@scripts/setup build
	@scripts/build

demo: ## shows a live PostgreSQL's changes through the C example tail
	@scripts/demo

test: ## runs every test, against servers that it starts itself
	@scripts/test

SECONDS ?= 1800
soak: ## writes, reads and breaks things for SECONDS (1800), on MAJORS (18), and reports in REPORT; SEED repeats a course
	@scripts/setup test
	@mkdir -p build
	@WALSTREAM_SOAK_SECONDS=$(SECONDS) $(if $(SEED),WALSTREAM_SOAK_SEED=$(SEED)) WALSTREAM_TEST_MAJORS="$(or $(MAJORS),18)" \
	  WALSTREAM_SOAK_REPORT="$(abspath $(or $(REPORT),build/soak.html))" \
	  cargo test --release --locked --test live soak -- --nocapture

fuzz: ## runs every fuzz target for SECONDS (60) each
	@scripts/setup test
	@scripts/fuzz $(if $(filter command environment,$(firstword $(origin SECONDS))),$(SECONDS),60)

check-deep: ## runs the checks that take longer than a user's patience
	@scripts/check-deep

bench: ## measures walstream beside its peers, writes docs/benchmarks.md (QUICK=1: under five minutes; ONLY=SECTION)
	@scripts/bench

docs: ## renders the C API as HTML into build/docs
	@scripts/docs

header: ## generates include/walstream.h anew
	@scripts/setup build
	@scripts/header

fmt: ## formats the Rust sources
	cargo fmt

install: ## installs header and libraries below PREFIX (/usr/local), with CMake
	cmake -S . -B build/install -DWALSTREAM_TESTS=OFF -DWALSTREAM_EXAMPLES=OFF
	cmake --build build/install
	cmake --install build/install --prefix "$(PREFIX)"

clean: ## removes what was built
	cargo clean
	rm -rf build
