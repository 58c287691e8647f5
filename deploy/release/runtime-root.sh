#!/bin/sh
# Usage: runtime-root.sh DIRECTORY. Writes the root file system of the image `hotreload`: node and the libraries that it loads, users, and
# the licences. There is no shell and no package manager. Certificates and time zones are in node's binary.
set -eu
root=$1
node=$(command -v node)
loaded=$(ldd "$node")
if echo "$loaded" | grep 'not found'; then exit 1; fi
libraries=$(echo "$loaded" | grep --only-matching '/[^ ]*')

mkdir -p "$root/etc" "$root/licenses" "$root/var/lib/dpkg/status.d"
for file in "$node" $libraries /etc/os-release; do cp --dereference --parents "$file" "$root"; done
echo 'nonroot:x:65532:65532::/:/sbin/nologin' >"$root/etc/passwd"
echo 'nonroot:x:65532:' >"$root/etc/group"
# Without this file libc asks DNS before /etc/hosts, and so ignores hostAliases.
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

# Scanners read status.d to learn which packages of Debian's the libraries belong to.
packages=$(for file in $libraries; do dpkg-query --search "*/${file##*/}" | cut -d : -f 1; done | sort -u)
for package in $packages; do
  dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/$package"
  text=/usr/share/doc/$package/copyright
  # The packages of GCC's libraries link to that of gcc-N-base, and slim images may have lost the link.
  [ -e "$text" ] || text=$(find /usr/share/doc/gcc-*-base -name copyright)
  cp --dereference "$text" "$root/licenses/$package.txt"
done
texts=$(grep --only-matching --no-filename '/usr/share/common-licenses/[[:alnum:].-]*[[:alnum:]]' "$root"/licenses/*.txt | sort -u)
for text in $texts; do cp --dereference --parents "$text" "$root"; done
cp "${node%/bin/node}/LICENSE" "$root/licenses/node.txt"

chroot "$root" "$node" --version
