"""What differs between two texts of a pack: rules added, removed, and what of each rule changed. Words are made above."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from compliance.rules.packs import Pack
from compliance.rules.schema import Rule
from compliance.rules.terms import Term


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `field` is the place in the rule ("limit", "window.days"), empty for a rule that came or went;
    values are as they stand in a pack, None where there is none."""

    rule: str
    kind: Literal["added", "removed", "changed"]
    field: str = ""
    before: Any = None
    after: Any = None


def compare(before: Pack, after: Pack) -> tuple[Change, ...]:
    """Rule by rule in the order of the later text, removed ones last; within a rule by the field's name. Worked examples
    count as one field: they prove the text, they do not change what it says."""
    old = {rule.id: rule for rule in before.entries}
    new = {rule.id: rule for rule in after.entries}
    changes = [change for rule in after.entries for change in _of_rule(old.get(rule.id), rule)]
    changes += [Change(name, "removed") for name in old if name not in new]
    return tuple(changes)


def _of_rule(before: Rule | Term | None, after: Rule | Term) -> Iterator[Change]:
    if before is None:
        yield Change(after.id, "added")
        return
    old, new = flat(before), flat(after)
    for field in sorted(old.keys() | new.keys()):
        if old.get(field) != new.get(field):
            yield Change(after.id, "changed", field, old.get(field), new.get(field))
    if before.examples != after.examples:
        yield Change(after.id, "changed", "examples", len(before.examples), len(after.examples))


def flat(rule: Rule | Term) -> dict[str, Any]:
    """A rule as its places and values, without its examples: mappings are opened ("window.days"), lists are not."""
    return dict(_flatten(rule.model_dump(mode="json", by_alias=True, exclude={"examples"})))


def _flatten(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
