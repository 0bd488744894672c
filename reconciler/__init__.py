"""Call-centre agents kept in git, reconciled with the Yuntongxun agent API."""

__version__ = "0.1.0"
