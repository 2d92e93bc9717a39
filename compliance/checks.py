"""What must hold before anything starts: a rule pack that cannot be read stops the site, not the first contact."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from compliance.rules import PackError, load_packs


@register
def packs_can_be_read(app_configs: Any, **options: Any) -> list[CheckMessage]:
    try:
        load_packs()
    except PackError as error:
        return [Error(str(error), hint="docs/rule-packs.md says what a pack may say.", id="compliance.E001")]
    return []
