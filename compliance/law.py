"""The law as people have made it: which packs two people signed, which draft rules two people set aside. One statement."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from accounts.statements import Rows, Statement, rows_of
from compliance.models.law import SIGNATURES
from compliance.rules import Packs

LAW = """
SELECT 'stored', v.digest, NULL::bigint FROM compliance_packversion v WHERE v.digest = ANY(%(digests)s)
UNION ALL
SELECT 'signed', s.version_id, NULL FROM compliance_signature s
WHERE s.version_id = ANY(%(digests)s) AND s.at <= %(at)s
GROUP BY s.version_id HAVING count(DISTINCT s.signer_id) >= %(signatures)s
UNION ALL
SELECT 'aside', a.rule, a.portfolio_id FROM compliance_setaside a JOIN accounts_portfolio f ON f.id = a.portfolio_id
WHERE a.approved_at <= %(at)s AND (a.ended_at IS NULL OR a.ended_at > %(at)s)
    AND (%(at)s AT TIME ZONE f.zone)::date <= a.ends_on
"""


@dataclass(frozen=True, slots=True)
class Law:
    """`missing` are digests of packs whose text is not stored yet, `signed` ids of packs, `aside` the rules set aside in
    each portfolio; a signed rule, or one of our own policy, never is."""

    packs: Packs
    missing: frozenset[str]
    signed: frozenset[str]
    aside: Mapping[int, frozenset[str]]

    def signed_packs(self, jurisdictions: Iterable[str]) -> tuple[str, ...]:
        """Ids of the signed packs among those that apply there, house policies included."""
        return tuple(sorted({pack.id for pack in self.packs.packs_for(jurisdictions)} & self.signed))

    def set_aside(self, portfolios: Iterable[int]) -> tuple[str, ...]:
        """Rules set aside in every one of these portfolios."""
        found = [self.aside.get(portfolio, frozenset()) for portfolio in portfolios]
        return tuple(sorted(frozenset.intersection(*found))) if found else ()


def law_at(at: datetime, packs: Packs) -> Law:
    """What is signed and set aside at a moment, of these packs."""
    [rows] = rows_of(law_statement(at, packs), about=1)
    return law_of(rows, packs)


def law_statement(at: datetime, packs: Packs) -> Statement:
    """The statement; `law_of` reads its rows."""
    digests = [pack.digest for pack in packs.all]
    return LAW, {"digests": digests, "at": at, "signatures": SIGNATURES}


def law_of(rows: Rows, packs: Packs) -> Law:
    by_digest = {pack.digest: pack.id for pack in packs.all}
    signed = frozenset(by_digest[name] for kind, name, _portfolio in rows if kind == "signed")
    aside: dict[int, set[str]] = {}
    open_to_it = drafts(packs, signed) if any(kind == "aside" for kind, *_ in rows) else frozenset()
    for kind, name, portfolio in rows:
        if kind == "aside" and name in open_to_it:
            aside.setdefault(portfolio, set()).add(name)
    return Law(
        packs=packs,
        missing=frozenset(by_digest) - {name for kind, name, _portfolio in rows if kind == "stored"},
        signed=signed,
        aside={portfolio: frozenset(rules) for portfolio, rules in aside.items()},
    )


def drafts(packs: Packs, signed: Iterable[str]) -> frozenset[str]:
    """Rules of the law that nobody has signed: those that may be set aside."""
    return frozenset(
        rule.id
        for pack in packs.all
        for rule in pack.rules
        if pack.jurisdiction is not None and rule.status == "draft" and pack.id not in set(signed)
    )
