"""What a visitor chose once is there at the next visit, and nobody else's."""

from pathlib import Path

from lrapp.access import preferences


def test_a_choice_is_kept_for_its_visitor_alone(tmp_path: Path) -> None:
    assert not preferences.read(tmp_path, "a" * 32, "expert settings")
    preferences.write(tmp_path, "a" * 32, "expert settings", on=True)
    preferences.write(tmp_path, "a" * 32, "another", on=True)
    assert preferences.read(tmp_path, "a" * 32, "expert settings")
    assert not preferences.read(tmp_path, "b" * 32, "expert settings")
    assert not preferences.read(tmp_path, "", "expert settings"), "where runs have no owners"
    preferences.write(tmp_path, "a" * 32, "expert settings", on=False)
    assert not preferences.read(tmp_path, "a" * 32, "expert settings")
    assert preferences.read(tmp_path, "a" * 32, "another")


def test_a_damaged_file_or_a_full_disk_costs_the_choice_alone(tmp_path: Path) -> None:
    preferences.write(tmp_path, "", "expert settings", on=True)
    (file,) = (tmp_path / "preferences").iterdir()
    for damage in (b"", b"{", b"[1]", b'{"expert settings": "yes"}', b"\xff"):
        file.write_bytes(damage)
        assert not preferences.read(tmp_path, "", "expert settings")
    (tmp_path / "blocked").write_bytes(b"a file where the folder would be")
    preferences.write(tmp_path / "blocked", "", "expert settings", on=True)
    assert not preferences.read(tmp_path / "blocked", "", "expert settings")
