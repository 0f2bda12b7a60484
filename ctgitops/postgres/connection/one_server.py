"""Pins a run to the server that its first connection reached, if the URL can lead to several servers.

A URL can lead to several servers through a list of hosts, a name with several addresses, `target_session_attrs` or
`load_balance_hosts`. These parameters are set in the URL, in libpq's environment variables or in a service file.

libpq chooses once, on a connection without the settings of ctgitops. The setting `default_transaction_read_only`, for
example, would make every server count as read-only for `target_session_attrs`.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from ...lazy import regex

Parameters = dict[str, str]
_OF_SERVICE = frozenset({"service", "servicefile"})
_NOT_KEPT = _OF_SERVICE | {"application_name", "fallback_application_name", "client_encoding"}
_BY_NAME = regex(r"[^/@].*[a-z].*|[a-z]", re.IGNORECASE)
"""Matches a host that needs a name lookup. Does not match a socket directory, an IPv4 address, most IPv6 addresses."""
_chosen: dict[str, Parameters] = {}
"""Maps URLs to pinned parameters. This map applies to the whole process, which is one run and must use one server."""


def parameters_of(url: str) -> Parameters:
    """Parses a URL or a connection string. Raises psycopg.ProgrammingError for any other text."""
    return {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}


def on_one_server(url: str, first: Callable[[], psycopg.Connection[tuple[object, ...]]]) -> Parameters:
    """The parameters with which all connections of this run to `url` reach the same server. `first` connects for the
    first time, and libpq then chooses the server.

    Raises psycopg.OperationalError if no server can be reached, or if no server has the `target_session_attrs`.
    """
    if url in _chosen:
        return _chosen[url]
    parameters = parameters_of(url)
    if not _has_choice(parameters):
        return parameters
    with first() as connection:
        _chosen[url] = _reached(parameters, connection)
    return _chosen[url]


def _has_choice(parameters: Parameters) -> bool:
    """Whether two connections with these parameters can reach different servers. True if there is a service file."""
    given = _given(parameters)
    hosts = given("host")
    return (
        any(given(name) for name in _OF_SERVICE)
        or "," in hosts + given("hostaddr")
        or given("target_session_attrs") not in {"", "any"}
        or given("load_balance_hosts") not in {"", "disable"}
        or (not given("hostaddr") and _has_several_addresses(hosts))
    )


def _given(parameters: Parameters) -> Callable[[str], str]:
    """Returns a function that maps a parameter's name to its value in the URL, or in libpq's environment variable."""
    variables = {o.keyword.decode(): o.envvar.decode() for o in pq.Conninfo.get_defaults() if o.envvar}

    def given(name: str) -> str:
        value = parameters.get(name)
        return os.environ.get(variables.get(name, ""), "") if value is None else value

    return given


def _has_several_addresses(host: str) -> bool:
    if host == "localhost" or not _BY_NAME.fullmatch(host):
        return False
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP, type=socket.SOCK_STREAM)
    except OSError:
        return False  # connecting reports this error better
    return len({address[0] for *_, address in found}) > 1


def _reached(parameters: Parameters, connection: psycopg.Connection[tuple[object, ...]]) -> Parameters:
    """The parameters of the server that `connection` reached. The values in a service file replace its name."""
    info = connection.info
    base = parameters
    if any(_given(parameters)(name) for name in _OF_SERVICE):
        base = {**info.get_parameters(), "password": info.password or ""}
        base = {name: value for name, value in base.items() if value}
    kept = {name: value for name, value in base.items() if name not in _NOT_KEPT}
    return {
        **kept,
        "host": info.host,
        "hostaddr": info.hostaddr if not info.host.startswith(("/", "@")) else "",
        "port": str(info.port),
        "target_session_attrs": "any",
        "load_balance_hosts": "disable",
    }
