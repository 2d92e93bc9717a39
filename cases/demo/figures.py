"""Facts the generator is calibrated on: shares and quantiles of real wallet-loan books and complaints.

Each is a number computed from published or contributed data (loan books of two African wallet lenders, 2016-2019; one
lender's monthly statuses; complaints to the US consumer bureau, 2014-2015; calls of a bank's sales campaign), but for those
that are said to be guesses. Rows of those data are not here.
"""

from itertools import pairwise

# Term in days → share of loans (18,183 loans).
TERM_SHARE = {15: 0.3363, 30: 0.6074, 60: 0.0546, 90: 0.0017}
# Instalments of a term: one a month, a single one up to 30 days.
TERM_INSTALMENTS = {15: 1, 30: 1, 60: 2, 90: 3}
# Charge as a share of the principal, by term: (lower quartile, median, upper quartile).
CHARGE_SHARE = {
    15: (0.1125, 0.15, 0.15),
    30: (0.19, 0.30, 0.30),
    60: (0.20, 0.2267, 0.2267),
    90: (0.15, 0.15, 0.15),
}
# Principal in steps of the smallest loan → share (10,000 = 1).
PRINCIPAL_STEPS = {1: 0.5913, 1.5: 0.0217, 2: 0.1938, 2.5: 0.0055, 3: 0.1349, 4: 0.0477, 5: 0.0051}
# Paid before, on or after the due date (18,183 loans); a live book adds those who have not paid at all.
EARLY, ON_THE_DAY, LATE = 0.6397, 0.1865, 0.1738
# Share of current loans that were not settled on time (4,368 loans).
BAD_SHARE = 0.2179
# Quantiles of days early, if early (11,631), and days late, if late (3,161): (share, days).
DAYS_EARLY = ((0.0, 1), (0.25, 2), (0.5, 4), (0.75, 8), (0.9, 14), (0.99, 27), (1.0, 32))
DAYS_LATE = ((0.0, 1), (0.25, 2), (0.5, 5), (0.75, 11), (0.9, 21), (0.95, 29), (0.99, 64), (1.0, 351))
# Late payers pay in parts: share of a pay-back in the principal, when not final (quantiles).
PART_PAID = ((0.0, 0.05), (0.25, 0.13), (0.5, 0.26), (0.75, 0.5), (1.0, 0.9))
PAYS_IN_PARTS = 0.13
# First payments by hour of the day, local (17,871).
HOURS_PAID = (644, 256, 105, 93, 286, 242, 319, 605, 914, 1305, 1199, 1169,
              1113, 1147, 1112, 1083, 1002, 966, 822, 1008, 872, 705, 529, 375)  # fmt: skip
# Complaints by what they are about (9,612), in our categories.
COMPLAINT_SHARE = {
    "not_mine": 0.309, "paid": 0.121, "amount": 0.170, "too_often": 0.119, "third_party": 0.058,
    "tone": 0.086, "privacy": 0.052, "wrong_time": 0.016, "credit_report": 0.028, "other": 0.041,
}  # fmt: skip

# Share of contact attempts that succeed, by how many came before on the same person (41,188 sales calls, a stand-in).
SUCCESS_BY_ATTEMPT = (0.1304, 0.1146, 0.1075, 0.0939)
# Guesses of ours, modest ones: no data set says these for collections.
# What comes of the other calls.
OTHER_OUTCOMES = {
    "no_answer": 0.40, "busy": 0.05, "switched_off": 0.06, "suspended": 0.008, "not_in_service": 0.012,
    "voicemail": 0.10, "wrong_number": 0.02, "third_party": 0.04, "hung_up": 0.035, "call_back": 0.04,
    "says_paid": 0.03, "cannot_pay": 0.06, "disputes": 0.015, "refuses": 0.015, "lawyer": 0.003,
    "complaint": 0.007, "ill_or_bereaved": 0.01, "deceased": 0.002,
}  # fmt: skip
# Promises kept in time, and those of the others that are kept in part; plans that are paid to the end.
PROMISES_KEPT, PROMISES_PART_KEPT, PLANS_PAID = 0.65, 0.3, 0.75
# Agreements that are a plan instead of one promise; promises of less than is overdue.
PLANS, PROMISES_IN_PART = 0.3, 0.3
# Borrowers who say it is paid and are right; payments that come without their loan's id; payments that bounce.
SAYS_PAID_RIGHTLY, NAMES_NO_LOAN, BOUNCES = 0.6, 0.025, 0.004
# Why a loan is late, where the borrower says it.
REASONS = {
    "forgot": 0.28, "job_loss": 0.18, "payment_trouble": 0.14, "illness": 0.11, "misunderstood_terms": 0.10,
    "accident": 0.04, "bereavement": 0.03, "disaster": 0.02, "does_not_say": 0.10,
}  # fmt: skip


def quantile(points: tuple[tuple[float, float], ...], share: float) -> float:
    """The value below which `share` of the cases lie, straight lines between the known points."""
    for (low, start), (high, end) in pairwise(points):
        if share <= high:
            return start + (end - start) * (share - low) / (high - low)
    return points[-1][1]
