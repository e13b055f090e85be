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

#[test]
fn every_overlay_passes_the_check() {
    for entry in std::fs::read_dir(root().join("examples/overlays")).expect("examples/overlays/") {
        let path = entry.expect("entry").path();
        let ran = secondsource(&["catalog", "check", path.to_str().expect("UTF-8")]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
}
