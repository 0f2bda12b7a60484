"""A database whose dump does not restore: the help of the failure, followed literally, lets the next apply pass."""

from __future__ import annotations

import re

import pytest

from tests.servers import fetch, run
from tests.stories.house import House

TOTAL = """
create table orders (id int primary key); insert into orders values (1);
create function total() returns bigint language sql set search_path = public as 'select count(*) from orders';
create materialized view totals as select total() as n; alter function total() reset search_path
"""


@pytest.mark.slow
def test_the_statement_in_the_help_is_the_way_out(house: House, database_url: str) -> None:
    house.environment("staging", database_url, 'backup: {to: backups, verify_server: "${VERIFY_URL}"}\n')
    house.secrets["VERIFY_URL"] = database_url
    run(database_url, TOTAL)
    house.migration("001_x", "create table x (id int primary key);")
    refused = house.apply()
    assert refused.status == 7, refused.said
    assert "REFRESH MATERIALIZED VIEW public.totals" in refused.words
    assert "nothing was changed" in refused.words
    [cure] = re.findall(r"run `(ALTER FUNCTION [^`]*;)`", refused.words)
    run(database_url, cure)
    house.applied()
    assert fetch(database_url, "select to_regclass('x') is not null") == [(True,)]
