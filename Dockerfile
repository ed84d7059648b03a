# One image for everything: API server, services, worker, watchdog and single runs. docker build -t openbell .
ARG PYTHON=3.12

FROM python:${PYTHON}-slim-bookworm AS build
ENV UV_PROJECT_ENVIRONMENT=/opt/openbell \
    UV_PYTHON_DOWNLOADS=never \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy
RUN pip install --no-cache-dir uv==0.13.8
WORKDIR /src
# The packages change seldom and the code often: a layer each.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --no-install-project --extra postgres --extra redis --extra docker --extra kubernetes
COPY README.md LICENSE ./
COPY openbell openbell
COPY blocks blocks
COPY tasks tasks
COPY flows flows
COPY deployments deployments
RUN uv sync --frozen --no-dev --no-editable --reinstall-package openbell --extra postgres --extra redis --extra docker --extra kubernetes

FROM python:${PYTHON}-slim-bookworm
RUN useradd --uid 10001 --create-home --home-dir /var/lib/openbell --shell /usr/sbin/nologin openbell
COPY --from=build /opt/openbell /opt/openbell
ENV PATH=/opt/openbell/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OPENBELL_HOME=/var/lib/openbell \
    PREFECT_HOME=/var/lib/openbell/prefect \
    PREFECT_SERVER_UI_STATIC_DIRECTORY=/var/lib/openbell/ui \
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30 \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1
# A number, so that a cluster can see that it is not root.
USER 10001
WORKDIR /var/lib/openbell
HEALTHCHECK --interval=30s --timeout=10s --start-period=90s --retries=3 CMD ["python", "-m", "deployments.healthy"]
CMD ["python", "-m", "deployments.worker"]
