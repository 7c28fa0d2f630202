#!/bin/sh
# Makes .venv with the Python named first, which must be of one of the versions after it.
#
#     sh scripts/make_venv.sh /usr/bin/python3.12 3.11 3.12 3.13
#
# Where no Python is named, because none was found, uv fetches the newest of the versions, if uv is here and may.

python=$1
shift
supported=$(echo "$*" | sed 's/ /, /g; s/\(.*\), /\1 or /')
for newest in "$@"; do :; done
advice="Install one with pip and venv (Debian and Ubuntu: apt-get install python$newest python$newest-venv; pyenv install $newest; \
uv python install $newest), or name one that you have: make PYTHON=/path/to/python$newest"

if [ -z "$python" ] && command -v uv >/dev/null; then
    echo "No Python $supported is here: uv fetches $newest ..."
    uv python install --quiet "$newest" && python=$(uv python find --managed-python "$newest")
fi
if [ -z "$python" ]; then
    echo "Sluice needs Python $supported with pip and venv, and none was found. $advice" >&2
    exit 1
fi
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || {
    echo "$python does not start. $advice" >&2
    exit 1
}
case " $* " in
*" $version "*) ;;
*)
    echo "Sluice needs Python $supported; $python is $version. $advice" >&2
    exit 1
    ;;
esac
"$python" -m venv .venv || {
    rm -rf .venv
    echo "$python cannot make an environment: it has no venv or no pip. $advice" >&2
    exit 1
}
