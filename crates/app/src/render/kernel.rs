//! The page of `kernel`.

use super::Page;
use super::grid::Grid;
use super::numbers::{bar, percent, seconds, sig3, thousands};
use secondsource::nki::KernelAnswer;

/// Lines of the critical path that are shown.
const MOST: usize = 12;

pub fn page(a: &KernelAnswer, page: &Page) -> String {
    let mut out = page.heading(&format!("{} on one NeuronCore of {}: {}", a.kernel, a.chip, seconds(a.p50)));
    out.push_str(&page.field("interval", &format!("{} – {} (5–95%)", seconds(a.p5), seconds(a.p95))));
    out.push_str(
        &page.field(
            "as written",
            &format!("{}, {} instructions in the order of the source", seconds(a.as_written), thousands(a.instructions)),
        ),
    );
    out.push_str(&page.field("bound", &format!("{} by {}: no order is faster", seconds(a.bound), a.bound_by)));
    if a.flops > 0.0 {
        out.push_str(&page.field("products", &format!("{} TFLOP, MFU {}", sig3(a.flops * 1e-12), percent(a.mfu))));
    }
    let mut dma = format!(
        "{} GB read, {} GB written, {} GB/s, {} transfers, mean run {} B",
        sig3(a.dma_read_bytes as f64 * 1e-9),
        sig3(a.dma_written_bytes as f64 * 1e-9),
        sig3(a.dma_bytes_per_second * 1e-9),
        thousands(a.dma_transfers),
        sig3(a.dma_mean_run_bytes)
    );
    if a.dma_short_run_share > 0.005 {
        dma.push_str(&format!(", {} of the bytes in runs below 512 B", percent(a.dma_short_run_share)));
    }
    out.push_str(&page.field("DMA", &dma));
    if a.table_loads > 0 {
        out.push_str(&page.field("tables", &format!("{} activation table loads, {}", thousands(a.table_loads), seconds(a.table_seconds))));
    }
    let mut grid = Grid::new().left("engine, as written").right("instructions").right("busy").left("");
    for e in &a.engines {
        grid.row(vec![e.engine.to_owned(), thousands(e.instructions), percent(e.busy), bar(e.busy, 24)]);
    }
    out.push_str(&format!("\n{}", grid.render(page)));
    let mut grid = Grid::new().left("if this cost nothing").right("kernel takes").right("saved");
    for w in &a.what_if {
        grid.row(vec![w.free.to_owned(), seconds(w.seconds), percent(w.saved.max(0.0))]);
    }
    out.push_str(&format!("\n{}{}", page.heading("What to change first"), grid.render(page)));
    let mut grid = Grid::new()
        .right("line")
        .left("mostly")
        .left("engine")
        .right("time on the path")
        .right("share")
        .right("instructions")
        .dispensable(1);
    for l in a.critical.iter().take(MOST) {
        grid.row(vec![
            l.line.to_string(),
            l.instruction.to_owned(),
            l.engine.to_owned(),
            seconds(l.seconds),
            percent(l.share),
            thousands(l.instructions),
        ]);
    }
    out.push_str(&format!("\n{}{}", page.heading("Critical path, as written"), grid.render(page)));
    out
}
