"""Time zones that a postal address indicates. Pure.

A US state that lies in two zones indicates both: a contact must be lawful in each of them (12 CFR 1006.6(b)(1), comment
6(b)(1)(i)-2).
"""

from compliance.rules.zones import zones_of

EASTERN, CENTRAL = "America/New_York", "America/Chicago"
MOUNTAIN, PACIFIC = "America/Denver", "America/Los_Angeles"

US_STATES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        [
            "CT",
            "DC",
            "DE",
            "GA",
            "MA",
            "MD",
            "ME",
            "NC",
            "NH",
            "NJ",
            "NY",
            "OH",
            "PA",
            "RI",
            "SC",
            "VA",
            "VT",
            "WV",
        ],
        (EASTERN,),
    ),
    **dict.fromkeys(["AL", "AR", "IA", "IL", "LA", "MN", "MO", "MS", "OK", "WI"], (CENTRAL,)),
    **dict.fromkeys(["CO", "MT", "NM", "UT", "WY"], (MOUNTAIN,)),
    **dict.fromkeys(["CA", "NV", "WA"], (PACIFIC,)),
    **dict.fromkeys(["FL", "IN", "KY", "MI", "TN"], (EASTERN, CENTRAL)),
    **dict.fromkeys(["KS", "ND", "NE", "SD", "TX"], (CENTRAL, MOUNTAIN)),
    **dict.fromkeys(["ID", "OR"], (MOUNTAIN, PACIFIC)),
    "AZ": ("America/Phoenix", MOUNTAIN),  # the Navajo Nation keeps daylight saving time
    "AK": ("America/Anchorage", "America/Adak"),
    "HI": ("Pacific/Honolulu",),
    "PR": ("America/Puerto_Rico",),
    "VI": ("America/St_Thomas",),
    "GU": ("Pacific/Guam",),
    "MP": ("Pacific/Saipan",),
    "AS": ("Pacific/Pago_Pago",),
}


def zones_of_address(country: str, state: str) -> tuple[str, ...]:
    """The zones an address in this country (ISO 3166) and state may lie in; empty where it does not say enough."""
    if country == "US":
        return US_STATES.get(state, ())
    zones = zones_of(country)
    return zones if len(zones) == 1 else ()
