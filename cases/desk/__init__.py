"""What the case page shows: each module makes one part of it, ready for its template, from facts read in sets.

Nothing here writes, and nothing opens a seal that nobody asked to open.
"""
