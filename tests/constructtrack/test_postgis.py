"""On a server with PostGIS, another migration 006 replaces the plain one, and later migrations work with both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
VARIANT = Path(__file__).parent / "postgis/006_spatial_indexes.sql"


@pytest.mark.postgis
def test_the_geometry_follows_the_core_columns_and_is_indexed(
    postgis_url: str, apply_history: Callable[..., None]
) -> None:
    apply_history(postgis_url, replace={6: VARIANT})
    with psycopg.connect(postgis_url, autocommit=True) as connection:
        for seed in sorted((ROOT / "seeds/development").glob("*.sql")):
            connection.execute(seed.read_bytes())
        connection.execute("UPDATE cable_routes SET route = '[(17.0,59.0),(17.0,59.01)]' WHERE code = 'UPP-D1-02'")
        row = connection.execute(
            "SELECT ST_SRID(route_geom), ST_AsText(route_geom), ST_Length(route_geom::geography)"
            " FROM cable_routes WHERE code = 'UPP-D1-02'"
        ).fetchone()
        indexes = connection.execute(
            "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public' AND indexdef ~ 'gist' AND indexname ~ 'geom'"
        ).fetchone()
    assert row is not None and row[:2] == (4326, "LINESTRING(17 59,17 59.01)")
    assert row[2] == pytest.approx(1114, abs=1)
    assert indexes == (4,)


@pytest.mark.postgis
def test_the_length_without_postgis_agrees_with_postgis(postgis_url: str, apply_history: Callable[..., None]) -> None:
    apply_history(postgis_url, replace={6: VARIANT})
    with psycopg.connect(postgis_url, autocommit=True) as connection:
        for seed in sorted((ROOT / "seeds/development").glob("*.sql")):
            connection.execute(seed.read_bytes())
        lengths = connection.execute(
            "SELECT app.path_length_m(route)::float, ST_Length(route_geom::geography, false) FROM cable_routes"
        ).fetchall()
    assert len(lengths) == 6
    for own, theirs in lengths:
        assert own == pytest.approx(theirs, abs=0.01)
