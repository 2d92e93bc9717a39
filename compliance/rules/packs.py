"""Reads rule packs: strict YAML in, frozen rules out, every error with its file and place."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from compliance.rules.schema import BaseRule, PackFile, Rule
from compliance.rules.shapes import Words
from compliance.rules.terms.schema import Term

SHIPPED = Path(__file__).resolve().parent.parent / "packs"


class PackError(ValueError):
    """A pack that cannot be used; the message names file and place, one problem a line."""


@dataclass(frozen=True, eq=False)
class Pack:
    """One loaded pack. Its version is the digest of its text, which is kept: old decisions are replayed with
    it."""

    file: PackFile
    text: str
    prepared: dict[str, Any] = field(default_factory=dict, repr=False)
    """What judges work out of each rule once."""

    @property
    def id(self) -> str:
        return self.file.pack

    def named(self, language: str) -> Words:
        """Its title for a reader of that language."""
        return self.file.named(language)

    @property
    def jurisdiction(self) -> str | None:
        """None for a house policy, which applies everywhere."""
        return self.file.jurisdiction

    @property
    def country(self) -> str | None:
        return self.file.country

    @property
    def version(self) -> date:
        return self.file.version

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.file.rules

    @property
    def terms(self) -> tuple[Term, ...]:
        """What the pack says where no contact is decided: `compliance.rules.terms` answers with it."""
        return self.file.terms

    @property
    def entries(self) -> tuple[Rule | Term, ...]:
        """All that the pack says: what people sign, compare and look ahead in."""
        return (*self.rules, *self.terms)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text, hexadecimal: the exact version a decision was made with."""
        return sha256(self.text.encode()).hexdigest()


class Packs:
    """All packs there are: one per jurisdiction, and house policies, which hold everywhere."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        self.all = tuple(sorted(packs, key=lambda pack: (pack.jurisdiction is None, pack.id)))
        self.house = tuple(pack for pack in self.all if pack.jurisdiction is None)
        self._by_jurisdiction = {
            pack.jurisdiction: pack for pack in self.all if pack.jurisdiction is not None
        }
        self._rules = {rule.id: rule for pack in self.all for rule in pack.rules}
        self._terms = {term.id: term for pack in self.all for term in pack.terms}
        self._applying: dict[tuple[Any, ...], tuple[tuple[Pack, Rule], ...]] = {}
        self.in_force: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        """What applies on some dates to some contact, prepared; filled by `decide`."""
        self._versions: dict[tuple[str, ...], dict[str, str]] = {}
        if len({pack.id for pack in self.all}) < len(self.all):
            raise PackError("two packs have the same id")
        if len(self._by_jurisdiction) + len(self.house) < len(self.all):
            raise PackError("two packs claim the same jurisdiction")
        if len(self._rules) < sum(len(pack.rules) for pack in self.all):
            raise PackError("two packs have a rule of the same id")
        if len({*self._rules, *self._terms}) < sum(len(pack.rules) + len(pack.terms) for pack in self.all):
            raise PackError("two packs have a term of the same id")

    @property
    def jurisdictions(self) -> tuple[str, ...]:
        return tuple(self._by_jurisdiction)

    def unknown(self, jurisdictions: Iterable[str]) -> list[str]:
        """Those of them that have no pack."""
        return [each for each in jurisdictions if each not in self._by_jurisdiction]

    def packs_for(self, jurisdictions: Iterable[str]) -> tuple[Pack, ...]:
        """The packs that apply there, house policies last. Unknown jurisdictions are left out: ask `unknown`
        first."""
        wanted = dict.fromkeys(jurisdictions)
        return (
            *(self._by_jurisdiction[each] for each in wanted if each in self._by_jurisdiction),
            *self.house,
        )

    def versions(self, jurisdictions: Iterable[str]) -> dict[str, str]:
        """Id and digest of every pack that applies there: what a decision stores."""
        wanted = tuple(jurisdictions)
        if wanted not in self._versions:
            self._versions[wanted] = {pack.id: pack.digest for pack in self.packs_for(wanted)}
        return dict(self._versions[wanted])

    def rule(self, rule_id: str) -> Rule | None:
        """The rule of that id, for its citation and sentence; None for the gate's own checks."""
        return self._rules.get(rule_id)

    def term(self, term_id: str) -> Term | None:
        """The term of that id, for its citation and sentence; None where no pack has it."""
        return self._terms.get(term_id)

    def without_house(self) -> "Packs":
        """The law alone, as the conformance vectors ask."""
        return Packs(pack for pack in self.all if pack.jurisdiction is not None)

    def applying(
        self, jurisdictions: tuple[str, ...], role: str, channel: str, purpose: str, party: str
    ) -> tuple[tuple[Pack, Rule], ...]:
        """Every rule that speaks about such a contact, whatever its dates. Remembered: there are few such
        questions."""
        question = (jurisdictions, role, channel, purpose, party)
        if question not in self._applying:
            self._applying[question] = tuple(
                (pack, rule)
                for pack in self.packs_for(jurisdictions)
                for rule in pack.rules
                if speaks_about(rule, role, channel, purpose, party)
            )
        return self._applying[question]


def speaks_about(rule: Rule, role: str, channel: str, purpose: str, party: str) -> bool:
    """Whether a rule binds us, this channel, purpose and party."""
    return (
        role in rule.binds
        and channel in rule.channels
        and (rule.purposes is None or purpose in rule.purposes)
        and (rule.parties is None or party in rule.parties)
    )


def load_packs(folder: Path = SHIPPED) -> Packs:
    """All `*.yaml` of a folder, each in English and Chinese. Raises `PackError` for the first file that cannot be used."""
    return Packs(_speaking_both(path) for path in sorted(folder.glob("*.yaml")))


def _speaking_both(path: Path) -> Pack:
    """A pack from its file. Raises `PackError`, also where something is said in English alone."""
    pack = parse_pack(path.read_text("utf-8"), path.name)
    silent = [] if pack.file.title_zh else ["title_zh"]
    for entry in pack.entries:
        silent += [] if entry.says_zh else [f"{entry.id}.says_zh"]
        exceptions = entry.exceptions if isinstance(entry, BaseRule) else ()
        silent += [f"{entry.id}.exceptions[{each.name}].says_zh" for each in exceptions if not each.says_zh]
    if silent:
        raise PackError("\n".join(f"{path.name}: {place}: not said in Chinese" for place in silent))
    return pack


def parse_pack(text: str, name: str) -> Pack:
    """One pack from its text; `name` is what errors call it. Raises `PackError`."""
    try:
        data = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that does not exist
        raise PackError(f"{name}: {error}") from error
    try:
        return Pack(PackFile.model_validate(data), text)
    except ValidationError as error:
        problems = [f"{name}: {_place(each['loc'], data)}: {each['msg']}" for each in error.errors()]
        raise PackError("\n".join(problems)) from error


def _place(location: tuple[str | int, ...], data: Any) -> str:
    """A place as a reader of the file would name it: rules[US.REGF.TIME.DEFAULT].open[0].from"""
    place = ""
    for step in location:
        if isinstance(step, int):
            data = data[step] if isinstance(data, list) and step < len(data) else None
            place += f"[{data['id'] if isinstance(data, dict) and 'id' in data else step}]"
        elif isinstance(data, dict) and step == data.get("kind"):
            continue  # pydantic names the kind it chose; the file does not
        else:
            data = data.get(step) if isinstance(data, dict) else None
            place += f".{step}" if place else step
    return place or "the file"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """SafeLoader that refuses a key written twice, where YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _value in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)
