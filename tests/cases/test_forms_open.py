"""Every form of the conversation column opens, in both languages."""

import pytest
from django.urls import reverse

from tests.cases.stories import make_case
from tests.factories import make_people, make_portfolio

FORMS = ("call", "promise", "plan", "payment", "complaint", "hold", "pass")


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("form", FORMS)
def test_a_form_opens(client, form, language):
    people = make_people(make_portfolio())
    people.alice.language = language
    people.alice.save()
    client.force_login(people.alice)
    case = make_case(people.alice.team.portfolios.get())
    answer = client.get(reverse("case", args=[case.pk]), {"open": form})
    assert answer.status_code == 200
    assert answer.context["form"] is not None
