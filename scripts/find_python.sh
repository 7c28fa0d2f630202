#!/bin/sh
# Prints the first Python of the versions given that starts and has venv and pip, in their order; 1 when there is none.
#
#     sh scripts/find_python.sh 3.11 3.12 3.13
#
# Every folder of PATH is looked at, then pyenv's versions: pyenv puts a command for each of its versions first on
# PATH, and those that are not selected do not start. Then uv, if it is there, is asked for one that it manages.

works() {
    "$1" -c "import ensurepip, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$2')" >/dev/null 2>&1
}

for version in "$@"; do
    old_ifs=$IFS
    IFS=:
    for folder in $PATH; do
        IFS=$old_ifs
        for name in "python$version" python3; do
            if [ -x "$folder/$name" ] && works "$folder/$name" "$version"; then
                echo "$folder/$name"
                exit 0
            fi
        done
    done
    IFS=$old_ifs
    for python in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
        if [ -x "$python" ] && works "$python" "$version"; then
            echo "$python"
            exit 0
        fi
    done
done
command -v uv >/dev/null || exit 1
for version in "$@"; do
    uv python find --managed-python --no-python-downloads "$version" 2>/dev/null && exit 0
done
exit 1
