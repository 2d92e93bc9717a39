"""Scripted conversations: what a script is, what makes one fit for use, and how it is walked. Pure: dates,
database and screens are the callers'.

A script is a list of steps; the first is where it begins. The agent says a step's words, chooses the
borrower's answer, and comes to the answer's next step, until a step that ends. `ScriptVersion.steps` holds
them as JSON, exactly as `Step` dumps.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from communications.discretion import speaks_of_a_bureau, tells, threatens

FOLDER = Path(__file__).parent / "scripts"
LANGUAGES = ("en", "zh-hans")
# What has to be said where a debt is spoken of; a step names those it discloses.
BEFORE_THE_DEBT = frozenset({"who_we_are", "why_we_call"})
BEFORE_THE_END = BEFORE_THE_DEBT | {"rights"}
# Roles that must say more about themselves, in the place of {disclosure}.
DISCLOSING_ROLES = ("third_party_debt_collector", "debt_buyer")
PLACEHOLDERS = frozenset(
    {"agent_name", "borrower_name", "lender_name", "reply_address", "arrears", "oldest_due_on", "disclosure"}
)
# What may be said before we know that it is the borrower who listens.
HARMLESS = frozenset({"agent_name", "borrower_name"})
PLACEHOLDER = re.compile(r"\{([a-z_]*)\}")
MOST_ANSWERS = 9  # one key each


class ScriptError(ValueError):
    """A script that cannot be used, or a step or answer it does not have; the message names the place."""


Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(_Strict):
    """One thing the borrower may say, and what follows from it.

    `disposition` is the outcome it proposes for the call (the last one on the way counts), `reason` the
    reason for being late that it records, `form` what the agent fills in before going on. `right_party`: now
    we know who listens.
    """

    key: Code
    label: dict[str, Line]
    next: Code
    disposition: Code | None = None
    reason: Code | None = None
    form: Literal["promise", "plan", "hold", "call_back", "complaint"] | None = None
    right_party: bool = False


class End(_Strict):
    """Where a conversation ends. `short`: it breaks off before rights need be told, because going on would be
    wrong.
    """

    result: Code
    short: bool = False


class Step(_Strict):
    """What the agent says, by language, and the answers to it.

    `must_say`: the agent confirms having said it before any answer can be chosen. `about_debt`: whoever hears
    it knows of the debt. `discloses`: the required disclosures it makes. `disclosures`: our role → language →
    what that role must say, in the place of {disclosure}. `hint`: advice to the agent, not said.
    """

    id: Code
    say: dict[str, Line]
    hint: dict[str, Line] | None = None
    must_say: bool = False
    about_debt: bool = False
    discloses: tuple[Literal["who_we_are", "why_we_call", "rights"], ...] = ()
    disclosures: dict[str, dict[str, Line]] | None = None
    answers: tuple[Answer, ...] = ()
    end: End | None = None

    def words(self, language: str, role: str, values: Mapping[str, str]) -> str:
        """What to say in one language: every placeholder replaced by its display text from `values`.

        Raises `ScriptError` for a value that is missing.
        """
        disclosure = (self.disclosures or {}).get(role, {}).get(language, "")

        def value(match: re.Match[str]) -> str:
            if match[1] == "disclosure":
                return disclosure
            try:
                return values[match[1]]
            except KeyError:
                raise ScriptError(f"step {self.id}: {match[1]} is not known") from None

        return re.sub(r" {2,}", " ", PLACEHOLDER.sub(value, self.say[language])).strip()

    def answer(self, key: str) -> Answer:
        """Raises `ScriptError` for an answer the step does not offer."""
        for answer in self.answers:
            if answer.key == key:
                return answer
        raise ScriptError(f"step {self.id} has no answer {key!r}")


class ScriptFile(_Strict):
    """One file of `scripts/`: a conversation approved on a day in all its languages."""

    key: Code
    approved_on: date
    title: dict[str, Line]
    steps: tuple[Step, ...]

    @property
    def approved_at(self) -> datetime:
        return datetime.combine(self.approved_on, time.min, UTC)

    def as_data(self) -> dict[str, Any]:
        """As the fields of `ScriptVersion`."""
        return {"title": self.title, "steps": [step.model_dump(mode="json") for step in self.steps]}


_STEPS = TypeAdapter(tuple[Step, ...])


def read_steps(steps: Sequence[dict[str, Any]] | Sequence[Step]) -> tuple[Step, ...]:
    """Typed steps from a stored version's JSON. Raises `ScriptError`."""
    try:
        return _STEPS.validate_python(steps)
    except ValidationError as error:
        raise ScriptError(str(error)) from error


def read_scripts(folder: Path = FOLDER) -> list[ScriptFile]:
    """Every script file, checked, in the order of their names. Raises `ScriptError`."""
    scripts = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            script = ScriptFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (ValidationError, yaml.YAMLError) as error:
            raise ScriptError(f"{path.name}: {error}") from error
        if script.key != path.stem:
            raise ScriptError(
                f"{path.name} holds the script {script.key!r}: a file is named after its script."
            )
        problems = [f"no title in {language}" for language in LANGUAGES if language not in script.title]
        if problems := problems + validate(script.steps):
            raise ScriptError(f"{path.name}: {'; '.join(problems)}")
        scripts.append(script)
    return scripts


# Walking


def first_step(steps: Sequence[dict[str, Any]] | Sequence[Step]) -> Step:
    return step_of(steps, read_steps(steps)[0].id)


def step_of(steps: Sequence[dict[str, Any]] | Sequence[Step], step: str) -> Step:
    """The step of that id. Raises `ScriptError` where there is none."""
    for each in read_steps(steps):
        if each.id == step:
            return each
    raise ScriptError(f"there is no step {step!r}")


def next_step(steps: Sequence[dict[str, Any]] | Sequence[Step], step: str, answer: str) -> Step:
    """Where an answer to a step leads. Raises `ScriptError` for a step or an answer that is not there."""
    return step_of(steps, step_of(steps, step).answer(answer).next)


# Checking


class _Way(NamedTuple):
    """What is known and said when a step is reached on one way through the script."""

    right_party: bool = False
    said: frozenset[str] = frozenset()
    outcome: bool = False


def validate(steps: Sequence[dict[str, Any]] | Sequence[Step]) -> list[str]:
    """What keeps a script from being used, one sentence each; empty where it is fit.

    Every step is reachable; every way ends; nothing tells of a debt before the right party is confirmed, nor
    before it is said who we are and why we call; no way ends without the disclosures it owes or without an
    outcome.
    """
    typed = read_steps(steps)
    if not typed:
        return ["there is no step"]
    problems = [problem for step in typed for problem in _own_problems(step)]
    ids = [step.id for step in typed]
    problems += [
        f"step {name}: there are several of that id" for name in sorted({i for i in ids if ids.count(i) > 1})
    ]
    known = set(ids)
    problems += [
        f"step {step.id}: answer {answer.key} leads to {answer.next!r}, which does not exist"
        for step in typed
        for answer in step.answers
        if answer.next not in known
    ]
    if problems:
        return problems  # the ways cannot be walked before the map is whole
    by_id = {step.id: step for step in typed}
    if circle := _circle(by_id, typed[0].id):
        return [f"the conversation can go round in circles: {' → '.join(circle)}"]
    return [*_unreachable(typed), *_problems_on_the_way(by_id, typed[0].id)]


def _own_problems(step: Step) -> Iterator[str]:
    place = f"step {step.id}"
    spoken = [("words", step.say)]
    spoken += [("hint", step.hint)] if step.hint else []
    spoken += [(f"answer {answer.key}", answer.label) for answer in step.answers]
    spoken += [(f"disclosure for {role}", words) for role, words in (step.disclosures or {}).items()]
    for name, words in spoken:
        if set(words) != set(LANGUAGES):
            yield f"{place}: {name} must be in {' and '.join(LANGUAGES)}"
        for each in words.values():
            if word := speaks_of_a_bureau(each):
                yield f"{place}: {name}: {word!r}: no script speaks of credit bureaus; there is a text for it"
            if word := threatens(each):
                yield f"{place}: {name}: {word!r} threatens: no script does"
    for said in step.say.values():
        names = set(PLACEHOLDER.findall(said))
        if unknown := names - PLACEHOLDERS:
            yield f"{place}: no placeholder {', '.join(sorted(unknown))}"
        if ("disclosure" in names) != bool(step.disclosures):
            yield f"{place}: disclosures and their place {{disclosure}} go together"
        if names - HARMLESS and not step.about_debt:
            yield f"{place}: {', '.join(sorted(names - HARMLESS))} in words that are not about_debt"
    if bool(step.answers) == bool(step.end):
        yield f"{place}: either answers or an end"
    if len(step.answers) > MOST_ANSWERS:
        yield f"{place}: more than {MOST_ANSWERS} answers have no key each"
    keys = [answer.key for answer in step.answers]
    if len(set(keys)) < len(keys):
        yield f"{place}: an answer is there twice"
    if step.discloses and not step.must_say:
        yield f"{place}: what discloses must be said"
    if "who_we_are" in step.discloses and (missing := set(DISCLOSING_ROLES) - set(step.disclosures or {})):
        yield f"{place}: no disclosure for {', '.join(sorted(missing))}"


def _circle(by_id: Mapping[str, Step], first: str) -> list[str]:
    """Ids of steps that lead back to their first one; empty where every way goes forward."""
    finished: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in finished:
            return []
        for answer in by_id[name].answers:
            if circle := walk(answer.next, [*way, name]):
                return circle
        finished.add(name)
        return []

    return walk(first, [])


def _unreachable(steps: Sequence[Step]) -> Iterator[str]:
    by_id = {step.id: step for step in steps}
    reached: set[str] = set()
    waiting = [steps[0].id]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [answer.next for answer in by_id[name].answers]
    return (f"step {step.id}: no way leads there" for step in steps if step.id not in reached)


def _problems_on_the_way(by_id: Mapping[str, Step], first: str) -> Iterator[str]:
    """Walks every way; ways that come to a step alike are one."""
    seen: set[tuple[str, _Way]] = set()
    told: set[str] = set()
    waiting = [(first, _Way())]
    while waiting:
        name, way = waiting.pop()
        if (name, way) in seen:
            continue
        seen.add((name, way))
        step = by_id[name]
        for problem in _problems_here(step, way):
            if problem not in told:
                told.add(problem)
                yield problem
        said = way.said | set(step.discloses)
        waiting += [
            (
                answer.next,
                _Way(way.right_party or answer.right_party, said, way.outcome or bool(answer.disposition)),
            )
            for answer in step.answers
        ]


def _problems_here(step: Step, way: _Way) -> Iterator[str]:
    place = f"step {step.id}"
    if not way.right_party:
        if step.about_debt:
            yield f"{place}: speaks of the debt before the right party is confirmed"
        for words in step.say.values():
            if revealing := set(PLACEHOLDER.findall(words)) - HARMLESS:
                yield f"{place}: {', '.join(sorted(revealing))} before the right party is confirmed"
            if word := tells(PLACEHOLDER.sub("", words)):
                yield f"{place}: {word!r} before the right party is confirmed"
    said = way.said | set(step.discloses)
    if way.right_party and not step.end and (missing := BEFORE_THE_DEBT - said):
        yield f"{place}: reached before it was said {_list(missing)}"
    if step.end:
        owed = frozenset() if not way.right_party else BEFORE_THE_DEBT if step.end.short else BEFORE_THE_END
        if missing := owed - said:
            yield f"{place}: a way ends here on which it was not said {_list(missing)}"
        if not way.outcome:
            yield f"{place}: a way ends here without an outcome"


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
