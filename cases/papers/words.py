"""The words of our papers, from `words.yaml`."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

LANGUAGES = ("en", "zh-hans")


class Said(BaseModel):
    """One text in every language."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    en: str = Field(min_length=1)
    zh_hans: str = Field(min_length=1, alias="zh-hans")


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    version: int = Field(ge=1)
    words: dict[str, Said]


@cache
def table() -> Table:
    path = Path(__file__).resolve().with_name("words.yaml")
    return Table.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


class Words:
    """What a paper says in one language: `words("total")`, `words("plan_lead", day=…)`."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"No paper is written in {language!r}.")
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        said = table().words[key]
        text = said.zh_hans if self.language == "zh-hans" else said.en
        return text.format(**values) if values else text

    def knows(self, key: str) -> bool:
        return key in table().words
