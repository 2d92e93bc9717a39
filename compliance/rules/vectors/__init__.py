"""Answers conformance vectors: one dictionary each, in the order of the file. Pure, as all of the rules.

Every rule counts as signed; house policy is off; what cannot be judged is prohibited.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from compliance.rules.packs import Pack, Packs, load_packs
from compliance.rules.vectors import contacts, history, windows
from compliance.rules.vectors.given import WEAK, Given, words
from compliance.rules.vectors.sorts import fits

Answerer = Callable[[Given], dict[str, Any]]


def answer(file: Any) -> Iterator[dict[str, Any]]:
    """The answers to a file of vectors. Raises ValueError only where it is no file of vectors at all."""
    if not isinstance(file, Mapping) or not isinstance(file.get("vectors"), list):
        raise ValueError("a file of vectors is an object with a list `vectors`")
    defaults = _defaults(file)
    for vector in file["vectors"]:
        yield answer_one(vector, defaults)


def answer_one(vector: Any, defaults: tuple[str, ...] = ()) -> dict[str, Any]:
    """The answer to one vector; whatever is wrong with it, an answer."""
    name = vector.get("id") if isinstance(vector, Mapping) else None
    try:
        told, asked = words(vector.get("given")), words(vector.get("when"))
        if not fits(told, asked):
            return {"id": name, "outcome": "prohibited"}
        given = Given(told, asked, defaults, law())
        return {"id": name, **_answerer(given)(given)}
    except Exception:  # a broken vector is answered, never a crash: whatever it is, we stay closed
        return {"id": name, "outcome": "prohibited"}


def _defaults(file: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        named = words(words(file.get("conventions")).get("defaults")).get("jurisdictions")
    except ValueError:
        return ()
    return tuple(map(str, named)) if isinstance(named, list) else ()


def _answerer(given: Given) -> Answerer:
    if "evaluate" in given.when:
        return _evaluations()[given.when["evaluate"]]
    return _actions()[given.when["action"]]


@lru_cache(maxsize=1)
def law() -> Packs:
    """The shipped packs without house policy and without rules from memory alone."""
    return Packs(_strong(pack) for pack in load_packs().without_house().all)


def _strong(pack: Pack) -> Pack:
    rules = tuple(rule for rule in pack.rules if rule.confidence not in WEAK)
    return Pack(pack.file.model_copy(update={"rules": rules}), pack.text)


@lru_cache(maxsize=1)
def _evaluations() -> dict[str, Answerer]:
    return {**_terms("EVALUATIONS"), **windows.EVALUATIONS, **history.EVALUATIONS}


@lru_cache(maxsize=1)
def _actions() -> dict[str, Answerer]:
    return {**_terms("ACTIONS"), **contacts.ACTIONS}


def _terms(name: str) -> dict[str, Answerer]:
    """What is no contact is answered beside it."""
    try:
        return dict(getattr(import_module("compliance.rules.vectors.terms"), name))
    except ModuleNotFoundError:
        return {}
