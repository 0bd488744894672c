"""Call-centre agents kept in git, reconciled with the Yuntongxun agent API.

The public interface is the command line `reconciler` and the JSON that it prints. The modules of this package are
internal and may change with any version.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
