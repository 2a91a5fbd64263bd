# Everything here works on a machine with make, a Python 3.11 to 3.14 and a package index; make alone prints the verbs.
# PYTHON=/path/to/python3 picks the Python, ARGS="..." is passed on.

.PHONY: help setup demo dev test coverage test-browser desk-images test-long check format migration bench lock clean \
	image up deploy drain rollback logs backup restore shape

help:
	@echo 'make VERB [ARGS="..."] [PYTHON=...]'
	@awk -F ' *## ' '/^[a-z-]+:.* ## / { sub(/:.*/, "", $$1); printf "  %-12s %s\n", $$1, $$2 }' Makefile

setup: ## the environment in .venv, as locked; every other verb sees to it by itself
	@PYTHON='$(PYTHON)' sh bin/setup

demo: setup ## the main job on this machine: a sample site, one batch, HTML files, a report
	@.venv/bin/longtail demo $(ARGS)

dev: setup ## database, Temporal and its UI, a worker, staying up until Ctrl-C
	@.venv/bin/longtail dev $(ARGS)

test: setup ## all tests in parallel, on a real PostgreSQL and Temporal; ARGS="tests/unit -x" picks some
	@sh bin/test $(ARGS)

coverage: setup ## the same tests, measured: which lines and branches none of them reached
	@COVERAGE=1 sh bin/test

test-browser: setup ## the desk in headless Chromium; nothing is run where there is none
	@sh bin/test-browser $(ARGS)

desk-images: setup ## pictures of every page of the desk, into docs/images/desk
	@sh bin/desk-images $(ARGS)

test-long: setup ## tests that take too long for every change: PART=... picks one; without it, lists them
	@sh bin/test-long '$(PART)' $(ARGS)

check: setup ## format, lint, types, import contracts, migrations against models
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports
	LONGTAIL_HOME=.venv/check-home .venv/bin/longtail db check

format: setup ## rewrite the sources in the house format
	.venv/bin/ruff check --fix-only
	.venv/bin/ruff format

migration: setup ## write the next migration from changed models: NAME="what it does"
	@.venv/bin/python -m bin.new_migration '$(NAME)'

bench: setup ## measure against the targets; takes minutes
	@.venv/bin/python -m bench $(ARGS)

lock: ## resolve the dependencies anew into requirements.lock
	@PYTHON='$(PYTHON)' sh bin/lock

clean: ## remove the environment and caches, never data
	rm -rf .venv .uv .coverage-data .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info

# --- Production, in containers: docs/containers.md ---------------------------------------------------------------------

image: ## the container image of the commit that is checked out
	@sh bin/image

up: ## production as .env.production says, with the workers of one colour: COLOUR=blue
	@sh bin/up '$(or $(COLOUR),blue)'

deploy: ## a build to a colour, then all new work: COLOUR=green TAG=commit ARGS="--canary 10% --for 30m"
	@sh bin/deploy '$(COLOUR)' '$(TAG)' $(ARGS)

drain: ## empty a colour that takes no new work, then stop its workers: COLOUR=blue
	@sh bin/drain '$(COLOUR)' $(ARGS)

rollback: ## all new work back to the other colour, at any moment, and the API to its build before
	@sh bin/rollback $(ARGS)

logs: ## of all containers, or of one: SERVICE=api
	@sh bin/compose --profile '*' logs --follow --tail 100 $(SERVICE)

backup: ## all three databases from one moment, verified, while work goes on
	@sh bin/backup

restore: ## all three databases from a backup: FROM=folder COLOUR=blue
	@sh bin/restore '$(FROM)' '$(or $(COLOUR),blue)'

shape: setup ## run the production shape under Podman and the real Docker Compose; skipped where there is no Podman
	@sh bin/shape $(ARGS)
