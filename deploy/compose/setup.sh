#!/bin/sh
# PostgreSQL runs this once, when it makes its data: databases, owners and roles of every service.
set -eu
psql --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --file /run/secrets/pathway/setup.sql
