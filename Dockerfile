# One image for every Airflow process of a team; docker-compose.yaml says which one runs.
FROM python:3.11.14-slim-bookworm

ENV AIRFLOW_HOME=/opt/airflow \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1

# Named volumes take the owner of the folder they are mounted over: hence the empty ones.
RUN useradd --uid 50000 --gid 0 --no-create-home --home-dir /opt/airflow --shell /usr/sbin/nologin airflow \
    && install --directory --owner=airflow --group=0 --mode=0775 /opt/airflow /opt/airflow/logs \
    && install --directory --owner=airflow --group=0 --mode=0700 /opt/airflow/auth

WORKDIR /opt/tidegate

# What changes least comes first: a new pipeline rebuilds the last two layers only.
COPY requirements-team.txt requirements.txt ./
RUN pip install --requirement requirements-team.txt --requirement requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY plugins/tidegate plugins/tidegate
RUN pip install --no-deps .

WORKDIR /opt/airflow
COPY include include
COPY dags dags

USER 50000:0
CMD ["airflow", "info"]
