"""Invented people: names from common parts, numbers from ranges kept for fiction or never given out, example addresses."""

import random
from dataclasses import dataclass

SURNAMES_ZH = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗郑梁谢宋唐许邓韩冯曹彭曾"
GIVEN_ZH = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉萍红飞玲燕欣怡子涵宇轩浩然梓雨桐佳琪"
FIRST_US = (
    "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara "
    "Richard Susan Joseph Jessica Thomas Karen Carlos Maria Luis Ana Daniel Nancy Anthony Lisa "
    "Marcus Aisha Kevin Grace Omar Priya Wei Mei "
).split()
LAST_US = (
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez "
    "Gonzalez Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White "
    "Harris Sanchez Clark Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres "
    "Nguyen Hill Flores "
).split()
# (state, area code); 555-0100 to 555-0199 are kept for fiction under every area code.
AREAS_US = (
    ("NY", 212), ("NY", 518), ("NY", 716), ("NJ", 201), ("PA", 215), ("PA", 412), ("MA", 617), ("CT", 203),
    ("FL", 305), ("FL", 407), ("FL", 813), ("GA", 404), ("NC", 704), ("VA", 804), ("OH", 216), ("OH", 614),
    ("MI", 313), ("IL", 312), ("IL", 217), ("TX", 214), ("TX", 512), ("TX", 713), ("MN", 612), ("MO", 314),
    ("LA", 504), ("CO", 303), ("UT", 801), ("AZ", 602), ("NM", 505), ("CA", 213), ("CA", 310), ("CA", 415),
    ("CA", 619), ("CA", 916), ("WA", 206), ("OR", 503), ("NV", 702), ("HI", 808), ("PR", 787), ("GU", 671),
)  # fmt: skip
ZONE_OF_STATE = {"HI": "Pacific/Honolulu", "PR": "America/Puerto_Rico", "GU": "Pacific/Guam"}


@dataclass(frozen=True)
class Person:
    external_id: str
    name: str
    phone: str
    email: str
    country: str
    state: str
    language: str
    birth_year: int


def chinese(rng: random.Random, number: int) -> Person:
    given = "".join(rng.choice(GIVEN_ZH) for _ in range(rng.choice((1, 2, 2))))
    return Person(
        external_id=f"CN{100000 + number}",
        name=rng.choice(SURNAMES_ZH) + given,
        # 199 0000 xxxx: a block that is not given out to customers.
        phone=f"+861990000{number % 10000:04d}",
        email=f"wallet{100000 + number}@example.com",
        country="CN",
        state="",
        language="zh-hans",
        birth_year=int(rng.triangular(1975, 2006, 1997)),
    )


def american(rng: random.Random, number: int) -> Person:
    state, area = AREAS_US[number % len(AREAS_US)]
    return Person(
        external_id=f"US{100000 + number}",
        name=f"{rng.choice(FIRST_US)} {rng.choice(LAST_US)}",
        phone=f"+1{area}55501{number // len(AREAS_US) % 100:02d}",
        email=f"member{100000 + number}@example.com",
        country="US",
        state=state,
        language="zh-hans" if rng.random() < 0.03 else "en",
        birth_year=int(rng.triangular(1965, 2006, 1995)),
    )
