PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# The shell's own variables must not decide what a fresh clone does.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE
# Three processes for two cores, since tests wait for servers a quarter of their time; the tests of
# one file share what is slow to start.
IN_PARALLEL = --numprocesses $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 3 / 2) --dist loadfile

# The applications of tests/applications, and this project, in an environment of their own.
APPLICATIONS := $(VENV)/applications

# What touches the database, and so runs on PostgreSQL, too.
ON_POSTGRESQL = tests/contract tests/database tests/events tests/jobs \
  tests/test_identity.py tests/test_webhooks.py tests/test_dashboard.py

# Advisories are within reach where this one's are found.
KNOWN_VULNERABLE := jinja2==2.4.1

# What bench-full measures of the frameworks; each suite writes its file when it ends.
WORKLOADS = hello users user page search search-none create dashboard wait
RESULTS   = showdown/results

.DEFAULT_GOAL := help
.PHONY: help install run test test-slow test-thorough coverage lint audit docs soak bench-bridge bench-proxy bench bench-full claims move-demo screenshots lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/installed ## prepare .venv with the locked dependencies

run: $(VENV)/installed ## migrate, seed a new database, and serve on 127.0.0.1:8000
	@$(BIN)/python manage.py prepare
	@exec $(BIN)/gateway serve --with "worker=python manage.py worker"

test: $(VENV)/installed-dev ## run the tests, and on PostgreSQL those that touch the database
	$(BIN)/pytest $(IN_PARALLEL) -m "not slow"
	$(BIN)/pytest $(IN_PARALLEL) -m "not slow" --database=postgresql $(ON_POSTGRESQL)

test-slow: $(VENV)/installed-dev $(APPLICATIONS)/installed ## run the tests marked slow: soak, machines, other applications
	$(BIN)/pytest $(IN_PARALLEL) -m "slow and not thorough"
	$(BIN)/pytest $(IN_PARALLEL) -m "slow and not thorough" --database=postgresql $(ON_POSTGRESQL)

test-thorough: $(VENV)/installed-dev ## run the rest of the long lists of cases, of which the others run a sample
	$(BIN)/pytest $(IN_PARALLEL) -m thorough
	$(BIN)/pytest $(IN_PARALLEL) -m thorough --database=postgresql $(ON_POSTGRESQL)

coverage: $(VENV)/installed-dev ## branch coverage of all tests on SQLite, subprocesses included
	$(BIN)/pytest $(IN_PARALLEL) --cov --cov-report=term:skip-covered --cov-report=html

lint: $(VENV)/installed-dev ## ruff, mypy, import-linter, bandit, YAML, migrations, advisories
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive .
	$(BIN)/yamllint --strict .
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms \
	  $(filter-out %/config.yml, $(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(BIN)/pre-commit validate-config
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check
	@if echo '$(KNOWN_VULNERABLE)' | $(BIN)/pip-audit --disable-pip --no-deps \
	  --requirement /dev/stdin 2>/dev/null | grep --quiet PYSEC-; then $(MAKE) audit; \
	  else echo "pip-audit: advisories cannot be reached; run make audit where they can"; fi

audit: $(VENV)/installed-dev ## known vulnerabilities of the locked packages (asks PyPI)
	$(BIN)/pip-audit --require-hashes --requirement requirements.lock

docs: $(VENV)/installed-dev ## write the tables of settings and results, and build the guide into site/
	$(BIN)/python -m tests.reference
	$(BIN)/mkdocs build --strict --quiet

soak: $(VENV)/installed-dev ## three times ten minutes of traffic and faults, and what they leave behind
	$(BIN)/pytest tests/soak --soak-minutes 10 --capture no

bench-bridge: $(VENV)/installed-dev ## what the bridge costs, measured side by side (needs wrk)
	$(BIN)/python -m showdown bench --suite bridge

bench-proxy: $(VENV)/installed-dev ## what a mount at another address costs (needs wrk and nginx)
	$(BIN)/python -m showdown bench --suite proxy

bench: $(VENV)/installed-dev ## the frameworks side by side, below two minutes (needs wrk)
	$(BIN)/python -m showdown bench --quick

bench-full: $(VENV)/installed-dev ## all of it in some 35 minutes, into showdown/results/ (needs wrk and PostgreSQL)
	$(BIN)/python -m showdown bench --quick --rounds 5 $(addprefix --workload ,$(WORKLOADS)) --report $(RESULTS)/frameworks.json
	$(BIN)/python -m showdown bench --suite workers --report $(RESULTS)/workers.json
	$(BIN)/python -m showdown bench --suite writers --report $(RESULTS)/writers.json
	$(BIN)/python -m showdown bench --suite layers --report $(RESULTS)/layers.json
	$(BIN)/python -m showdown bench --suite moves --report $(RESULTS)/moves.json
	$(BIN)/python -m showdown bench --suite pages --report $(RESULTS)/pages.json
	$(BIN)/python -m showdown bench --suite scale --report $(RESULTS)/scale.json

claims: $(VENV)/installed-dev ## put the article's claims to the test (needs wrk; node and go)
	$(BIN)/python -m showdown claims $(OPTIONS)

move-demo: $(VENV)/installed-dev ## move the users API from Flask to FastAPI, under load
	@$(BIN)/python -m showdown.demo.move

screenshots: $(VENV)/installed-dev ## take the pictures of the docs and of the tests (needs Chromium)
	$(BIN)/python -m tests.screenshots

lock: $(VENV)/installed-dev ## resolve the dependencies anew into the lock files
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-header --extra showdown --group build pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-header --extra showdown --extra otel --group build --group docs --group dev --group bench --group servers \
	  --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-header --group build --group applications pyproject.toml --output-file requirements-applications.lock

clean: ## remove .venv and what tools left; the database in var/ stays
	rm -rf $(VENV) *.egg-info build site .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) -V): make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "No virtual environment could be made; on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	@PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock $(VENV)/installed
	@echo "Installing the test tools into $(VENV) ..."
	@$(BIN)/pip install --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@

# By the pip of the test tools: that of an older Python does not understand pinned extras.
$(APPLICATIONS)/installed: requirements-applications.lock pyproject.toml | $(VENV)/installed-dev
	@echo "Installing the applications of the tests into $(APPLICATIONS) ..."
	@$(BIN)/python -m venv --clear --without-pip $(APPLICATIONS)
	@$(BIN)/pip --python $(APPLICATIONS)/bin/python install --quiet --require-hashes --requirement requirements-applications.lock
	@PYTHONWARNINGS=ignore $(BIN)/pip --python $(APPLICATIONS)/bin/python install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
