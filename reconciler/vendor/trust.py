"""Whose certificates are believed: the operating system's authorities, or those of one file and no others."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from reconciler.core.model.message import text

UNTRUSTED_HINT: Final = text(
    "where a company's own authority signs, as behind a proxy that looks into TLS, pass its certificate: --ca-file "
    "FILE (RECONCILER_CA_FILE); where that is not expected, somebody may be listening"
)


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """A context that checks certificates and host names; `ca_file` has been checked by `settings.network`."""
    if ca_file is None:
        import truststore

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Not create_default_context: from Python 3.13 on it refuses authorities with forms that companies' often have.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=ca_file)
    return context


def distrust(error: BaseException | None) -> str:
    """Why a certificate was not believed, where that is what an error comes from; else nothing."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message or text("it cannot be verified")
        error = error.__cause__ or error.__context__
    return ""
