"""Tapes: a lender's files of loans and payments, read and cleaned. One code for the browser and the command
line.

Pure: no Django, no database, no clock. `mapping` says what a lender's columns mean, `read` opens a file and
yields its rows as text, `loans`, `payments` and `customers` turn rows into records (`records`) or refusals
with a reason (`codes`). Nothing is guessed: a row that does not say plainly what it means is refused, whole,
with every reason.
"""
