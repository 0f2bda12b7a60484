"""How a table or a column is called in code."""

from __future__ import annotations

import re

import pytest

from ctgitops.core.code.spelling import any_of, distinctive, pascal, singular, spelling_of
from ctgitops.sql.name_changes import ChangedName


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("users", "user"),
        ("fibre_nodes", "fibre_node"),
        ("companies", "company"),
        ("boxes", "box"),
        ("classes", "class"),
        ("branches", "branch"),
        ("dishes", "dish"),
        ("houses", "house"),
        ("glass", "glass"),
        ("people", "person"),
        ("old_people", "old_person"),
        ("site_children", "site_child"),
        ("user", "user"),
    ],
)
def test_the_name_of_a_row(table: str, row: str) -> None:
    assert singular(table) == row


def test_the_names_of_a_table_its_class_and_its_variables() -> None:
    spelling = spelling_of(ChangedName("fibre_nodes", "node_type"))
    assert spelling.tables == {"fibre_nodes", "FibreNodes", "fibreNodes"}
    assert spelling.classes == {"FibreNode", "FibreNodes"}
    assert spelling.columns == {"node_type", "NodeType", "nodeType", "NODE_TYPE"}
    assert spelling.row == "fibre_node"
    for name in ("fibre_node", "fibreNode", "current_fibre_node", "newFibreNode", "FIBRE_NODES", "FIBRE_NODE"):
        assert name in spelling.variables
    assert not {"node", "nodes", "current_fibre_nodes"} & spelling.variables
    assert pascal("fibre_node") == "FibreNode"


@pytest.mark.parametrize(
    ("column", "needs_table"),
    [
        ("email", True),
        ("_email", True),
        ("user_id", True),
        ("is_active", True),
        ("created_at", True),
        ("Created_At", True),
        ("postal_code", False),
        ("splice_loss", False),
    ],
)
def test_a_common_name_counts_only_where_its_table_is_named(column: str, *, needs_table: bool) -> None:
    spelling = spelling_of(ChangedName("users", column))
    assert spelling.needs_table is needs_table
    words = {"users", "user"} if needs_table else set()
    assert {word for group in spelling.hints[1:] for word in group} == words
    assert column.lower() in spelling.hints[0]


def test_a_table_is_hinted_at_by_its_name_and_that_of_its_row_with_and_without_underscore() -> None:
    assert spelling_of(ChangedName("Fibre_nodes")).hints == (("fibre_node", "fibre_nodes", "fibrenode", "fibrenodes"),)
    assert spelling_of(ChangedName("t", "splice_loss")).hints == (("splice_loss", "spliceloss"),)


def test_words_are_found_in_any_case_inside_a_longer_word() -> None:
    spelling = spelling_of(ChangedName("fibre_nodes", "node_type"))
    assert all(spelling.column_word.search(text) for text in ("nodeType", "NODE_TYPE", "findByNodeTypeIn"))
    assert all(spelling.table_word.search(text) for text in ("fibreNode", "getFibreNodes", "FIBRE_NODES_ID"))
    assert not spelling.column_word.search("node-type")
    assert not spelling.table_word.search("fibre node")


def test_the_longest_name_is_tried_first() -> None:
    assert re.findall(any_of({"a", "ab", "a.c"}), "ab a a.c axc") == ["ab", "a", "a.c", "a"]
    assert [distinctive(name) for name in ("email", "_email_", "e_mail")] == [False, False, True]
