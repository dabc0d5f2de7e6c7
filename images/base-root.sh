#!/bin/sh
# The root that all images have in common: Node, a shell and file tools for `kubectl exec`, and who runs in it.
#   base-root.sh ROOT
set -eu
root=$1
here=$(dirname "$0")

"$here/collect.sh" "$root" /usr/local/bin/node /bin/sh /usr/bin/setpriv /usr/lib/locale/C.utf8 \
  /bin/cat /bin/cp /bin/df /usr/bin/du /usr/bin/env /usr/bin/head /usr/bin/id /bin/ls /bin/mkdir /bin/mv /bin/rm \
  /bin/sleep /usr/bin/stat /usr/bin/tail /usr/bin/touch /usr/bin/true

mkdir -p "$root/etc" "$root/app" "$root/dev" "$root/proc" "$root/sys" "$root/run" "$root/usr/local/bin"
printf 'root:x:0:0:root:/root:/bin/sh\nmediajob:x:10001:10001:MediaJob:/tmp:/bin/sh\n' > "$root/etc/passwd"
printf 'root:x:0:\nmediajob:x:10001:\n' > "$root/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files dns\n' > "$root/etc/nsswitch.conf"
cp /etc/os-release "$root/etc/os-release" 2>/dev/null || cp /usr/lib/os-release "$root/etc/os-release"
cp /etc/debian_version "$root/etc/debian_version"
mkdir -p -m 1777 "$root/tmp"

# New named volumes get the owner and mode that their mount point has here.
for directory in data data/uploads data/inbox data/jobs data/outputs data/logs data/models models; do
  mkdir -p "$root/$directory"
  chown 10001:10001 "$root/$directory"
  chmod 2770 "$root/$directory"
done
