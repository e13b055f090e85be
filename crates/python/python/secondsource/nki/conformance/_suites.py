"""What each suite consists of: jobs, each run in a process of its own."""


def nki_library(path):
    root = path / "test" / "integration" / "nkilib"
    paths = [str(path), str(path / "src"), str(path / "src" / "nkilib_src")]
    for file in sorted(root.rglob("test_*.py")):
        yield {
            "kind": "pytest",
            "name": str(file.relative_to(path)),
            "file": str(file),
            "cwd": str(path),
            "paths": paths,
            "arguments": ["--test-mode", "simulation"],
            "stubs": "nki_library",
            "may_be_empty": True,
        }


def docs(path):
    for file in sorted((path / "nki" / "test").glob("test_*.py")):
        yield {"kind": "pytest", "name": str(file.relative_to(path)), "file": str(file), "cwd": str(file.parent), "paths": [str(file.parent)], "arguments": ["-o", "python_functions="]}
    yield from scripts(path, path / "nki" / "examples")
    yield from scripts(path, path / "nki" / "deep-dives" / "src")


def nki_samples(path):
    for file in sorted((path / "test" / "unit").glob("test_*.py")):
        yield {
            "kind": "pytest",
            "name": str(file.relative_to(path)),
            "file": str(file),
            "cwd": str(path),
            "paths": [str(path / "src"), str(path)],
            "arguments": ["--simulation-only"],
            "may_be_empty": True,
        }
    yield from scripts(path, path / "src")
    yield from scripts(path, path / "contributed")


def scripts(path, folder):
    """Scripts that check themselves: those that end in a `__main__` part or call a kernel at top level."""
    for file in sorted(folder.rglob("*.py")):
        text = file.read_text(errors="replace")
        if "__main__" in text or file.name.startswith(("getting_started", "index-case", "layout-", "nki_simulate")):
            yield {"kind": "script", "name": str(file.relative_to(path)), "file": str(file), "cwd": str(file.parent)}


def accelopt(path):
    bench = path / "NKIBench"
    for kernel in sorted((bench / "kernels").glob("*.py")):
        problem = kernel.stem.rsplit("_", 1)[0]
        for reference in sorted((bench / "reference").glob(f"{problem}_numpy_*.py"))[:1]:
            yield {"kind": "accelopt", "name": f"NKIBench::{kernel.stem}", "file": str(kernel), "reference": str(reference), "target": "trn1"}


def autocomp(path):
    """Each kernel of `sols` in its harness, against the reference kernel and the check that the harness holds."""
    for folder, target in AUTOCOMP:
        for harness in sorted((path / "harnesses" / folder).glob("[0-9]*.py")):
            number = harness.name.split("_")[0]
            for solution in sorted((path / "sols" / folder).glob(f"{number}_*_ref.py")):
                name = f"{folder}::{solution.stem}"
                yield {"kind": "autocomp", "name": name, "file": str(harness), "solution": str(solution), "target": target}


AUTOCOMP = (
    ("trn-tutorial-nki1", "trn1"),
    ("trn-tutorial-nki2", "trn2"),
    ("trn-advanced-nki1", "trn1"),
    ("trn-advanced-nki2", "trn2"),
    ("trn-internal", "trn2"),
)

SUITES = {"nki-library": nki_library, "docs": docs, "nki-samples": nki_samples, "accelopt": accelopt, "autocomp": autocomp}
SUITES = {name: (lambda path, jobs=jobs: list(jobs(path))) for name, jobs in SUITES.items()}
