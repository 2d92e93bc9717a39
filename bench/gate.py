"""What the gate costs: one decision with everything stored, and a whole portfolio when outreach is planned.

Fills a scratch database: some hundred borrowers through the real import, copied until there are as many as asked for, half
of them under the China pack, half under that of the United States, each with ten past attempts. Measured in one run:

- `ask`, one after the other: lock, facts, decision, permit, event, commit;
- `look_many` over everybody, in as many processes as there are cores;
- beside it one plain GROUP BY over the same attempts, and a general rule engine (zen-engine) given those counts and the
  local time ready-made, judging the hours and caps of the house policy alone.

    BENCH_BORROWERS=200000 python bench/gate.py
"""

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("FORBEAR_VAR", str(Path("var") / "bench"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collections_site.settings")

from bench._tapes import Book, bring_in, tidy_up

BORROWERS = int(os.environ.get("BENCH_BORROWERS", "200000"))
ATTEMPTS = 10
ROUNDS = 300
CHUNK = 2000
SEEDS = 100
"""Borrowers of each portfolio that come through the real import; the others are their copies."""
BOOKS = (
    Book("GATE-CN"),
    Book("GATE-US", "US", "America/New_York", "USD", "+1212555{:04d}"),
)
LAWFUL = {"GATE-CN": 6, "GATE-US": 18}
"""The hour, UTC, at which each portfolio is asked about: early afternoon there."""


# Filling


def fill() -> None:
    from django.db import connection, transaction
    from django.utils import timezone

    from compliance.audit import Actor

    started = time.monotonic()
    now, by = timezone.now(), Actor.system("bench")
    for book in BOOKS:
        bring_in(book, SEEDS, by, now)
    copies = BORROWERS // (SEEDS * len(BOOKS)) - 1
    with transaction.atomic(), connection.cursor() as cursor:
        for table, changed in COPIED.items():
            cursor.execute(copying(cursor, table, changed), {"codes": list(LAWFUL), "copies": copies})
        cursor.execute(PAST, {"codes": list(LAWFUL), "attempts": ATTEMPTS})
        cursor.execute(OUTCOMES, {"codes": list(LAWFUL)})
    tidy_up()
    print(f"{BORROWERS} borrowers with {BORROWERS * ATTEMPTS} attempts in {time.monotonic() - started:.0f} s")


def of(old: str) -> str:
    """The id of a copy, from that of its original."""
    return f"md5({old}::text || n)::uuid"


OURS = "(SELECT id FROM accounts_portfolio WHERE code = ANY(%(codes)s))"
LOANS = f"(SELECT id FROM accounts_loan WHERE portfolio_id IN {OURS})"
PEOPLE = f"(SELECT borrower_id FROM accounts_loan WHERE portfolio_id IN {OURS})"
COPIED: dict[str, tuple[str, dict[str, str]]] = {
    "accounts_borrower": (
        f"t.id IN {PEOPLE}",
        {"id": of("t.id"), "external_index": "decode(md5(t.id::text || n), 'hex')"},
    ),
    "accounts_contactpoint": (
        f"t.borrower_id IN {PEOPLE}",
        {
            "id": of("t.id"),
            "borrower_id": of("t.borrower_id"),
            "value_index": "decode(md5(t.id::text || n), 'hex')",
        },
    ),
    "accounts_loan": (
        f"t.portfolio_id IN {OURS}",
        {"id": of("t.id"), "borrower_id": of("t.borrower_id"), "external_id": "t.external_id || '-' || n"},
    ),
    "accounts_instalment": (f"t.loan_id IN {LOANS}", {"loan_id": of("t.loan_id")}),
    "accounts_ledgerentry": (
        f"t.loan_id IN {LOANS}",
        {"id": of("t.id"), "borrower_id": of("t.borrower_id"), "loan_id": of("t.loan_id")},
    ),
}
# The originals of what comes later in the table would grow with every copy: they are told by the seeds alone.
SEED_ONLY = "AND NOT EXISTS (SELECT FROM accounts_loan o WHERE o.id = {loan} AND o.external_id LIKE '%%-%%')"


def copying(cursor: Any, table: str, copied: tuple[str, dict[str, str]]) -> str:
    """INSERT ... SELECT of every row of the seeds, `copies` times, with other keys."""
    where, changed = copied
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER' "
        "AND is_identity = 'NO' ORDER BY ordinal_position",
        [table],
    )
    columns = [name for (name,) in cursor.fetchall()]
    chosen = ", ".join(changed.get(name, f"t.{name}") for name in columns)
    if table in ("accounts_instalment", "accounts_ledgerentry"):
        where += f" {SEED_ONLY.format(loan='t.loan_id')}"
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {table} t, "
        f"generate_series(1, %(copies)s) n WHERE {where}"
    )


# Six calls, three text messages and an e-mail, about one every four days, the newest some days ago.
PAST = f"""
INSERT INTO compliance_contactattempt
    (id, borrower_id, contact_point_id, direction, channel, purpose, loans, at, local_date, reported, reported_by, actor)
SELECT gen_random_uuid(), p.borrower_id, p.id, 'out',
    CASE WHEN k %% 10 < 6 THEN 'call' WHEN k %% 10 < 9 THEN 'sms' ELSE 'email' END, 'collect',
    ARRAY[l.id], moment, moment::date, true, 'bench', 'bench'
FROM accounts_loan l
JOIN accounts_contactpoint p ON p.borrower_id = l.borrower_id
CROSS JOIN generate_series(1, %(attempts)s) k
CROSS JOIN LATERAL (SELECT now() - (k * 4 - 1 + random()) * interval '1 day' AS moment) m
WHERE l.portfolio_id IN {OURS}
"""
OUTCOMES = f"""
INSERT INTO compliance_contactoutcome
    (id, attempt_id, disposition, connected, answered, right_party, conversation, at, actor)
SELECT gen_random_uuid(), a.id, 'no_answer', true, false, false, false, a.at, 'bench' FROM compliance_contactattempt a
WHERE a.channel = 'call' AND a.borrower_id IN {PEOPLE}
"""


# Measuring


def people() -> dict[str, list[tuple[Any, Any, Any]]]:
    """Borrower, number and loan of everybody, by portfolio."""
    from accounts.models import ContactPoint

    rows = ContactPoint.objects.filter(borrower__loans__portfolio__code__in=LAWFUL).values_list(
        "borrower__loans__portfolio__code", "borrower", "pk", "borrower__loans"
    )
    found: dict[str, list[tuple[Any, Any, Any]]] = {code: [] for code in LAWFUL}
    for code, *row in rows.iterator():
        found[code].append(tuple(row))
    return found


def noon(code: str) -> datetime:
    """Today at an hour at which the portfolio may be called."""
    return datetime.now(UTC).replace(hour=LAWFUL[code], minute=0, second=0, microsecond=0)


def one_by_one(everybody: dict[str, list[tuple[Any, Any, Any]]]) -> list[float]:
    """Milliseconds of each `ask`, its transaction included."""
    from accounts.models import Borrower, ContactPoint
    from compliance.actions.gate import ask
    from compliance.audit import Actor

    by, times = Actor.system("bench"), []
    # Everybody once: an open permit counts as a call.
    asked = [
        (code, *row) for code, rows in everybody.items() for row in random.sample(rows, ROUNDS // len(LAWFUL))
    ]
    random.shuffle(asked)
    for code, borrower, point, loan in asked:
        who, where = Borrower.objects.get(pk=borrower), ContactPoint.objects.get(pk=point)
        started = time.perf_counter()
        ask(
            borrower=who,
            contact_point=where,
            channel="call",
            purpose="collect",
            loans=[loan],
            by=by,
            at=noon(code),
        )
        times.append(1000 * (time.perf_counter() - started))
    return times[20:]  # the first ones read what a process reads once


def chunks(
    everybody: dict[str, list[tuple[Any, Any, Any]]],
) -> Iterator[tuple[str, list[tuple[Any, Any, Any]]]]:
    for code, rows in everybody.items():
        for start in range(0, len(rows), CHUNK):
            yield code, rows[start : start + CHUNK]


def start_worker() -> None:
    import django

    django.setup()


def judge(task: tuple[str, list[tuple[Any, Any, Any]]]) -> dict[str, float]:
    """Look at one chunk; what was seen, and where the time went."""
    from compliance.actions.gate import look_many
    from compliance.facts import Question

    code, rows = task
    questions = [
        Question(borrower=borrower, channel="call", purpose="collect", contact_point=point, loans=(loan,))
        for borrower, point, loan in rows
    ]
    decisions = look_many(questions, at=noon(code))
    return {
        "decisions": len(decisions),
        "allowed": sum(each.allowed for each in decisions),
        "rules": sum(len(each.results) for each in decisions),
    }


def all_at_once(everybody: dict[str, list[tuple[Any, Any, Any]]]) -> tuple[float, dict[str, float]]:
    """Decisions a second on all cores, and what they saw."""
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores, get_context("spawn"), start_worker) as pool:
        warm = [(code, rows[:10]) for code, rows in everybody.items()] * cores
        list(pool.map(judge, warm))
        started = time.perf_counter()
        seen: dict[str, float] = {}
        for part in pool.map(judge, chunks(everybody)):
            for name, value in part.items():
                seen[name] = seen.get(name, 0) + value
        return seen["decisions"] / (time.perf_counter() - started), seen


GROUPED = """
SELECT borrower_id, count(*) FILTER (WHERE channel = 'call'), count(*) FILTER (WHERE channel <> 'call')
FROM compliance_contactattempt WHERE at >= now() - interval '42 days' GROUP BY borrower_id
"""


def plain_group_by() -> tuple[float, list[tuple[Any, int, int]]]:
    from django.db import connection

    with connection.cursor() as cursor:
        started = time.perf_counter()
        cursor.execute(GROUPED)
        rows = cursor.fetchall()
        return time.perf_counter() - started, rows


TABLE = {
    "nodes": [
        {"id": "in", "name": "in", "type": "inputNode"},
        {
            "id": "rules",
            "name": "rules",
            "type": "decisionTableNode",
            "content": {
                "hitPolicy": "first",
                "inputs": [
                    {"id": "m", "name": "minute of the day", "field": "minute"},
                    {"id": "w", "name": "weekday", "field": "weekday"},
                    {"id": "c", "name": "calls in seven days", "field": "calls"},
                    {"id": "q", "name": "days since a conversation", "field": "quiet"},
                ],
                "outputs": [{"id": "o", "name": "outcome", "field": "outcome"}],
                "rules": [
                    {"_id": "1", "m": "<= 480", "w": "", "c": "", "q": "", "o": "'prohibited'"},
                    {"_id": "2", "m": ">= 1260", "w": "", "c": "", "q": "", "o": "'prohibited'"},
                    {"_id": "3", "m": "< 720", "w": "6", "c": "", "q": "", "o": "'prohibited'"},
                    {"_id": "4", "m": "", "w": "", "c": ">= 7", "q": "", "o": "'presumed_violation'"},
                    {"_id": "5", "m": "", "w": "", "c": "", "q": "< 7", "o": "'presumed_violation'"},
                    {"_id": "6", "m": "", "w": "", "c": "", "q": "", "o": "'permitted'"},
                ],
            },
        },
        {"id": "out", "name": "out", "type": "outputNode"},
    ],
    "edges": [
        {"id": "a", "sourceId": "in", "targetId": "rules", "type": "edge"},
        {"id": "b", "sourceId": "rules", "targetId": "out", "type": "edge"},
    ],
}


def rule_engine(counts: list[tuple[Any, int, int]]) -> float:
    """Decisions a second of one process that is given the counts."""
    import zen

    table = zen.ZenEngine().create_decision(json.dumps(TABLE))
    some = counts[:20_000]
    started = time.perf_counter()
    for _borrower, calls, _messages in some:
        table.evaluate({"minute": 840, "weekday": 2, "calls": calls, "quiet": 99})
    return len(some) / (time.perf_counter() - started)


def main() -> None:
    import django

    django.setup()
    from accounts.models import Portfolio
    from collections_site import local
    from collections_site.management.commands.seed_demo import simulated_clock

    if not Portfolio.objects.filter(code__in=LAWFUL).exists():
        fill()
    everybody = people()
    with simulated_clock(local.database_url("owner")):
        times = one_by_one(everybody)
    rate, seen = all_at_once(everybody)
    grouping, counts = plain_group_by()
    engine = rule_engine(counts)
    cores = os.cpu_count() or 1
    p50, p95 = statistics.median(times), statistics.quantiles(times, n=20)[18]
    print(f"\none decision, stored: p50 {p50:.2f} ms, p95 {p95:.2f} ms")
    print(
        f"a portfolio: {rate:,.0f} decisions/s on {cores} cores, of {seen['decisions']:,.0f} allowed {seen['allowed']:,.0f}"
    )
    print(f"each saw {seen['rules'] / seen['decisions']:.1f} rules and {ATTEMPTS} attempts")
    print(f"one GROUP BY over the same attempts: {grouping:.2f} s for {len(counts):,} borrowers")
    print(f"zen-engine, counts given: {engine:,.0f} decisions/s a core")
    print(f"ratio gate / GROUP BY: {seen['decisions'] / rate / grouping:.1f}")
    print(f"ratio gate / zen-engine, both a core: {rate / cores / engine:.2f}")


if __name__ == "__main__":
    # The owner migrates; the rest is measured as the app.
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], check=True)
    main()
