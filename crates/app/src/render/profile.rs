//! The page of `profile`.

use super::Page;
use super::grid::Grid;
use super::numbers::{percent, sig3, thousands};
use secondsource::nki::{ProfileAnswer, ProfileKernel};

pub fn page(a: &ProfileAnswer, page: &Page) -> String {
    let mut out = page.heading(&format!("Kernels on one {} of {}: {} shapes", a.core, a.chip, thousands(a.shapes)));
    for k in &a.kernels {
        let unit = if k.unit == "FLOP/s" { "TFLOP/s" } else { "GB/s" };
        out.push_str(&format!("\n{}", page.heading(&format!("{} ({unit}, and share of {})", k.kernel, peak(k)))));
        out.push_str(&table(k).render(page));
    }
    if let Some((product, attention)) = a.product_reference.zip(a.attention_reference) {
        out.push('\n');
        let line = format!(
            "The calibrated shares of peak are those of compiled steps on trn1, where the library reaches {} of the datasheet peak in a \
             large product and {} in attention of 4,096 tokens: compiled steps keep their share over this of a kernel's speed.",
            percent(product),
            percent(attention)
        );
        out.push_str(&page.hanging("", 0, &line));
    }
    let changed = a.kernels.iter().filter_map(|k| k.changed_pct).fold(0.0, f64::max);
    if changed > 0.0 || a.kernels.iter().any(|k| k.changed_pct.is_none()) {
        out.push_str(&page.hanging("", 0, &format!("Against the profile that the program carries, rates change by up to {changed:.1}%.")));
    } else {
        out.push_str(&page.hanging("", 0, "The profile that the program carries is the same."));
    }
    out
}

fn peak(k: &ProfileKernel) -> &'static str {
    if k.unit == "FLOP/s" { "the core's peak" } else { "the DMA engines' rate" }
}

/// The last axis across, the others down.
fn table(k: &ProfileKernel) -> Grid {
    let scale = if k.unit == "FLOP/s" { 1e-12 } else { 1e-9 };
    let (across, down) = k.axes.split_last().map_or(("", [].as_slice()), |(a, d)| (*a, d));
    let mut values: Vec<f64> = k.points.iter().filter_map(|p| p.shape.last().copied()).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let mut grid = Grid::new().left(down.join(" x "));
    for (i, v) in values.iter().enumerate() {
        grid = grid.right(&if i == 0 { format!("{across} {}", thousands(*v as u64)) } else { thousands(*v as u64) });
    }
    for row in k.points.chunks(values.len().max(1)) {
        let head = row.first().map_or(&[] as &[f64], |p| &p.shape[..down.len()]);
        let words: Vec<String> = head.iter().map(|x| thousands(*x as u64)).collect();
        let mut cells = vec![words.join(" x ")];
        cells.extend(row.iter().map(|p| format!("{} {:>3.0}%", sig3(p.rate * scale), p.share * 100.0)));
        grid.row(cells);
    }
    grid
}
