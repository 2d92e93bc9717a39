# make demo needs Python 3.11 or newer and nothing else; everything a command makes is in .venv, node_modules and var.
PYTHON ?= python3
# Half a dozen programs start with a demo: each would compile all it imports where bytecode is not kept.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
# Ready-made packages only: no compiler is ever needed. Bytecode is made when first imported, not for all of it.
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --only-binary=:all: --no-compile
# npm comes with the packages; it trusts the certificates that the machine trusts.
NPM := NODE_USE_SYSTEM_CA=1 PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --loglevel=error >/dev/null
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard collections_site/locale/*/LC_MESSAGES/*.po))
FOLDER := $(or $(FORBEAR_VAR),var)
APPS := collections_site cases communications compliance accounts

.PHONY: help install install-dev demo test check bench messages clean browser gettext

help:
	@echo "make demo      the whole of Forbear with two demo portfolios; PORT=8000 unless you say otherwise"
	@echo "make test      every test, those in a browser too; ARGS='-k ageing' for some of them"
	@echo "make check     lint, types, contracts, migrations, templates"
	@echo "make bench     the benchmarks of bench/"
	@echo "make install   what the site needs to run"
	@echo "make messages  collect the words of the pages for translation"
	@echo "make clean     remove what was installed; data stay in $(FOLDER)"

demo: install
	@exec $(MANAGE) demo

# Tests have a folder of their own: a demo that runs is not disturbed.
test: install-dev browser
	@trap : INT; export FORBEAR_VAR="$(FOLDER)/test"; \
	$(BIN)/pytest -n auto $(ARGS); code=$$?; $(MANAGE) services stop >/dev/null; exit $$code

check: export FORBEAR_SERVICES := off
check: install-dev gettext
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(APPS)
	$(BIN)/lint-imports
	$(BIN)/python -W ignore manage.py makemigrations --check --dry-run
	$(MANAGE) check
	$(MANAGE) draw_states
	$(MANAGE) check_translations
	$(BIN)/djlint --lint --quiet templates

bench: install-dev
	@trap : INT; export FORBEAR_VAR="$(FOLDER)/bench" PYTHONPATH=.; code=0; \
	for script in $(sort $(wildcard bench/[a-z]*.py)); do echo "== $$script"; $(BIN)/python "$$script" || code=$$?; done; \
	$(MANAGE) services stop >/dev/null; exit $$code

messages: export FORBEAR_SERVICES := off
messages: install-dev gettext
	$(MANAGE) check_translations --write

clean:
	@if [ -x $(BIN)/python ]; then $(MANAGE) services stop; fi
	rm -rf $(VENV) node_modules "$(FOLDER)/test" "$(FOLDER)/bench" $(CATALOGUES)
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

install: $(VENV)/installed node_modules/installed $(CATALOGUES)
install-dev: $(VENV)/installed-dev node_modules/installed-dev $(CATALOGUES)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Forbear needs Python 3.11 or newer: install it, or name it, as in PYTHON=python3.12 make demo."; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null || { rm -rf $(VENV); \
		echo "Python cannot make a virtual environment here: install its venv module (python3-venv on Debian)."; exit 1; }

$(VENV)/installed: requirements.txt | $(BIN)/python
	@echo "Installing packages, which takes about half a minute ..."
	@$(PIP) -r requirements.txt || { echo "Packages could not be installed; the lines above say why."; exit 1; }
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt requirements.txt | $(BIN)/python
	@echo "Installing packages, which takes about a minute ..."
	@$(PIP) -r requirements-dev.txt || { echo "Packages could not be installed; the lines above say why."; exit 1; }
	@touch $@ $(VENV)/installed

node_modules/installed: package-lock.json | $(VENV)/installed
	@$(NPM) --omit=dev || { echo "The pages' libraries could not be installed; the lines above say why."; exit 1; }
	@touch $@

node_modules/installed-dev: package-lock.json | $(VENV)/installed-dev
	@$(NPM) || { echo "The pages' libraries could not be installed; the lines above say why."; exit 1; }
	@touch $@ node_modules/installed

%.mo: %.po | $(VENV)/installed
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@

# What tests and checks need from the system: installed where we may, one sentence where we may not.
system = { apt="apt-get"; [ "$$(id -u)" = 0 ] || apt="sudo -n apt-get"; export DEBIAN_FRONTEND=noninteractive; \
	echo "Installing $(1) ..."; \
	{ $$apt install -y -qq $(1) || { $$apt update -qq && $$apt install -y -qq $(1); }; } >/dev/null 2>&1 || \
	{ echo "$(2)"; exit 1; }; }

browser:
	@command -v chromium >/dev/null || $(call system,chromium,Browser tests need Chromium: install the package chromium.)
	@fc-list :lang=zh-cn 2>/dev/null | grep -q . || \
		$(call system,fontconfig fonts-noto-cjk,Browser tests need a Chinese font: install the package fonts-noto-cjk.)

gettext:
	@command -v xgettext >/dev/null || $(call system,gettext,Translations need GNU gettext: install the package gettext.)
