#!/bin/sh
# Installs Debian packages in a stage that nobody ships, from $DEBIAN_MIRROR where that is set.
#   apt-install.sh PACKAGE…
set -eu
if [ -n "${DEBIAN_MIRROR:-}" ]; then
  rm -f /etc/apt/sources.list.d/debian.sources
  . /etc/os-release
  printf 'deb %s %s main\n' "$DEBIAN_MIRROR" "$VERSION_CODENAME" > /etc/apt/sources.list
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$@"
rm -rf /var/lib/apt/lists/*
