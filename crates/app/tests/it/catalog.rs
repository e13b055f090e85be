use crate::run::{assert_shape, scratch_file, secondsource, secondsource_at};
use serde_json::json;

#[test]
fn the_list_has_every_sort_of_thing() {
    let text = secondsource(&["catalog", "list"]).ok();
    for word in ["Chips", "Nodes", "Racks and pods", "trn2-ultraserver", "gb200-nvl72", "Why no job can run"] {
        assert!(text.contains(word), "`{word}` is missing");
    }
    let value = secondsource(&["catalog", "list", "--json"]).json();
    assert_shape(&value, &json!([{"id": "", "thing": "", "name": "", "vendor": "", "aliases": [""]}]), "list");
}

#[test]
fn a_sheet_names_its_sources() {
    for columns in ["80", "100", "160"] {
        let text = secondsource_at(&["catalog", "show", "trn2"], columns).ok();
        for word in ["bf16", "667 TFLOP/s", "rival", "Sources", "[1]", "AWS Neuron"] {
            assert!(text.contains(word), "`{word}` is missing at {columns}:\n{text}");
        }
    }
    let value = secondsource(&["catalog", "show", "trn2", "--json"]).json();
    let row = json!({"label": "", "value": "", "kind": "", "date": "", "sources": [{"id": "", "title": "", "at": ""}]});
    assert_shape(&value, &json!({"id": "trn2", "thing": "", "rows": [row]}), "sheet");
}

#[test]
fn an_alias_shows_the_thing() {
    assert_eq!(secondsource(&["catalog", "show", "trainium2", "--json"]).json()["id"], "trn2");
}

#[test]
fn a_good_overlay_passes_the_check() {
    secondsource(&["catalog", "check", "examples/overlays/private-price.toml"]).ok();
    let value = secondsource(&["catalog", "check", "examples/overlays/private-price.toml", "--json"]).json();
    assert_eq!(value, json!({"file": "examples/overlays/private-price.toml", "ok": true, "problems": []}));
}

#[test]
fn every_problem_of_a_file_is_listed() {
    let file = scratch_file("catalog-check", "bad.toml", "[[price]]\nitem = \"x\"\nchip = \"trn9\"\nprise = 3\n");
    let ran = secondsource(&["catalog", "check", &file]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("bad.toml:4:") && ran.stderr.contains("price"), "{}", ran.stderr);
    let ran = secondsource(&["catalog", "check", &file, "--json"]);
    assert_eq!(ran.code, 2);
    assert!(ran.json()["problems"].as_array().is_some_and(|p| p.len() > 1), "{}", ran.stdout);
}
