# The commands of this repository. `make` alone lists them.

.DEFAULT_GOAL := help
CARGO ?= cargo
ARGS ?=
ONLY ?=
ARCH ?= amd64 arm64
PACKAGE ?=
PHOTOS ?= ../shared/photos
PLACES ?=

.PHONY: help setup demo test bench fleet fleet-short outage throughput clips model trials teach-report accept arm-test deb deb-test screenshots slow-phone

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing (Debian packages, ONNX Runtime), saying what and why
	@scripts/setup.sh

demo: setup ## the whole bin on recorded clips; ARGS="--for 20s" to end by itself
	@$(CARGO) build --release --locked --bin bunri
	@$(CARGO) run --release --locked --quiet --bin bunri -- demo $(ARGS)

test: setup ## formatting, clippy, docs and every test, of the bin and of the hub
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --quiet
	$(CARGO) test --locked
	$(CARGO) clippy --locked -p bunri-hub --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked -p bunri-hub --no-deps --quiet
	$(CARGO) test --locked -p bunri-hub

bench: setup ## measure each step (criterion)
	$(CARGO) bench --locked

fleet: setup ## 512 bins, broker, database and two hubs under faults; ledgers against tables at the end (ARGS=--help)
	$(CARGO) build --release --locked -p bunri-hub
	$(CARGO) run --release --locked --example fleet -- run $(ARGS)

fleet-short: setup ## the same in two minutes, with fewer bins and hardly optimised programs
	$(CARGO) build --locked -p bunri-hub
	$(CARGO) run --locked --example fleet -- run --bins 96 --rate 40 --calm 10 --faults 30 $(ARGS)

outage: setup ## one bin that was cut off for 30 days comes back
	$(CARGO) build --release --locked -p bunri-hub
	$(CARGO) run --release --locked --example fleet -- outage $(ARGS)

throughput: setup ## drops a second of one hub on one core, against a simple script's way
	$(CARGO) bench --locked -p bunri-hub --bench throughput

clips: ## render the demo's clips anew (Debian's blender; about half an hour on two cores)
	python3 -m venv target/render-venv
	target/render-venv/bin/pip install --quiet -r models/render/requirements.txt
	nice blender -b -P models/render/clips.py

arm-test: setup ## the program on a virtual ARM board with the kernel's cameras and GPIO lines (ONLY=group for one)
	@CARGO=$(CARGO) ONLY=$(ONLY) packaging/arm/test.sh

deb: setup ## the Debian packages for arm64 and amd64, in target/debian (ARCH=amd64 for one)
	@CARGO=$(CARGO) packaging/deb/build.sh $(ARCH)

deb-test: setup ## the amd64 package on a virtual machine: install, run, hang, upgrade, purge (ONLY=group, PACKAGE=file)
	@CARGO=$(CARGO) ONLY=$(ONLY) PACKAGE=$(PACKAGE) packaging/deb/test.sh

model: setup ## make the shipped bundle from nothing but photographs (PHOTOS=../shared/photos); hours, resumes
	@command -v blender >/dev/null || { echo "model: install Debian's blender first: apt-get install blender"; exit 1; }
	python3 -m venv target/render-venv && target/render-venv/bin/pip install --quiet -r models/render/requirements.txt
	python3 -m venv target/model-venv && target/model-venv/bin/pip install --quiet -r models/train/requirements.txt
	nice target/model-venv/bin/python models/train/make.py --photos $(PHOTOS) $(ARGS)

trials: ## the recipe's side questions after `make model`: sources left out, TrashNet alone, other backbones; hours, resumes
	for kind in trashnet sources backbones; do nice target/model-venv/bin/python models/train/trials.py $$kind --photos $(PHOTOS) \
	  --renders target/model/renders --cache target/model/cache --out target/model/$$kind.json $(ARGS) || exit 1; done
	target/model-venv/bin/python models/train/report_trials.py --bundle models/bunri-lite0 --trials target/model

slow-phone: setup ## how soon the live page is there on a slow phone (a quarter of the processor, 1.6 Mbit/s, 150 ms)
	$(CARGO) test --locked --test browser slow_phone -- --nocapture

screenshots: setup ## take the pictures of docs/images anew
	BUNRI_SCREENSHOTS=1 $(CARGO) test --locked --test browser

teach-report: ## what teaching on site brings (PHOTOS=, PLACES= of `dataset.py --places`, after `make model`)
	$(CARGO) build --release --locked --bin bunri
	nice target/model-venv/bin/python models/train/left_out.py --photos $(PHOTOS) --renders target/model/renders --work target/model/without-trashnet
	target/model-venv/bin/python models/train/teach_heads.py --bundle models/bunri-lite0 --photos $(PHOTOS) --places $(PLACES) \
	  --left-out target/model/without-trashnet/bundle --work target/model/teach
	target/model-venv/bin/python models/train/teach_report.py --binary target/release/bunri --bundle models/bunri-lite0 --photos $(PHOTOS) --places $(PLACES) \
	  --left-out target/model/without-trashnet/bundle --work target/model/teach

accept: setup ## accept intended changes of snapshots and of the configuration's schema
	INSTA_UPDATE=always BUNRI_ACCEPT=1 $(CARGO) test --locked
