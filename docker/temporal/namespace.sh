#!/bin/sh
# Makes the namespace and its search attributes; safe to repeat, also to change how long closed workflows are kept.
set -eu
export TEMPORAL_ADDRESS="${TEMPORAL_ADDRESS:-temporal:7233}"
namespace=${TEMPORAL_NAMESPACE:?}
retention=${TEMPORAL_RETENTION:-720h}

if temporal operator namespace describe --namespace "$namespace" >/dev/null 2>&1; then
    temporal operator namespace update --namespace "$namespace" --retention "$retention" >/dev/null
else
    temporal operator namespace create --namespace "$namespace" --retention "$retention" >/dev/null
fi

# A new namespace is known to all of the server within seconds.
tries=0
until known=$(temporal operator search-attribute list --namespace "$namespace" 2>/dev/null); do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || { echo "the namespace does not show its search attributes" >&2; exit 1; }
    sleep 1
done
for name in Site Stage Outcome Colour ReviewState; do
    if ! printf '%s\n' "$known" | grep -qw "$name"; then
        temporal operator search-attribute create --namespace "$namespace" --name "$name" --type Keyword
    fi
done
echo "namespace $namespace keeps closed workflows for $retention"
