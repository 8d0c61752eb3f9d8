# Two images: `runtime`, the product, and `local`, the AWS stand-in for docker-compose's profile of
# that name. Both are built from requirements.lock, every package checked against its hash.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /build
COPY requirements.txt requirements-dev.txt requirements.lock ./
# The installer itself comes out of the lock, too.
RUN grep -A40 '^uv==' requirements.lock | awk 'NR > 1 && /^[a-z]/ {exit} {print}' > uv.txt \
 && pip install --no-cache-dir --require-hashes -r uv.txt \
 && python -m venv /venv

FROM build AS build-runtime
# The lock as a constraint: its versions and hashes, without the packages for development.
RUN uv pip install --no-cache --verify-hashes --compile-bytecode --python /venv/bin/python \
      -r requirements.txt -c requirements.lock

FROM build AS build-local
RUN uv pip install --no-cache --require-hashes --compile-bytecode --python /venv/bin/python \
      -r requirements.lock

FROM python:${PYTHON}-slim AS base
RUN groupadd --gid 10001 oratio \
 && useradd --uid 10001 --gid oratio --create-home oratio \
 && install -d -o oratio -g oratio /airflow /airflow/logs /data /sandbox
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app:/app/plugins \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/app/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/app/plugins
WORKDIR /app
COPY include include
COPY api api
COPY dags dags
COPY plugins plugins
# Shown by the operators' pages in Airflow.
COPY docs/runbook.md docs/

FROM base AS local
COPY --from=build-local /venv /venv
COPY local local
COPY infra infra
RUN python -m compileall -q .
USER oratio

FROM base AS runtime
COPY --from=build-runtime /venv /venv
# Without bytecode every Airflow process starts three to four times slower.
RUN python -m compileall -q .
USER oratio
