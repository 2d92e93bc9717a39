"""The borrower of a row: who it is, how to reach them, who stands around them, what they agreed to."""

import re
from collections.abc import Mapping
from typing import Any

from accounts import phones
from accounts.phones import Phone, mask_email, mask_name, mask_phone
from accounts.tapes import fields
from accounts.tapes.codes import Code
from accounts.tapes.records import CleanBorrower, CleanConsent, CleanContact, CleanRelated, Remark
from accounts.tapes.rows import Bound, Values

# USPS codes: the states, the District of Columbia and the territories.
_US_STATE = re.compile(
    "A[KLRSZ]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOPST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT"
    "|V[AIT]|W[AIVY]"
)
_US_ZIP = re.compile("[0-9]{5}(-[0-9]{4})?")


class People:
    """Builds borrowers from the values of rows. `names` are the fields that any row may have."""

    def __init__(self, bound: Bound, names: set[str]) -> None:
        self.bound = bound
        self.points = [
            (name, f"{name}_source", f"{name}_ground", f"{name}_verified_on")
            for name in (*fields.PHONES, *fields.EMAILS)
            if name in names
        ]
        self.related = [
            name for name in fields.RELATED if {f"{name}_name", f"{name}_relation", f"{name}_phone"} & names
        ]
        self.consents = [
            channel
            for channel in fields.CONSENTS
            if f"consent_{channel}_on" in names or f"consent_{channel}_how" in names
        ]

    def borrower(self, values: Values, of: Mapping[str, Any], remarks: list[Remark]) -> CleanBorrower | None:
        """The borrower of the row, None when something about them is refused. `of` are the row's values,
        completed from a customers' file where there is one."""
        before = len(values.refusals)
        self._check_address(values, of)
        contacts = self._contacts(values, of, remarks)
        related = tuple(person for name in self.related if (person := self._person(name, values, of)))
        consents = tuple(each for channel in self.consents if (each := self._consent(channel, values, of)))
        if len(values.refusals) > before or values.failed:
            return None
        get = of.get
        name = get("name", "")
        return CleanBorrower(
            of["borrower_id"],
            name,
            mask_name(name) if name else "",
            get("national_id", ""),
            get("birth_year"),
            get("language", ""),
            get("country", ""),
            get("state", ""),
            get("zip", ""),
            get("preferred_channel", ""),
            contacts,
            related,
            consents,
        )

    def _check_address(self, values: Values, of: Mapping[str, Any]) -> None:
        if of.get("country") != "US":
            return
        state, postal = of.get("state"), of.get("zip")
        if state is not None and not _US_STATE.fullmatch(state):
            values.refuse(self.bound.column("state"), Code.UNKNOWN_STATE, value=state, country="US")
        if postal is not None and not _US_ZIP.fullmatch(postal):
            values.refuse(self.bound.column("zip"), Code.BAD_ZIP, value=postal, country="US")

    def _contacts(
        self, values: Values, of: Mapping[str, Any], remarks: list[Remark]
    ) -> tuple[CleanContact, ...]:
        kept: dict[str, CleanContact] = {}
        for name, source_name, ground_name, verified_name in self.points:
            value = of.get(name)
            if value is None:
                continue
            source, ground = of.get(source_name), of.get(ground_name)
            if source is None or ground is None:
                if values.sound(source_name, ground_name):
                    lacking = [each for each in (source_name, ground_name) if each not in of]
                    values.refuse(
                        self.bound.column(name),
                        Code.CONTACT_INCOMPLETE,
                        columns=", ".join(map(self.bound.column, lacking)),
                    )
                continue
            contact = _contact(value, source, ground, of.get(verified_name))
            twin = kept.setdefault(contact.value, contact)
            if twin is contact:
                continue
            if twin == contact:
                remarks.append(Remark(values.row.number, Code.REPEATED_CONTACT))
            else:
                values.refuse(
                    self.bound.column(name),
                    Code.CONTACT_CONTRADICTS,
                    columns=self.bound.columns(source_name, ground_name, verified_name),
                )
        return tuple(kept.values())

    def _person(self, name: str, values: Values, of: Mapping[str, Any]) -> CleanRelated | None:
        parts = [f"{name}_{part}" for part in ("relation", "name", "given_by", "given_on", "ground")]
        reach = [f"{name}_phone", f"{name}_email"]
        given = [part for part in (parts[0], parts[1], *reach) if part in of]
        if not given and values.sound(*parts, *reach):
            return None
        lacking = [part for part in parts if part not in of and part not in values.failed]
        if lacking:
            values.refuse(
                self.bound.column(lacking[0]),
                Code.RELATED_INCOMPLETE,
                columns=", ".join(self.bound.column(part) for part in parts),
            )
        if lacking or not values.sound(*parts, *reach):
            return None
        given_by, ground = of[f"{name}_given_by"], of[f"{name}_ground"]
        return CleanRelated(
            of[f"{name}_relation"],
            of[f"{name}_name"],
            mask_name(of[f"{name}_name"]),
            given_by,
            of[f"{name}_given_on"],
            ground,
            tuple(_contact(of[part], given_by, ground, None) for part in reach if part in of),
        )

    def _consent(self, channel: Any, values: Values, of: Mapping[str, Any]) -> CleanConsent | None:
        parts = [f"consent_{channel}_on", f"consent_{channel}_how"]
        given = [part for part in parts if part in of]
        if len(given) == 2:
            return CleanConsent(channel, of[parts[0]], of[parts[1]])
        if given and values.sound(*parts):
            lacking = next(part for part in parts if part not in of)
            values.refuse(
                self.bound.column(lacking),
                Code.CONSENT_INCOMPLETE,
                columns=", ".join(self.bound.column(part) for part in parts),
            )
        return None


def _contact(value: Phone | str, source: str, ground: str, verified_on: Any) -> CleanContact:
    if isinstance(value, phones.Phone):
        return CleanContact(
            "phone", value.e164, mask_phone(value.e164), source, ground, verified_on,
            value.country, value.zones, value.line_type,
        )  # fmt: skip
    return CleanContact("email", value, mask_email(value), source, ground, verified_on, "", (), "")
