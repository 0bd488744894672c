# The tool and nothing else. `make image` builds the wheel and then this; pin the base by its digest in your own registry.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
COPY requirements-run.txt dist/zuoxi_reconciler-*-py3-none-any.whl /build/
RUN python -m venv /opt/reconciler \
 && /opt/reconciler/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: -r /build/requirements-run.txt \
 && /opt/reconciler/bin/python -m pip install --no-cache-dir --no-deps --no-index /build/*.whl \
 && /opt/reconciler/bin/python -m pip uninstall --yes pip

FROM ${BASE}
# For --since and for a ledger on a branch. Its version is the distribution's, which has its mends.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git openssh-client \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/reconciler /opt/reconciler
ENV PATH=/opt/reconciler/bin:$PATH HOME=/tmp
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["reconciler"]
CMD ["--help"]
