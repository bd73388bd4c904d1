# The front door. Every target sets up what it needs, in .venv; a machine needs make and Python 3.11 or newer, no more.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
READY := .venv/.ready
FAST := not slow and not proof
FORMS := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-header --no-annotate --quiet

# The host's zone and language stay out of the way: every machine prints the same.
export TZ := UTC
export LC_ALL := C.UTF-8
# What was compiled is kept: the tests start hundreds of processes, each of which would compile the source anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test slow mutants proof accuracy bench compiled backtest check format slack lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## A made-up fortnight with a crisis in it, from the first post to the acknowledged page
	@$(BIN)/tocsin demo $(ARGS)

test: $(READY) ## The tests that run while you wait
	@$(BIN)/pytest -m "$(FAST)" -n auto --dist worksteal $(ARGS)

# These mostly wait for real time to pass, so four files run side by side; those of tests/cluster, which have one broker,
# count as one file.
slow: $(READY) ## The tests that take longer: crashes, sockets, a browser, Kafka
	@$(BIN)/pytest -m "slow and not proof" -n 4 --dist loadfile --durations 25 $(ARGS)

mutants: $(READY) ## Deliberate bugs in outbox, timers, dedupe, escalation and the lead: each must be found by the test that is to find it
	@$(BIN)/python -m tests.mutants $(ARGS)

proof: $(READY) ## Full-size runs behind the figures in docs/; takes as long as it takes
	@$(BIN)/pytest -m proof --timeout 0 -s $(ARGS)

accuracy: $(READY) ## Measure the scorers on every labelled set at hand, and write docs/accuracy.md
	@$(BIN)/python -m tocsin.accuracy $(or $(DATA),../shared/data) tests/data docs/accuracy.md

bench: $(READY) ## What a mention costs, stage by stage, beside vaderSentiment alone
	@$(BIN)/python -m benchmarks.replay $(ARGS)

# Built from a copy: what is compiled lies beside its source, and would be run in its place.
compiled: $(READY) ## What a look costs with the detectors compiled, as they are in the image; ARGS: another module to run so
	@rm -rf build/compiled build/copy && mkdir -p build/copy
	@cp -R pyproject.toml README.md LICENSE crisis_flowchart.yaml stream detectors alerting tocsin build/copy
	@HATCH_BUILD_HOOK_ENABLE_MYPYC=true CFLAGS="-DNDEBUG -fwrapv -ffp-contract=off" \
		$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index \
		--wheel-dir build/compiled build/copy
	@$(BIN)/python -m zipfile -e build/compiled/tocsin-*.whl build/compiled
	@PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/build/compiled:$(CURDIR) $(BIN)/python -m $(or $(ARGS),benchmarks.panel)

backtest: $(READY) ## Replay the recordings at hand, hold them against what happened; writes docs/backtests/
	@$(BIN)/python -m benchmarks.backtest $(ARGS)

check: $(READY) ## Lint, form, types, import directions, tidiness, documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -p no:xdist stream detectors alerting tocsin
	$(BIN)/pytest -p no:xdist tests/test_tidy.py tests/test_docs.py

format: $(READY) ## Put the source into its form, and write the generated pages again
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m tocsin.reference docs/reference
	$(BIN)/python -m tools.dashboards deploy/grafana/dashboards

slack: $(READY) ## The stand-in for Slack, with a page where you can read the cards and click
	@$(BIN)/python -m tests.fakes.slack $(ARGS)

lock: $(READY) ## Pin every dependency again, with hashes and without any address
	$(BIN)/python -m uv --version 2>/dev/null || $(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m uv pip compile $(FORMS) pyproject.toml -o requirements.txt
	$(BIN)/python -m uv pip compile $(FORMS) --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	$(BIN)/python -m uv pip compile $(FORMS) --extra scale --extra pagers -c requirements-dev.txt pyproject.toml \
		-o requirements-image.txt
	printf '%s\n' hatchling hatch-mypyc msgspec | $(BIN)/python -m uv pip compile $(FORMS) -c requirements-dev.txt - \
		-o requirements-build.txt

clean: ## Forget the environment and every cache
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build
	find . -name __pycache__ -prune -exec rm -rf {} +
	rm -f detectors/*.so

# The environment is remade in place when a pin or the project file changes. hatchling, which builds the project itself,
# is pinned with the rest: so nothing is fetched that has no hash.
$(READY): requirements-dev.txt pyproject.toml
	@python=$$(for name in python3 python3.13 python3.12 python3.11 python; do \
		if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$name"; break; fi; \
	done); \
	if [ -z "$$python" ]; then echo "Tocsin needs Python 3.11 or newer; none was found on the PATH." >&2; exit 1; fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "This Python cannot make environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; fi; \
	echo "Setting up .venv with $$("$$python" --version) (once)"; \
	[ -x $(BIN)/python ] || "$$python" -m venv .venv; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	touch $(READY)
