#!/bin/sh
# Creates the namespace and the search attributes of runs. Runs before every start, so it only adds what is missing: a
# namespace that exists keeps the retention that an administrator gave it.
#
# The server, and the namespace, come in TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, which the temporal program reads.
set -eu

# The server answers before all of its parts do, and tells its parts of a change after some seconds.
eventually() { # WHAT COMMAND...
  what="$1"
  shift
  attempt=1
  until output=$("$@" 2>&1); do
    if [ "$attempt" -ge 60 ]; then
      echo "namespace: gave up on: $what: $output" >&2
      exit 1
    fi
    attempt=$((attempt + 1))
    sleep 1
  done
  echo "namespace: $what"
}

provide_namespace() {
  temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 7d
}

provide_search_attributes() {
  temporal operator search-attribute create \
    --name TuneloopPipeline --type Keyword \
    --name TuneloopStage --type Keyword \
    --name TuneloopWinner --type Keyword \
    --name TuneloopBestScore --type Double \
    --name TuneloopVerdict --type Keyword
}

# A run that starts before the server knows its attributes is refused, so this ends only when a query may use them all.
use_search_attributes() {
  temporal workflow count --query \
    'TuneloopPipeline = "-" AND TuneloopStage = "-" AND TuneloopWinner = "-" AND TuneloopBestScore = 0.5 AND TuneloopVerdict = "-"'
}

eventually 'the server answers' temporal operator cluster health
eventually "namespace $TEMPORAL_NAMESPACE" provide_namespace
eventually 'search attributes registered' provide_search_attributes
eventually 'search attributes in use' use_search_attributes
