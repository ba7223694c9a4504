import importlib.util
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "check_wheel.py"
spec = importlib.util.spec_from_file_location("check_wheel", TOOL)
assert spec is not None and spec.loader is not None
check_wheel = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_wheel)


def whole() -> set[str]:
    root = TOOL.parents[1]
    package = {str(path.relative_to(root)) for path in (root / "freezelint").rglob("*") if path.is_file()}
    pages = {f"freezelint/rules/{path.name}" for path in (root / "rules").iterdir()}
    metadata = {"freezelint-1.dist-info/METADATA", "freezelint-1.dist-info/licenses/LICENSE"}
    return {name for name in package if "__pycache__" not in name} | pages | metadata


def test_a_whole_wheel_has_no_fault():
    assert check_wheel.faults(whole()) == []


def test_what_is_missing_and_what_is_too_much_is_named():
    names = whole() - {"freezelint/rules/unfrozen-batchnorm.md"} | {"tests/test_api.py"}
    assert check_wheel.faults(names) == [
        "freezelint/rules/unfrozen-batchnorm.md is missing",
        "tests/test_api.py does not belong there",
    ]


def test_a_wheel_needs_its_licence():
    assert check_wheel.faults(whole() - {"freezelint-1.dist-info/licenses/LICENSE"}) == ["the licence is missing"]
