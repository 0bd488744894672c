"""A stand-in for the vendor over HTTP, kept in SQLite, to rehearse with and to test against.

It is written from the vendor's own reference (chapter 2.1) and imports nothing of the rest of the project,
so that a misreading on one side shows on the other. A request goes through six files in this order: `server`
(HTTP, the only file that needs aiohttp), `door` (token and rate), `staging` (what the scripted faults make of it),
`vendor` (check, act, answer), `parameters` (what each endpoint accepts), `handlers` (what each endpoint does);
`store` and `pool` keep what they change.

Of the faults, `rules` says what a rule is, `rulefile` reads them, `faults` finds the one that hits, `moves` moves a
listing, `delivery` bends an answer, `traffic` knows what arrived and what is held back; `server` cuts connections.
"""
