# One image for every role: `tocsin worker intake|core|delivery|console`, and every other command of `tocsin`.
#
#     docker build --tag tocsin:local .
#     docker run --rm tocsin:local worker --help
#
# The first stage builds the wheel, the inner parts of its detectors compiled, and installs it with what it needs, each
# package pinned and held to its hash. It has a compiler; the second takes the finished environment alone: no compiler, no
# pip, no source tree, no root. Both are to be of one release of Python and of Debian.

ARG PYTHON=3.11
ARG DEBIAN=bookworm

FROM python:${PYTHON}-${DEBIAN} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Dependencies first: they change seldom, so this layer is kept from build to build.
COPY requirements-build.txt requirements-image.txt ./
RUN python -m pip install --require-hashes --only-binary :all: --requirement requirements-build.txt
RUN python -m venv --without-pip /opt/tocsin
RUN python -m pip --python /opt/tocsin/bin/python install --require-hashes --only-binary :all: --requirement requirements-image.txt
COPY pyproject.toml README.md LICENSE crisis_flowchart.yaml ./
COPY stream stream
COPY detectors detectors
COPY alerting alerting
COPY tocsin tocsin
# As Python's own flags, but that no two operations become one that is rounded once: else another processor than x86 would
# decide otherwise in the last place.
RUN HATCH_BUILD_HOOK_ENABLE_MYPYC=true CFLAGS="-DNDEBUG -fwrapv -ffp-contract=off" \
    python -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheel .
RUN python -m pip --python /opt/tocsin/bin/python install --no-deps --no-index /wheel/tocsin-*.whl

FROM python:${PYTHON}-slim-${DEBIAN}
LABEL org.opencontainers.image.title="Tocsin" \
      org.opencontainers.image.description="Social listening and crisis early warning: from a mention to an acknowledged page" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN python -m pip uninstall --yes --quiet pip setuptools wheel \
 && groupadd --gid 10001 tocsin \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/tocsin --create-home --shell /usr/sbin/nologin tocsin
COPY --from=build /opt/tocsin /opt/tocsin
# The root file system may be read-only: nothing is written but to the data directory and to /tmp.
ENV PATH=/opt/tocsin/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    TZ=UTC \
    LC_ALL=C.UTF-8
# `tocsin.yaml` is looked for where the command runs.
WORKDIR /etc/tocsin
USER 10001:10001
# 8750: mentions and Slack come in. 8760: /livez, /readyz, /metrics. 8761: the console.
EXPOSE 8750 8760 8761
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 CMD ["python", "-m", "tocsin.scaled.probe", "livez"]
ENTRYPOINT ["tocsin"]
CMD ["--help"]
