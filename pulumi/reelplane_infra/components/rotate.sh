#!/bin/bash
# Writes a kubeconfig with a fresh token into the Secret of every region; run by a CronJob of the hub.
#
# The token is made of this pod's own role and lives 15 minutes. A region that cannot be served does not keep the
# others from being so: the run goes on, and fails at its end.
#
# REGIONS    a folder; <region>.json in it is a kubeconfig whose user has the token @TOKEN@, <region>.cluster its cluster
# API        the hub's API server, with the path of the namespace's Secrets
# ACCOUNT    a folder with the ServiceAccount's token and ca.crt
set -uo pipefail

failed=0
for file in "$REGIONS"/*.json; do
  region=$(basename "$file" .json)
  if ! token=$(aws eks get-token --cluster-name "$(<"$REGIONS/$region.cluster")" --region "$region" \
      --output text --query status.token) || [[ -z $token ]]; then
    echo "$region: no token" >&2
    failed=1
    continue
  fi
  kubeconfig=$(<"$file")
  data=$(printf '%s' "${kubeconfig/@TOKEN@/$token}" | base64 --wrap=0)
  # The patch comes by standard input: an argument could be read in /proc.
  if ! printf '{"data":{"kubeconfig":"%s"}}' "$data" |
    curl --fail --silent --show-error --output /dev/null --max-time 20 --request PATCH --data-binary @- \
      --cacert "$ACCOUNT/ca.crt" --header "Content-Type: application/merge-patch+json" \
      --header @<(printf 'Authorization: Bearer %s' "$(<"$ACCOUNT/token")") "$API/$region-kubeconfig"; then
    echo "$region: the Secret $region-kubeconfig was not written" >&2
    failed=1
  fi
done
exit $failed
