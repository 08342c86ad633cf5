.DEFAULT_GOAL := help
PYTHON ?= python3
.PHONY: help demo demo-phone test test-agent lint format bench bench-volume soak lock release-sdk

help:  ## Print what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

demo:  ## Run AnyReach with three live calls on this machine
	@$(PYTHON) -m anyreach.stack.bootstrap demo
	@exec .venv/bin/python -m anyreach.demo

demo-phone:  ## The same with telephones: a call comes in, and is transferred to a human
	@$(PYTHON) -m anyreach.stack.bootstrap demo-phone
	@exec .venv/bin/python -m anyreach.demo phone

test:  ## Run every check and test
	@$(PYTHON) -m anyreach.stack.bootstrap test
	@.venv/bin/python -m tests.run

test-agent:  ## Try the example agent on the real livekit-agents (400 MB, in a venv of its own)
	@$(PYTHON) -m anyreach.stack.bootstrap test
	@$(PYTHON) -m venv .anyreach/agent-venv
	@.anyreach/agent-venv/bin/pip install -q -r examples/agent/requirements.txt
	@.venv/bin/python -m pytest -q tests/agents

lint:  ## Run the checks without the tests
	@$(PYTHON) -m anyreach.stack.bootstrap test
	@.venv/bin/python -m tests.run lint

format:  ## Rewrite Python as ruff formats it
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix-only -q .

bench:  ## Measure what the issues ask for, each beside a baseline
	@$(PYTHON) -m anyreach.stack.bootstrap test
	@.venv/bin/python -m tests.bench

bench-volume:  ## Measure the inbox on a million conversations, next to ten thousand
	@$(PYTHON) -m anyreach.stack.bootstrap test
	@BENCH_VOLUME=1000000 .venv/bin/python -m tests.bench -k bench_volume

soak:  ## Listen to a call for half an hour, over a network that fails
	@$(PYTHON) -m anyreach.stack.bootstrap test
	@.venv/bin/python -m tests.soak

lock:  ## Lock the Python requirements anew
	@.venv/bin/uv pip compile -q --generate-hashes --no-header --no-emit-index-url --universal --python-version 3.11 requirements.in -o requirements.txt
	@.venv/bin/uv pip compile -q --generate-hashes --no-header --no-emit-index-url --universal --python-version 3.11 requirements-dev.in -o requirements-dev.txt

release-sdk:  ## Keep the listen SDK as the release that listen_sdk/__init__.py names
	@$(PYTHON) -m anyreach.stack.bootstrap test
	@.venv/bin/python -m listen_sdk.release
