use crate::run::{assert_shape, secondsource};
use serde_json::json;

#[test]
fn json_keeps_its_contract() {
    let value = secondsource(&["model", "llama-3.1-405b", "--seq", "8192", "--json"]).json();
    let shape = json!({"params_total": 0, "params_active": 0, "params_embedding": 0, "flops_forward_per_token": {"seq": 0, "value": 0}});
    assert_shape(&value, &shape, "model");
    assert_eq!(value["params_total"], 405_853_388_800u64);
    assert_eq!(value["flops_forward_per_token"]["seq"], 8192);
    let parts: u64 = value["parts"].as_array().expect("parts").iter().map(|p| p["params"].as_u64().expect("a count")).sum();
    assert_eq!(parts, 405_853_388_800, "parts add up");
}

#[test]
fn a_mixture_of_experts_has_active_parameters() {
    let text = secondsource(&["model", "deepseek-v3"]).ok();
    assert!(text.contains("671,026,404,352") && text.contains("for each token") && text.contains("experts 8 of 256"), "{text}");
}

#[test]
fn the_list_names_the_model_of_the_main_job() {
    assert!(secondsource(&["model", "--list"]).ok().contains("llama-3.1-405b"));
    let value = secondsource(&["model", "--list", "--json"]).json();
    assert_shape(&value, &json!([{"id": "", "aliases": [""], "description": "", "source": "", "params": 0}]), "list");
}
