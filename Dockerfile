# One image for every process: `slack`, `discord`, `worker`. No Redis inside and no secret.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements-run.lock ./
RUN python -m venv /app && /app/bin/pip install --no-cache-dir --require-hashes -r requirements-run.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY adapters adapters
COPY workers workers
COPY playground playground
RUN /app/bin/pip install --no-cache-dir --no-deps --no-index --no-build-isolation .

FROM python:3.11-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home --home-dir /nonexistent switchboard
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /tmp
STOPSIGNAL SIGTERM
ENTRYPOINT ["switchboard"]
CMD ["--help"]
