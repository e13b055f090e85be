use crate::run::{root, secondsource};

/// Runs every job file of examples/ the way its first comment says.
#[test]
fn every_example_runs() {
    let mut files: Vec<String> = std::fs::read_dir(root().join("examples"))
        .expect("examples/")
        .map(|e| e.expect("entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    files.sort();
    assert!(files.len() >= 6, "{files:?}");
    for name in files {
        let path = format!("examples/{name}");
        let text = std::fs::read_to_string(root().join(&path)).expect("example");
        let command =
            text.lines().find_map(|l| l.strip_prefix("#   secondsource ")).unwrap_or_else(|| panic!("{path} does not say how it is run"));
        assert!(command.contains(&path), "{path}: `{command}` runs another file");
        let sub = command.split_whitespace().next().expect("a subcommand");
        let ran = secondsource(&[sub, &path, "--json"]);
        assert_eq!(ran.code, 0, "{path}: {}{}", ran.stderr, ran.stdout);
        assert!(ran.json().is_object());
    }
}

/// The worlds of examples/supply/ (other files there have tests of their own).
#[test]
fn every_world_runs() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("examples/supply")).expect("examples/supply/") {
        let name = entry.expect("entry").file_name().to_string_lossy().into_owned();
        let path = format!("examples/supply/{name}");
        let text = std::fs::read_to_string(root().join(&path)).unwrap_or_default();
        if text.contains(&format!("#   secondsource supply {path}")) {
            assert_eq!(secondsource(&["supply", &path, "--scenarios", "16", "--json"]).code, 0, "{path}");
            seen += 1;
        }
    }
    assert!(seen >= 1);
}

#[test]
fn every_overlay_passes_the_check() {
    for entry in std::fs::read_dir(root().join("examples/overlays")).expect("examples/overlays/") {
        let path = entry.expect("entry").path();
        let ran = secondsource(&["catalog", "check", path.to_str().expect("UTF-8")]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
}
