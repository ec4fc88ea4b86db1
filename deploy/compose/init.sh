#!/usr/bin/env bash
# Makes the secrets of the compose cluster, once: ./secrets, which git and image builds leave out.
set -euo pipefail
umask 077
secrets=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/secrets
[ ! -e "$secrets" ] || { echo "init.sh: $secrets is there already; delete it, and the cluster's volumes, to begin anew" >&2; exit 1; }
made=$secrets.new
rm -rf "$made"
mkdir "$made"

password=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
key=$(head -c 64 /dev/urandom | base64 | tr -d '\n')
printf '%s' "$password" >"$made/redis-password"
printf 'requirepass %s\n' "$password" >"$made/redis.conf"
printf 'redis:6379,password=%s,abortConnect=false' "$password" >"$made/FTG__Clustering__Redis"
printf 'AZURITE_ACCOUNTS=finetunegrid:%s\n' "$key" >"$made/azurite.env"
printf 'DefaultEndpointsProtocol=http;AccountName=finetunegrid;AccountKey=%s;BlobEndpoint=http://azurite:10000/finetunegrid' "$key" >"$made/FTG__Storage__AzureBlob"
# The containers' users are none of this machine: files are open to them, the folder to its owner alone.
chmod 0444 "$made"/*
mv "$made" "$secrets"
echo "secrets for the cluster are in $secrets"
