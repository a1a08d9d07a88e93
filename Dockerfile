# One image for every process of Heavylift: api, worker POOL, beat, flower, migrate.
#
# Packages come from wherever pip and uv are configured to take them: pass a mirror with
#   docker build --secret id=pip,src=pip.conf .
# and one for npm with --secret id=npmrc,src=.npmrc. The locks' hashes are checked in either case.

FROM python:3.12-slim-bookworm AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
# The compiler is for ufbx, which reads FBX and comes as source only; it stays behind.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY requirements-boot.txt requirements.txt /lock/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python -m venv /opt/heavylift \
 && pip install --require-hashes --no-deps -r /lock/requirements-boot.txt \
 && uv pip sync --python /opt/heavylift/bin/python --require-hashes /lock/requirements.txt \
 && /opt/heavylift/bin/python -m compileall -q /opt/heavylift/lib
COPY parsers/__init__.py parsers/ufbx_library.py parsers/ufbx_shim.c /build/parsers/
COPY tools/build_ufbx.py /build/tools/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/heavylift/bin/python -I /build/tools/build_ufbx.py || true

FROM node:20-bookworm-slim AS javascript
COPY gltf/package.json gltf/package-lock.json /opt/heavylift-gltf/
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    cd /opt/heavylift-gltf && npm ci --ignore-scripts --omit=dev --no-audit --no-fund

FROM python:3.12-slim-bookworm
# libosmesa6 renders 3D thumbnails without a display, tesseract reads scans; other languages are packages of their own.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libosmesa6 tesseract-ocr tesseract-ocr-eng tesseract-ocr-osd \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 1000 heavylift \
 && useradd --uid 1000 --gid 1000 --home-dir /data --no-create-home --shell /usr/sbin/nologin heavylift \
 && install -d -o 1000 -g 1000 -m 0700 /data
COPY --from=packages /opt/heavylift /opt/heavylift
# Checks and unpacks glTF.
COPY --from=javascript /usr/local/bin/node /usr/local/bin/node
COPY --from=javascript /opt/heavylift-gltf /opt/heavylift-gltf
WORKDIR /app
COPY . .
RUN python -m compileall -q .
ENV PATH=/opt/heavylift/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    HEAVYLIFT_DATA_DIR=/data \
    HEAVYLIFT_NODE_PACKAGES=/opt/heavylift-gltf
USER 1000:1000
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# For the API, the default; docker-compose.yml gives each other process its own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "deploy/health.py", "api"]
ENTRYPOINT ["python", "-P", "-m", "cli"]
CMD ["api"]
