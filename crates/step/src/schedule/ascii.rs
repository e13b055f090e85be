//! Pictures of small schedules.

use super::{Kind, Plan, Timeline};

/// Draws one line a device, `columns` characters for the makespan. A bar shows the first letter of its work (`F` forward,
/// `B` backward, `I` input gradient, `W` weight gradient; `X` an overlapped pair, named by its forward), then the
/// micro-batch, in letters `a`, `b`... for chunk 1, 2... before it (DualPipe's chunk 1 is the upward direction), then
/// dashes; `.` is idle time. Bars that are too short lose characters on the right.
pub fn render_ascii(plan: &Plan, line: &Timeline, columns: usize) -> String {
    let columns = columns.clamp(1, 10_000);
    let scale = if line.makespan_s > 0.0 { columns as f64 / line.makespan_s } else { 0.0 };
    let width = plan.pp().to_string().len();
    let mut out = String::new();
    for device in 0..plan.pp() as usize {
        let mut row = vec!['.'; columns];
        let mut second = false;
        for i in plan.range(device) {
            let (Some(item), Some(start), Some(end)) = (plan.items().get(i), line.start_s.get(i), line.end_s.get(i)) else {
                continue;
            };
            let hidden = second;
            second = item.paired;
            if hidden {
                continue;
            }
            let letter = match item.kind {
                _ if item.paired => 'X',
                Kind::Fwd => 'F',
                Kind::Bwd => 'B',
                Kind::BwdInput => 'I',
                Kind::BwdWeight => 'W',
            };
            let chunk = if item.chunk == 0 { String::new() } else { char::from(b'a' + ((item.chunk - 1) % 26) as u8).to_string() };
            let text = format!("{letter}{chunk}{}", item.micro_batch);
            let from = ((start * scale).round() as usize).min(columns);
            let to = ((end * scale).round() as usize).clamp(from, columns);
            let filled = text.chars().chain(std::iter::repeat('-'));
            for (cell, c) in row[from..to].iter_mut().zip(filled) {
                *cell = c;
            }
        }
        let row: String = row.into_iter().collect();
        out.push_str(&format!("{device:>width$} |{row}|\n"));
    }
    out
}
