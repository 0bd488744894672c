"""A stand-in for the vendor over HTTP, kept in SQLite, to rehearse with and to test against.

It is written from the vendor's own reference (chapter 2.1) and imports nothing from the rest of the project,
so that a misreading on one side shows on the other. A request goes through six modules in this order: `server`
(HTTP, the only one that needs aiohttp), `door` (token and rate), `staging` (the scripted faults),
`vendor` (check, act, answer), `parameters` (what each endpoint accepts), `handlers` (what each endpoint does).
`store` and `pool` keep what they change.

For the faults, `rules` defines a rule, `rulefile` reads a file of rules, `faults` finds the rule that hits a call,
`moves` changes a listing between pages, `delivery` alters an answer, and `traffic` knows which requests arrived and
which are held back. `server` cuts connections.
"""
