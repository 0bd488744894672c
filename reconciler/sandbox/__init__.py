"""A stand-in for the vendor over HTTP, kept in SQLite, to rehearse with and to test against.

It is written from the vendor's own reference (chapter 2.1) and imports nothing of the rest of the project,
so that a misreading on one side shows on the other. A request goes through five files in this order: `server`
(HTTP, the only file that needs aiohttp), `door` (token and rate), `vendor` (check, act, answer), `parameters`
(what each endpoint accepts), `handlers` (what each endpoint does); `store` and `pool` keep what they change.
"""
