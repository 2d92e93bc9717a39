"""The map of a case's life: every edge with its permission and guard. Code, database, docs and tests read this table.

Pure: guards are named here and answered in `cases/guards.py`.
"""

from dataclasses import dataclass

OPEN_STATES = ("overdue", "notified", "negotiating", "installment_plan", "legal")
CLOSED_STATES = ("cured", "settled", "written_off", "recalled")
STATES = OPEN_STATES + CLOSED_STATES


@dataclass(frozen=True)
class Edge:
    """One allowed move: who may make it (a Django permission) and what must be true (a guard's name)."""

    source: str
    target: str
    permission: str
    guard: str


def _edges() -> tuple[Edge, ...]:
    work, legal, decide = "cases.work_case", "cases.move_to_legal", "cases.close_case"
    talk = "cases.talk_case"
    edges = [
        Edge("overdue", "notified", work, "notice_sent"),
        Edge("overdue", "negotiating", talk, "spoke_or_replied"),
        Edge("notified", "negotiating", talk, "spoke_or_replied"),
        Edge("notified", "installment_plan", work, "plan_accepted"),
        Edge("negotiating", "installment_plan", work, "plan_accepted"),
        Edge("notified", "legal", legal, "legal_ready"),
        Edge("negotiating", "legal", legal, "legal_ready"),
        Edge("installment_plan", "negotiating", work, "plan_over"),
        Edge("installment_plan", "legal", legal, "legal_ready"),
        Edge("legal", "negotiating", work, "spoke_or_replied"),
        Edge("legal", "installment_plan", work, "plan_accepted"),
        Edge("cured", "negotiating", work, "payment_reversed"),
        Edge("settled", "negotiating", work, "payment_reversed"),
    ]
    for source in OPEN_STATES:
        edges.append(Edge(source, "cured", work, "arrears_paid"))
        edges.append(Edge(source, "settled", decide, "settlement_paid"))
        edges.append(Edge(source, "written_off", decide, "decided"))
        edges.append(Edge(source, "recalled", decide, "decided"))
    return tuple(edges)


EDGES = _edges()
BY_MOVE = {(edge.source, edge.target): edge for edge in EDGES}


def sources(target: str) -> list[str]:
    """The states from which a case may come to `target`."""
    return [edge.source for edge in EDGES if edge.target == target]


def targets(source: str) -> list[str]:
    return [edge.target for edge in EDGES if edge.source == source]
