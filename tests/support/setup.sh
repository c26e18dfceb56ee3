# What quickstart and run-tests share: packages and builds. Sourced by bash, from the top folder.

BUILD_PACKAGES="build-essential autoconf automake pkg-config libmilter-dev libspf2-dev liblmdb-dev
libconfig-dev libc-ares-dev libidn2-dev libev-dev libjansson-dev libmicrohttpd-dev libsystemd-dev"
# what a private Postfix with a DNS server and OpenDKIM needs
LAB_PACKAGES="postfix nsd opendkim python3 python3-dnspython sasl2-bin libsasl2-modules"
TEST_PACKAGES="clang libclang-rt-14-dev clang-format clang-tidy cppcheck curl libcriterion-dev libyaml-dev python3-jsonschema
python3-prometheus-client python3-pytest python3-yaml mandoc xz-utils systemd
libmailtools-perl libemail-address-xs-perl"
command -v node >/dev/null && command -v npm >/dev/null || TEST_PACKAGES="$TEST_PACKAGES nodejs npm"
# what makes and boots a bare Debian, and judges the package
PACKAGE_PACKAGES="git lintian mmdebstrap systemd-container"

say() {
    printf '%s\n' "$*"
}

# Install what is missing of the named packages. Their services are not started: nothing here needs
# them, and no server should begin to listen on this machine because of a test.
install_packages() {
    local missing="" package policy=/usr/sbin/policy-rc.d result=0
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        say "These packages are missing, and only root can install them:$missing" >&2
        return 1
    fi
    say "Installing:$missing"
    export DEBIAN_FRONTEND=noninteractive
    if [ -e "$policy" ]; then
        policy=""
    else
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    if command -v debconf-set-selections >/dev/null; then
        echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
    fi
    # shellcheck disable=SC2086 # a list of words
    { apt-get -qq update && apt-get -qq -y install --no-install-recommends $missing; } \
        >build/install.log 2>&1 || result=1
    [ -z "$policy" ] || rm -f "$policy"
    [ "$result" -eq 0 ] || tail -20 build/install.log >&2
    return "$result"
}

# Make ./configure when it is missing or older than what it is made of.
prepare_configure() {
    if [ ! -x configure ] || [ configure.ac -nt configure ] || [ Makefile.am -nt Makefile.in ]; then
        autoreconf -fi >build/autoreconf.log 2>&1 || { tail -20 build/autoreconf.log >&2; return 1; }
    fi
}

# build_in FOLDER TARGETS CONFIGURE-ARGUMENT...: configure and make in build/FOLDER.
build_in() {
    local folder="build/$1" targets="$2" top
    top=$(pwd)
    shift 2
    mkdir -p "$folder"
    (
        cd "$folder" || exit 1
        if [ ! -f config.status ] || [ "$top/configure" -nt config.status ]; then
            "$top/configure" --quiet "$@" || exit 1
        fi
        # shellcheck disable=SC2086 # a list of words
        make -s -j"$(nproc)" $targets
    )
}
