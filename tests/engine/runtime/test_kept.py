"""What was found out about a machine is found again, and only under the same facts."""

from __future__ import annotations

from pathlib import Path

from omote.engine.hardware import ResultCache, machine_facts


def test_an_answer_is_found_again_under_the_same_facts_only(tmp_path: Path) -> None:
    ResultCache(tmp_path).put({"size": 256, "cores": 2}, {"build": "openvino"})
    assert ResultCache(tmp_path).get({"cores": 2, "size": 256}) == {"build": "openvino"}
    assert ResultCache(tmp_path).get({"size": 256, "cores": 4}) is None


def test_a_damaged_answer_is_found_out_again(tmp_path: Path) -> None:
    kept = ResultCache(tmp_path)
    for damage in ("", "{", "[]", "3", '{"facts": {"size": 1}}', '{"facts": {"size": 1}, "answer": 3}'):
        kept.put({"size": 1}, {"build": "openvino"})
        (place,) = tmp_path.iterdir()
        place.write_text(damage, encoding="utf-8")
        assert kept.get({"size": 1}) is None


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    kept = ResultCache(tmp_path / "file")  # no folder can be made here, for root neither
    kept.put({"size": 1}, {"build": "openvino"})
    assert kept.get({"size": 1}) is None


def test_what_is_forgotten_is_found_out_again(tmp_path: Path) -> None:
    kept = ResultCache(tmp_path)
    kept.put({"size": 1}, {"build": "openvino"})
    kept.forget()
    assert kept.get({"size": 1}) is None


def test_the_facts_name_processor_cores_and_versions() -> None:
    facts = machine_facts()
    assert facts["cpu"] and facts["cores"]
    assert "openvino" in str(facts["versions"])
