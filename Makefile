# Each target makes the environment it needs, so that any of them works as the first command in a clone.

# Without it MindSpore's convolutions are fifty times slower on machines with AVX-512.
export ONEDNN_MAX_CPU_ISA := AVX2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Python 3.11 first: the frameworks' wheels are for it. A shim that cannot start does not count.
NEWER := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3.11 python3.12 python3 python; do \
	$$name -c '$(NEWER)' >/dev/null 2>&1 && { echo $$name; break; }; done)

VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help env demo test check lint types format prove zoo coverage audit bench fixtures clean

help: ## what there is
	@sed -nE 's/^([a-z]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

env: $(STAMP) ## the environment in .venv

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo 'astmigrate needs Python 3.11 or newer; set PYTHON=/path/to/it' >&2; exit 1; }
	@echo 'making $(VENV) with $(PYTHON): PyTorch, MindSpore and the tools; once, a few minutes'
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install -qq --editable '.[dev,run]'
	@touch $@

demo: $(STAMP) ## migrate a model, convert its checkpoint, run both frameworks, compare
	@$(RUN) -m astmigrate.verify.demo

test: $(STAMP) ## all tests
	@$(RUN) -m pytest

check: lint types test ## what CI runs

lint: $(STAMP)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

format: $(STAMP) ## lay out the code
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

types: $(STAMP)
	@$(VENV)/bin/mypy

prove: $(STAMP) ## run the tables' proofs in both frameworks
	@$(RUN) -m astmigrate.verify.prove $(if $(ONLY),--only $(ONLY))

zoo: $(STAMP) ## migrate torchvision and pytorchcv, run every model on both sides (ONLY='resnet*' SAMPLE=1)
	@$(RUN) -m astmigrate.verify.zoo $(if $(ONLY),--only '$(ONLY)') $(if $(SAMPLE),--sample $(SAMPLE))

coverage: $(STAMP) ## write the page of what is covered and how it is proven
	@$(RUN) -m astmigrate.verify.record_signatures
	@$(RUN) -m astmigrate.verify.coverage

audit: $(STAMP) ## write the page of defaults that differ between the frameworks
	@$(RUN) -m astmigrate.verify.audit

bench: $(STAMP) ## speed and memory beside PaConvert
	@$(RUN) -m benchmarks.bench

fixtures: $(STAMP) ## write the expected files of fixtures/ anew
	@$(RUN) -m tests.fixtures_update

clean: ## remove what the other targets made
	@rm -rf $(VENV) .cache build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
