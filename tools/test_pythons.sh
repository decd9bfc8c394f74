#!/usr/bin/env bash
# Run the tests on the Pythons of Debian's unstable distribution, with the newest release of each
# dependency that pip finds for them:
#
#     tools/test_pythons.sh [VERSION ...]     by default 3.13 3.14 3.15
#
# Each version has a small Debian of its own in a temporary folder, which is removed at the end.
# Packages come from where apt-get and pip of this machine take them. WORKERS is the number of test
# processes, by default one for each core; pytest reads PYTEST_ADDOPTS as always.
set -euo pipefail

fail() {
  echo "test-pythons: $1" >&2
  exit 2
}

# Where apt-get of this machine finds Debian. Without an answer debootstrap takes its own default.
mirror() {
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | sed -n 1p
}

# Folders above those of this machine that its pip is configured to look in: the pages of an index
# may point to files beside it.
pip_folders() {
  python3 -m pip config list | grep -oE "(file://)?/[^ '\"\\]+" | sed 's,^file://,,' |
    while read -r path; do if [ -d "$path" ]; then dirname "$path"; fi; done | sort -u
}

# Make the system of one Python and run the tests in it: FOLDER VERSION.
inside() {
  local root=$1 python=python$2 path
  echo "== Python $2: installing Debian and the dependencies (gigabytes)"
  debootstrap --variant=minbase --include="$python,$python-venv,ca-certificates" sid "$root" $(mirror) \
    >"$root.log" 2>&1 || { tail -5 "$root.log"; fail "debootstrap failed."; }
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount --bind /etc/ssl/certs "$root/etc/ssl/certs"
  for path in $(pip_folders); do
    [ "$path" != / ] || continue
    mkdir -p "$root$path"
    mount --bind "$path" "$root$path"
  done
  for path in /etc/pip.conf "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf"; do
    if [ -e "$path" ]; then cp --parents "$path" "$root"; fi
  done
  mkdir "$root/sdae"
  git ls-files -z --cached --others --exclude-standard |
    tar --create --null --files-from=- --ignore-failed-read | tar --extract --directory "$root/sdae"
  # PYTHONPATH of the caller would lead to other packages; the rest of the surroundings may be needed.
  env -u PYTHONPATH -u PYTHONHOME -u VIRTUAL_ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/tmp \
    chroot "$root" bash -euc '
      cd /sdae
      "$1" -m venv /venv
      # Without wheels pip would try to compile, and there is no compiler.
      /venv/bin/python -m pip install --quiet --no-cache-dir --only-binary :all: hatchling==1.33.0 editables
      extras=report,tables,export,tensorboard,mlflow,test
      /venv/bin/python -m pip install --quiet --no-cache-dir --only-binary :all: --no-build-isolation -e ".[$extras]"
      /venv/bin/python -m pip list 2>/dev/null | grep -iE "^(torch|numpy|numba|scikit-learn|onnx|onnxruntime|pandas|pyarrow) "
      /venv/bin/python -m pytest --quiet -n "$2" --dist loadfile
    ' bash "$python" "${WORKERS:-auto}"
}

if [ "${1-}" = --inside ]; then
  inside "$2" "$3"
  exit
fi

[ "$(uname -s)" = Linux ] || fail "This works on Linux only, with chroot and mounts. Got $(uname -s)."
for tool in debootstrap unshare git; do
  command -v "$tool" >/dev/null ||
    fail "There is no $tool here. Install it: apt-get install debootstrap util-linux git"
done
[ "$(id -u)" = 0 ] || fail "Only root may do chroot and mounts. Run it as root."
cd "$(dirname "$0")/.."
place=$(mktemp -d "${TMPDIR:-/var/tmp}/sdae-pythons-XXXXXX")
trap 'rm -rf --one-file-system "$place"' EXIT
trap 'exit 130' INT TERM
room=$(df --output=avail --block-size=1G "$place" | tail -1)
[ "$room" -ge 15 ] ||
  fail "$place has room for $((room)) GB, and PyTorch with its CUDA libraries needs 15. Set TMPDIR."
[ $# -gt 0 ] || set -- 3.13 3.14 3.15
failed=""
for version; do
  # Mounts are made in a name space of their own, which ends with its process: none stays behind.
  unshare --mount --pid --fork --kill-child bash "$0" --inside "$place/$version" "$version" ||
    failed="$failed $version"
  rm -rf --one-file-system "${place:?}/$version"
done
[ -z "$failed" ] || { echo "test-pythons: it failed on Python$failed" >&2; exit 1; }
echo "test-pythons: all passed on Python $*"
