# Every target creates and reuses .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Much of a test's time is waiting for a part: three side by side keep two processors busy.
WORKERS ?= 3
TESTS ?=

.PHONY: help demo test check lock bench format rule-book image sbom audit clean
IMAGE ?= pathway:dev

help:  ## say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): requirements/dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $(STAMP)

demo: $(STAMP)  ## the whole system on this machine, played and reconciled
	$(BIN)/pathway demo

test: $(STAMP)  ## all tests; those that need Apache Kafka are skipped where there is none
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(TESTS)

check: $(STAMP)  ## lint, format, types, who may import what
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## mend lint and format where that can be done by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## throughput and cost per event beside plain Faust, on Apache Kafka
	$(BIN)/python -m tests.benchmarks

rule-book: $(STAMP)  ## render docs/rule-book.md from the rule files and their cases
	$(BIN)/pathway rules book > docs/rule-book.md.part
	mv docs/rule-book.md.part docs/rule-book.md

image:  ## build the container image
	DOCKER_BUILDKIT=1 docker build --file deploy/docker/Dockerfile --tag $(IMAGE) \
	  --build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
	  --build-arg CREATED="$$(git log -1 --format=%cI 2>/dev/null || echo unknown)" .

$(VENV)/supply: requirements/supply.lock
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet --require-hashes -r requirements/supply.lock
	touch $@

sbom: $(VENV)/supply  ## what the image holds, as CycloneDX, from the lock: pathway.cdx.json
	$(VENV)/supply/bin/cyclonedx-py requirements --output-reproducible --of JSON -o pathway.cdx.json requirements/run.lock

audit: $(VENV)/supply  ## known faults of what the image holds; exit code 3 where nobody can be asked
	@deploy/docker/audit $(VENV)/supply/bin/pip-audit requirements/run.lock

lock: $(STAMP)  ## resolve the pinned versions anew
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links requirements/run.in -o requirements/run.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links -c requirements/run.lock requirements/kms.in -o requirements/kms.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links -c requirements/kms.lock requirements/dev.in -o requirements/dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links requirements/supply.in -o requirements/supply.lock

clean:  ## remove the environment and all caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
