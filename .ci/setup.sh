# Sourced by `lab` and `test`: a virtual environment with this project in it, and the system packages it needs.
#
#   PYTHON   the interpreter to build the environment with (default: the first python3 of at least 3.11)
#   VENV     where the environment lives (default: .venv in the clone)
#
# Everything here may be run again: what is already in place is left alone.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${VENV:-$root/.venv}

say() { printf '==> %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# Sets $python, the interpreter to build the environment with.
find_python() {
    local candidate
    system_packages python3
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if is_new_enough "$candidate"; then
            python=$candidate
            return
        fi
    done
    fail "Python 3.11 or newer is needed, and ${PYTHON:-python3} is $("${PYTHON:-python3}" --version 2>&1 | head -n 1);" \
        "install one and name it: PYTHON=/path/to/python3"
}

is_installed() {
    case $1 in
        python3) command -v "${PYTHON:-python3}" ;;
        python3-venv) "$python" -c 'import ensurepip, venv' ;;
        libgomp1) /sbin/ldconfig -p | grep -F libgomp.so.1 ;;
        chromium) command -v "${CHROMIUM:-chromium}" || command -v chromium-browser || command -v google-chrome ;;
        fonts-noto-cjk) fc-list :lang=zh | grep . ;;
    esac >/dev/null 2>&1
}

# system_packages NAME...: installs the Debian packages that are missing where that is possible, else names them.
system_packages() {
    local name missing='' as_root=''
    for name in "$@"; do
        is_installed "$name" || missing="$missing $name"
    done
    [ -n "$missing" ] && [ "$(uname)" = Linux ] || return 0
    if [ "$(id -u)" != 0 ]; then
        as_root='sudo'
        [ -t 0 ] || as_root='sudo -n'
    fi
    if ! command -v apt-get >/dev/null || ! ${as_root:-env} true 2>/dev/null; then
        say "missing, please install with your package manager:$missing"
        return 0
    fi
    say "apt-get install$missing"
    # shellcheck disable=SC2086 # word splitting is meant
    { $as_root apt-get update -qq &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing; } \
        </dev/null >/dev/null || say "apt-get failed; going on without:$missing"
}

# install EXTRAS: this clone, editable, with those extras. Installed again only when what is packaged has changed.
install() {
    local extras=$1 state
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
        fail "$python cannot make a virtual environment; install its venv module (Debian: apt-get install python3-venv)"
    if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        say "virtual environment in $venv ($("$python" --version))"
        "$python" -m venv --clear "$venv" || fail "could not make a virtual environment in $venv"
    fi
    state=$(cd "$root" && find pyproject.toml .ci/constraints.txt wcode_jupyter/labextension -type f | sort | xargs cksum)
    for done in "$extras" test; do # the tests' environment holds all the others
        [ "$(cat "$venv/installed-$done" 2>/dev/null)" = "$state" ] && return
    done
    # Exact versions, on the Python that they were resolved for; elsewhere pip resolves by pyproject.toml alone.
    local exact=()
    grep -qF "on Python $("$venv/bin/python" -c 'import sys; print(*sys.version_info[:2], sep=".")');" \
        "$root/.ci/constraints.txt" && exact=(--constraint "$root/.ci/constraints.txt")
    say "pip install --editable .[$extras] ${exact[*]:+with the versions of .ci/constraints.txt}"
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check ${exact[@]+"${exact[@]}"} \
        --editable "$root[$extras]" ||
        fail "pip could not install the project; its own message is above"
    printf '%s\n' "$state" >"$venv/installed-$extras"
}
