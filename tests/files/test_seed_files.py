from __future__ import annotations

from tests.files.checkout import Checkout


def test_seeds_come_from_the_folder_named_after_the_environment(repo: Checkout) -> None:
    repo.manifest("")
    repo.write("seeds/staging/020_b.sql", "SELECT 2;\n")
    repo.write("seeds/staging/010_a.sql", b"\xef\xbb\xbfSELECT 1;\r\n")
    repo.write("seeds/other/1.sql")
    workspace = repo.read()
    (environment,) = workspace.environments
    assert environment.seeds == ("seeds/staging",)
    seeds = workspace.seeds_of(environment)
    assert [(s.name, s.script.sql) for s in seeds] == [
        ("seeds/staging/010_a.sql", "SELECT 1;\n"),
        ("seeds/staging/020_b.sql", "SELECT 2;\n"),
    ]


def test_seeds_come_folder_by_folder_as_the_manifest_names_them(repo: Checkout) -> None:
    for path in ("seeds/z/1.sql", "seeds/a/2.sql", "seeds/a/1.sql", "seeds/staging/9.sql"):
        repo.write(path)
    assert repo.manifest("seeds: [seeds/z, seeds/a]") == []
    workspace = repo.read()
    names = [s.name for s in workspace.seeds_of(workspace.environments[0])]
    assert names == ["seeds/z/1.sql", "seeds/a/1.sql", "seeds/a/2.sql"]
    repo.manifest("seeds: []")
    assert repo.read().seeds == {"staging": ()}


def test_seeds_through_links_are_refused(repo: Checkout) -> None:
    repo.write("seeds/staging/1.sql")
    (repo.root / "seeds/staging/2.sql").symlink_to("/proc/self/environ")
    (repo.root / "seeds/out").symlink_to("/etc")
    found = repo.manifest("seeds: [seeds/staging, seeds/out]")
    assert [said.split(":")[0] for said in found] == ["seeds/out"]
    assert repo.read().seeds == {"staging": ()}
    found = repo.manifest("")
    assert [said.split(":")[0] for said in found] == ["seeds/staging/2.sql"]
    assert all(len(s) == 1 for s in (repo.read().seeds or {}).values())


def test_seeds_in_capitals_or_sub_folders_are_not_passed_over_in_silence(repo: Checkout) -> None:
    repo.manifest("")
    repo.write("seeds/staging/1.SQL")
    repo.write("seeds/staging/more/1.sql")
    assert [p.code for p in repo.read().read_problems] == ["file-name", "sub-folder"]
