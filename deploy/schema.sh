#!/bin/sh
# Brings the two databases of the Temporal server to the schema of the server's version. Runs before every start, so
# each step does nothing where its work is done: an existing database is kept, a schema only ever moves forward.
#
# Where Postgres is, and the password, come in SQL_* variables, which keeps the password off the command line.
set -eu

migrate() { # DATABASE SCHEMA
  export SQL_DATABASE="$1"
  echo "schema: $1"
  temporal-sql-tool create
  # Version 0.0 is the empty schema. Over a database that has a schema already this is refused as a step back, quietly.
  temporal-sql-tool setup-schema --version 0.0
  temporal-sql-tool update-schema --schema-name "$2"
}

migrate temporal postgresql/v12/temporal
migrate temporal_visibility postgresql/v12/visibility
echo 'schema: up to date'
