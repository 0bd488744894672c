"""Networks of companies: authorities of their own, and proxies."""
