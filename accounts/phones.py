"""Phone numbers, e-mail addresses and names: the one normal form that is sealed and searched, the mask that
lists show, and what the rules need to know about a number (where it may ring, what kind of line it is).

A text is normalised or refused with ContactError; nothing is repaired by guessing. Zones and numbering
plans are those of `phonenumbers`.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberType
from phonenumbers.phonemetadata import PhoneMetadata, PhoneNumberDesc
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

LINE_TYPES = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "company",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium_rate",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOICEMAIL: "voicemail",
}
"""Our word for each kind of line. North American plans do not tell fixed lines from mobiles."""


class ContactError(ValueError):
    """A text that is no phone number or e-mail address. `code` is phone_invalid, phone_without_country or
    email_invalid. The text itself stays out of the message: messages are logged."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Phone:
    """`e164` "+8613800138000"; `country` ISO 3166 alpha-2, "" for numbers of no country (+800, satellites);
    `zones` every IANA zone the number may be in, () when nobody knows; `line_type` a word of LINE_TYPES.
    """

    e164: str
    country: str
    zones: tuple[str, ...]
    line_type: str


# What people write between digits. No letters (words, "ext", vanity numbers), no "/" (two numbers in one
# cell).
_WRITTEN = re.compile(r"\+?[0-9 ().\u00a0\u2010-\u2015\-]{4,30}")
# Full-width forms. NFKC would also make digits of circled and raised ones.
_NARROW = str.maketrans("０１２３４５６７８９＋－（）．　", "0123456789+-(). ")
_SEPARATORS = re.compile(r"[^0-9+]")


def read_phone(text: str, region: str | None) -> Phone:
    """The number that the text is when dialled in `region` (ISO 3166 alpha-2; None: only full numbers with
    +).

    Valid by the numbering plan, not only possible: a number that cannot exist would be a stranger's after a
    slip.
    """
    text = text.strip().translate(_NARROW)
    if not _WRITTEN.fullmatch(text):
        raise ContactError("phone_invalid")
    digits = _SEPARATORS.sub("", text)
    code, nsn = _plain(digits, region)
    country, kind = _classify(code, nsn)
    if kind == PhoneNumberType.UNKNOWN:
        code, nsn = _parsed(digits, region)
        country, kind = _classify(code, nsn)
        if kind == PhoneNumberType.UNKNOWN:
            raise ContactError("phone_invalid")
    geographic = phonenumbers.is_number_type_geographical(kind, code)
    return Phone(
        f"+{code}{nsn}", country, _zones_of(f"{code}{nsn}" if geographic else str(code)), LINE_TYPES[kind]
    )


def normalise_phone(text: str, region: str | None) -> str:
    """E.164 of the text; ContactError as `read_phone`."""
    return read_phone(text, region).e164


def zones(e164: str) -> tuple[str, ...]:
    """Every zone a full number may be in, by its longest known prefix; the whole plan's zones for numbers
    that are tied to no place (a toll-free +1 number may be anywhere from Guam to St John's).
    """
    return read_phone(e164, None).zones


def line_type(e164: str) -> str:
    """A word of LINE_TYPES for a full number."""
    return read_phone(e164, None).line_type


def _parsed(digits: str, region: str | None) -> tuple[int, str]:
    """Country code and national number as `phonenumbers` reads the digits."""
    if region is None and not digits.startswith("+"):
        raise ContactError("phone_without_country")
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        raise ContactError("phone_invalid") from None
    return number.country_code or 0, phonenumbers.national_significant_number(number)


def _plain(digits: str, region: str | None) -> tuple[int, str]:
    """What `_parsed` would say, at a fraction of its price, where the rules for prefixes have nothing to do:
    digits that start with no trunk, carrier or dialling-out prefix. The caller checks that they are a valid
    number as they stand."""
    if digits.startswith("+"):
        code = _leading_code(digits)
        region, digits = phonenumbers.region_code_for_country_code(int(code or 0)), digits[1 + len(code) :]
    plan = _plan(region, 0) if region and digits and digits[0] != "0" else None
    return (0, "") if plan is None or plan.prefixes.match(digits) else (plan.code, digits)


def _leading_code(e164: str) -> str:
    """The country code after the +, "" if none: no code is the beginning of another."""
    return (
        next((e164[1:end] for end in (2, 3, 4) if e164[1:end] in _COUNTRY_CODES), "")
        if e164[:1] == "+"
        else ""
    )


_COUNTRY_CODES = frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))


class _Numbers:
    """A set of national numbers: their possible lengths, and a pattern. `phonenumbers` has the same, but
    looks each pattern up anew for every number."""

    def __init__(self, description: PhoneNumberDesc | None) -> None:
        self.lengths = set(description.possible_length) if description else set()
        self.pattern = re.compile((description and description.national_number_pattern) or r"(?!)")

    def __contains__(self, nsn: object) -> bool:
        assert isinstance(nsn, str)
        return (not self.lengths or len(nsn) in self.lengths) and self.pattern.fullmatch(nsn) is not None


class _Plan:
    """A country's part of the world's numbering plan."""

    def __init__(self, country: str, metadata: PhoneMetadata) -> None:
        assert metadata.country_code is not None
        self.country = country
        self.code = metadata.country_code
        # What `phonenumbers.parse` may take off. Without any prefix this must match nothing, not everything.
        prefixes = [metadata.national_prefix_for_parsing, metadata.international_prefix]
        self.prefixes = re.compile("|".join(f"(?:{prefix})" for prefix in prefixes if prefix) or r"(?!)")
        self.leading = re.compile(metadata.leading_digits) if metadata.leading_digits else None
        self.general = _Numbers(metadata.general_desc)
        services = {
            PhoneNumberType.PREMIUM_RATE: metadata.premium_rate,
            PhoneNumberType.TOLL_FREE: metadata.toll_free,
            PhoneNumberType.SHARED_COST: metadata.shared_cost,
            PhoneNumberType.VOIP: metadata.voip,
            PhoneNumberType.PERSONAL_NUMBER: metadata.personal_number,
            PhoneNumberType.PAGER: metadata.pager,
            PhoneNumberType.UAN: metadata.uan,
            PhoneNumberType.VOICEMAIL: metadata.voicemail,
        }
        self.services = [
            (kind, _Numbers(description))
            for kind, description in services.items()
            if description and description.national_number_pattern
        ]
        self.fixed = _Numbers(metadata.fixed_line)
        self.mobile = _Numbers(metadata.mobile)

    def kind(self, nsn: str) -> int:
        """`phonenumbers.number_type` of a national number of this country."""
        if nsn not in self.general:
            return PhoneNumberType.UNKNOWN
        for kind, numbers in self.services:
            if nsn in numbers:
                return kind
        mobile = nsn in self.mobile
        if nsn in self.fixed:
            return PhoneNumberType.FIXED_LINE_OR_MOBILE if mobile else PhoneNumberType.FIXED_LINE
        return PhoneNumberType.MOBILE if mobile else PhoneNumberType.UNKNOWN


@lru_cache(maxsize=512)
def _plan(region: str, code: int) -> _Plan | None:
    """The plan of a region; of the country code for numbers of no country."""
    if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY:
        metadata = PhoneMetadata.metadata_for_nongeo_region(code)
        return _Plan("", metadata) if metadata else None
    metadata = PhoneMetadata.metadata_for_region(region)
    return _Plan(region, metadata) if metadata else None


def _classify(code: int, nsn: str) -> tuple[str, int]:
    """Which of the countries that share the code has the number, and what kind of line it is there."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ())
    for region in regions:
        plan = _plan(region, code)
        if plan is None:
            continue
        if len(regions) == 1 or (plan.leading and plan.leading.match(nsn)):
            return plan.country, plan.kind(nsn)
        if plan.leading is None and (kind := plan.kind(nsn)) != PhoneNumberType.UNKNOWN:
            return plan.country, kind
    return "", PhoneNumberType.UNKNOWN


def _zones_of(full: str) -> tuple[str, ...]:
    """By the longest prefix of the digits, country code first, that the zone table knows."""
    for length in range(TIMEZONE_LONGEST_PREFIX, 0, -1):
        if found := TIMEZONE_DATA.get(full[:length]):
            return found
    return ()


def mask_phone(e164: str) -> str:
    """What a list shows: "+86 138****8000" as people in China write it, elsewhere the first digit and the
    last three of the national number, "+256 7*****310". Anything that is no full number is hidden whole.
    """
    code = _leading_code(e164)
    nsn = e164[1 + len(code) :]
    if not code or not nsn.isdigit() or len(nsn) > 15:
        return "***"
    if code == "86" and len(nsn) == 11:
        return f"+86 {nsn[:3]}****{nsn[-4:]}"
    return f"+{code} {nsn[:1]}{'*' * max(3, len(nsn) - 4)}{nsn[-3:] if len(nsn) > 6 else ''}"


_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# The two standards of international domain names disagree on these: a message might reach a stranger's
# domain.
_DISPUTED = re.compile("[\u00df\u03c2\u200c\u200d]")


def normalise_email(text: str) -> str:
    """The address in NFKC and lower case, its domain in IDNA's ASCII form. ContactError unless it is one
    plain deliverable address: no display name, no quoted part, no address literal, no letters outside ASCII
    before the @.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    local, at, domain = text.lower().rpartition("@")
    if not at or _DISPUTED.search(domain):
        raise ContactError("email_invalid")
    try:
        domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise ContactError("email_invalid") from None
    labels = domain.split(".")
    if (
        len(labels) < 2
        or labels[-1].isdigit()
        or not all(_LABEL.fullmatch(label) for label in labels)
        or not _LOCAL.fullmatch(local)
        or len(local) > 64
        or len(local) + 1 + len(domain) > 254
    ):
        raise ContactError("email_invalid")
    return f"{local}@{domain}"


def mask_email(address: str) -> str:
    """ "w***@e***.com": a domain of one's own, or an employer's, would name the person."""
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        return "***"
    return f"{local[0]}***@{domain[0]}***.{domain.rpartition('.')[2]}"


_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]{1,12}")
_TWO_CHARACTER_SURNAMES = re.compile(
    "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|司徒|夏侯|长孙|宇文|轩辕|独孤|南宫|闻人|端木|申屠|澹台|呼延"
    "|歐陽|司馬|諸葛|東方|尉遲|公孫|長孫|軒轅|獨孤|南宮|聞人|澹臺"
)
_BETWEEN_NAMES = re.compile(r"[\s\u00b7\u2022\u30fb]+")


def mask_name(name: str) -> str:
    """What a list shows: "王**" (surname and as many stars as given characters), "W*** Z***" for names in
    words.
    """
    name = name.strip()
    if _HAN.fullmatch(name):
        shown = 2 if len(name) > 2 and _TWO_CHARACTER_SURNAMES.match(name) else 1
        return name[:shown] + "*" * max(1, len(name) - shown)
    words = [word for word in _BETWEEN_NAMES.split(name) if word]
    return " ".join(f"{_first_letter(word)}***" for word in words[:8])


def _first_letter(word: str) -> str:
    """The first character with up to two marks that belong to it."""
    end = 1
    while end < min(len(word), 3) and unicodedata.category(word[end]) in ("Mn", "Mc"):
        end += 1
    return word[:end]
