"""Zones a person may be in, from the IANA database that `tzdata` ships."""

from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Someone "in the US" may be in an inhabited territory that has its own country code in the IANA table.
TERRITORIES = {"US": ("PR", "VI", "GU", "MP", "AS")}

# Countries that keep one official time everywhere, whatever zones the IANA table lists: China keeps
# Beijing's.
ONE_OFFICIAL_TIME = {"CN": "Asia/Shanghai"}


@lru_cache(maxsize=1)
def _zone_table() -> dict[str, tuple[str, ...]]:
    table: dict[str, list[str]] = {}
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            country, _coordinates, zone = line.split("\t")[:3]
            table.setdefault(country, []).append(zone)
    return {country: tuple(zones) for country, zones in table.items()}


@lru_cache(maxsize=300)
def zones_of(country: str) -> tuple[str, ...]:
    """Every zone of a country (ISO 3166 code), sorted; empty for a country nobody knows."""
    if country in ONE_OFFICIAL_TIME:
        return (ONE_OFFICIAL_TIME[country],)
    countries = (country, *TERRITORIES.get(country, ()))
    return tuple(sorted(zone for each in countries for zone in _zone_table().get(each, ())))


@lru_cache(maxsize=1000)
def is_zone(name: str) -> bool:
    """Whether the IANA database knows the zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@lru_cache(maxsize=10_000)
def possible_zones(
    zones: tuple[str, ...], countries: tuple[str, ...], fallback: tuple[str, ...]
) -> tuple[str, ...] | None:
    """Every zone the person may be in: those indicated, all of each country indicated without a zone, and
    where nothing is indicated all of the `fallback` countries. None where a zone or country is not known, or
    nothing is left to go by."""
    wanted = countries if zones or countries else fallback
    by_country = [zones_of(country) for country in wanted]
    if not all(by_country) or not all(is_zone(zone) for zone in zones):
        return None
    found = {*zones, *(zone for each in by_country for zone in each)}
    return tuple(sorted(found)) or None
