#!/bin/sh
# Makes the root of an image: copies files, and of programs every library they load, into a directory. Nothing else gets
# there: no package manager, no compiler, no perl. Of each package that a file comes from, its entry in the package
# database goes along, for scanners of vulnerabilities, and its copyright.
#
#   collect.sh ROOT FILE…       absolute paths; directories are copied whole
#   collect.sh --base B ROOT …  leaves out what is in B already
set -eu

base=
if [ "$1" = --base ]; then
  base=$2
  shift 2
fi
root=$1
shift

# Debian's own layout: /bin, /lib and so on are links into /usr.
if [ -z "$base" ]; then
  mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/usr/sbin"
  for name in bin lib lib64 sbin; do
    ln -sfn "usr/$name" "$root/$name"
  done
fi

# The name under which a file is looked for, with the links of its directory resolved but not its own.
canonical() {
  printf '%s/%s\n' "$(readlink -f "$(dirname "$1")")" "$(basename "$1")"
}

record() {
  real=$(readlink -f "$1")
  package=$(dpkg-query -S "$real" 2>/dev/null || dpkg-query -S "${real#/usr}" 2>/dev/null || true)
  package=${package%%:*}
  case $package in '' | *' '* | *,*) return ;; esac
  [ -e "$root/var/lib/dpkg/status.d/$package" ] && return
  [ -n "$base" ] && [ -e "$base/var/lib/dpkg/status.d/$package" ] && return
  mkdir -p "$root/var/lib/dpkg/status.d" "$root/usr/share/doc/$package"
  dpkg-query -s "$package" > "$root/var/lib/dpkg/status.d/$package"
  if [ -e "/usr/share/doc/$package/copyright" ]; then
    cp -L "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
  fi
}

copy() {
  target=$(canonical "$1")
  [ -e "$root$target" ] && return
  [ -n "$base" ] && [ -e "$base$target" ] && return
  mkdir -p "$root$(dirname "$target")"
  # A library is found by the name that asks for it: a copy under that name needs no links.
  cp -L --preserve=mode,timestamps "$1" "$root$target"
  record "$1"
}

for file in "$@"; do
  if [ -d "$file" ]; then
    mkdir -p "$root$(dirname "$file")"
    cp -a "$file" "$root$(dirname "$file")/"
    record "$file"
    continue
  fi
  copy "$file"
  # Scripts and static programs load nothing.
  ldd "$file" 2>/dev/null | sed -n -e 's/.* => \(\/[^ ]*\) (.*/\1/p' -e 's/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' |
    while read -r library; do
      copy "$library"
    done
done
