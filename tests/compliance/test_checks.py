"""A rule pack that cannot be read stops whatever starts."""

from compliance import checks
from compliance.rules import load_packs


def test_the_packs_we_ship_can_be_read():
    assert checks.packs_can_be_read(None) == []


def test_a_pack_that_cannot_be_read_is_an_error_with_its_place(monkeypatch, tmp_path):
    (tmp_path / "xx.yaml").write_text("pack: xx\ntitle: Nowhere\njurisdiction: XX\nrules: []\n")
    monkeypatch.setattr(checks, "load_packs", lambda: load_packs(tmp_path))
    [error] = checks.packs_can_be_read(None)
    assert error.id == "compliance.E001"
    assert error.is_serious()
    assert error.msg.startswith("xx.yaml: ")
