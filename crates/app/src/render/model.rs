//! The pages of `model`.

use super::Page;
use super::grid::Grid;
use super::numbers::{percent, short, thousands};
use crate::cli::model::ModelOut;
use secondsource::workload::builtin::BuiltinModel;

pub fn list(models: &[BuiltinModel], page: &Page) -> String {
    let mut grid = Grid::new().left("model").right("parameters").left("shape").clipped(1).left("other names").clipped(2);
    for m in models {
        grid.row(vec![m.id.clone(), short(m.params as f64), m.description.clone(), m.aliases.join(", ")]);
    }
    grid.render(page)
}

pub fn page(m: &ModelOut, page: &Page) -> String {
    let flops = &m.flops_forward_per_token;
    let mut out = page.heading(&format!("{} ({})", m.name, m.arch));
    out.push_str(&page.field("parameters", &format!("{} ({})", thousands(m.params_total), short(m.params_total as f64))));
    if m.params_active != m.params_total {
        out.push_str(&page.field("active", &format!("{} ({}) for each token", thousands(m.params_active), short(m.params_active as f64))));
    }
    out.push_str(&page.field("embedding", &thousands(m.params_embedding)));
    let both = format!(
        "{} forward per token at sequence {}, every query against every key; {} causal",
        short(flops.value),
        thousands(flops.seq),
        short(flops.causal)
    );
    out.push_str(&page.field("FLOPs", &both));
    out.push_str(&page.field("KV cache", &format!("{} bytes per token of context, two-byte format", thousands(m.kv_bytes_per_token))));
    if m.mtp_layers > 0 {
        out.push_str(&page.field("MTP", &format!("{} multi-token-prediction layers, not in these counts", m.mtp_layers)));
    }
    let mut parts =
        Grid::new().left("part").right("parameters").right("share").right("active").dispensable(2).right("FLOPs/token").right("share");
    let share = |v: f64, whole: f64| if whole > 0.0 { percent(v / whole) } else { String::new() };
    for p in &m.parts {
        parts.row(vec![
            p.name.to_owned(),
            thousands(p.params),
            share(p.params as f64, m.params_total as f64),
            thousands(p.active),
            short(p.flops_per_token),
            share(p.flops_per_token, flops.value),
        ]);
    }
    out.push('\n');
    out.push_str(&parts.render(page));
    let mut layers = Grid::new().left("layers").left("kind").right("parameters each").right("FLOPs/token each");
    for run in &m.layers {
        let last = (run.first + run.count).saturating_sub(1);
        let span = if run.count == 1 { run.first.to_string() } else { format!("{}–{last}", run.first) };
        layers.row(vec![span, run.kind.clone(), thousands(run.params_each), short(run.flops_per_token_each)]);
    }
    if !layers.is_empty() {
        out.push('\n');
        out.push_str(&layers.render(page));
    }
    out
}
