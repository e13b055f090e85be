//! Reading the published-run table (CSV). Every cell keeps its meaning; a bad cell is an error with its line.

use secondsource_base::{Diagnostic, nearest};

/// How complete a row is; the table's README defines the letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    A,
    B,
    C,
}

impl Grade {
    pub const fn name(self) -> &'static str {
        match self {
            Grade::A => "A",
            Grade::B => "B",
            Grade::C => "C",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    Pretrain,
    Sft,
    Lora,
}

/// One row. `None` means a blank cell, never a default.
#[derive(Debug, Clone)]
pub struct RunRow {
    pub line: u64,
    pub id: String,
    /// Everything before the last dash of the id: the source.
    pub source: String,
    pub date: String,
    pub vendor: String,
    pub chip: String,
    pub chips: Option<f64>,
    pub chips_per_node: Option<f64>,
    pub interconnect: String,
    pub model: String,
    pub params_b: Option<f64>,
    pub layers: Option<f64>,
    pub hidden: Option<f64>,
    pub ffn_hidden: Option<f64>,
    pub heads: Option<f64>,
    pub kv_heads: Option<f64>,
    pub head_dim: Option<f64>,
    pub vocab: Option<f64>,
    pub experts: Option<f64>,
    pub experts_per_token: Option<f64>,
    pub moe_ffn_hidden: Option<f64>,
    pub shared_experts: Option<f64>,
    pub attention: String,
    pub seq_len: Option<f64>,
    pub global_batch: Option<f64>,
    pub micro_batch: Option<f64>,
    pub tp: Option<f64>,
    pub pp: Option<f64>,
    pub vpp: Option<f64>,
    pub cp: Option<f64>,
    pub ep: Option<f64>,
    pub dp: Option<f64>,
    pub zero: String,
    pub sequence_parallel: String,
    pub recompute: String,
    pub precision: String,
    pub framework: String,
    pub metric_name: String,
    pub metric_value: Option<f64>,
    pub notes: String,
    pub grade: Grade,
    pub workload: Workload,
    pub mlp_gated: Option<bool>,
    pub derived_step_s: Option<f64>,
    pub derived_tokens_per_s_per_chip: Option<f64>,
}

const COLUMNS: [&str; 49] = [
    "id",
    "source_title",
    "source_url",
    "source_date",
    "vendor",
    "chip",
    "chips",
    "chips_per_node",
    "interconnect_note",
    "model",
    "params_b",
    "layers",
    "hidden",
    "ffn_hidden",
    "heads",
    "kv_heads",
    "head_dim",
    "vocab",
    "experts",
    "experts_per_token",
    "moe_ffn_hidden",
    "shared_experts",
    "attention",
    "seq_len",
    "global_batch_seqs",
    "micro_batch",
    "tp",
    "pp",
    "vpp",
    "cp",
    "ep",
    "dp",
    "zero_stage_or_fsdp",
    "sequence_parallel",
    "recompute",
    "precision",
    "framework",
    "metric_name",
    "metric_value",
    "flops_convention",
    "notes",
    "grade",
    "figure_status",
    "workload",
    "mlp_gated",
    "stated_tflops_per_chip",
    "stated_mfu_pct",
    "stated_step_s",
    "derived_step_s",
];
const OPTIONAL: [&str; 5] = [
    "derived_tokens_per_s_per_chip",
    "derived_model_tflops_causal",
    "derived_model_tflops_full",
    "derived_util_of_dense_bf16_peak_pct",
    "check_flags",
];
/// Without these a row says nothing.
const REQUIRED: [&str; 4] = ["id", "chip", "chips", "model"];
const MAX_ROWS: usize = 200_000;

/// Reads a table. Errors stop the reading of everything: a table with a bad cell is not half used. The second
/// value holds warnings (columns that are not known and are ignored).
pub fn read(file: &str, text: &str) -> Result<(Vec<RunRow>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
    let header = match reader.headers() {
        Ok(h) => h.clone(),
        Err(e) => return Err(vec![Diagnostic::error(format!("not a CSV table: {e}")).at_line(file, 1)]),
    };
    let known = || COLUMNS.iter().chain(&OPTIONAL).copied();
    let mut warnings = Vec::new();
    let mut errors = Vec::new();
    for name in header.iter() {
        if !known().any(|k| k == name) {
            // A misspelt column would be lost; one of the user's own is nobody's business.
            if nearest(name, known()).is_some() {
                let d = Diagnostic::error(format!("column `{name}` is not known")).at_line(file, 1);
                errors.push(d.suggest(name, known()));
            } else {
                warnings.push(Diagnostic::warning(format!("column `{name}` is not known and is ignored")).at_line(file, 1));
            }
        }
    }
    for name in REQUIRED {
        if !header.iter().any(|h| h == name) {
            let mut d = Diagnostic::error(format!("column `{name}` is missing")).at_line(file, 1);
            if let Some(n) = nearest(name, header.iter()) {
                d = d.hint(format!("is `{n}` meant to be `{name}`?"));
            }
            errors.push(d);
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let at = |name: &str| header.iter().position(|h| h == name);
    let index: Vec<(&str, Option<usize>)> = known().map(|k| (k, at(k))).collect();
    let mut rows: Vec<RunRow> = Vec::new();
    let mut seen = std::collections::HashMap::new();
    let mut lines = Lines { text, at: 0, line: 1 };
    for record in reader.records() {
        let record = match record {
            Ok(r) => r,
            Err(e) => {
                let line = e.position().map_or(1, |p| lines.of(p.byte())) as usize;
                errors.push(Diagnostic::error(format!("cannot read the row: {e}")).at_line(file, line));
                break;
            }
        };
        let line = record.position().map_or(0, |p| lines.of(p.byte()));
        if rows.len() >= MAX_ROWS {
            errors.push(Diagnostic::error(format!("more than {MAX_ROWS} rows")).at_line(file, line as usize));
            break;
        }
        let cells = Cells { file, line, record: &record, index: &index };
        match cells.row() {
            Ok(row) => {
                if let Some(first) = seen.insert(row.id.clone(), line) {
                    errors.push(Diagnostic::error(format!("id `{}` stands on line {first} already", row.id)).at_line(file, line as usize));
                }
                rows.push(row);
            }
            Err(e) => errors.push(e),
        }
        if errors.len() >= 20 {
            break;
        }
    }
    if errors.is_empty() { Ok((rows, warnings)) } else { Err(errors) }
}

/// Line numbers of rising byte offsets, whatever the line ends are.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, byte: u64) -> u64 {
        let bytes = self.text.as_bytes();
        let mut to = usize::try_from(byte).unwrap_or(bytes.len()).min(bytes.len());
        // A record may be said to start at the end of the line before it.
        while to < bytes.len() && (bytes[to] == b'\r' || bytes[to] == b'\n') {
            to += 1;
        }
        if to > self.at {
            self.line += bytes[self.at..to].iter().filter(|b| **b == b'\n').count() as u64;
            self.at = to;
        }
        self.line
    }
}

struct Cells<'a> {
    file: &'a str,
    line: u64,
    record: &'a csv::StringRecord,
    index: &'a [(&'a str, Option<usize>)],
}

impl Cells<'_> {
    fn text(&self, name: &str) -> String {
        let i = self.index.iter().find(|(k, _)| *k == name).and_then(|(_, i)| *i);
        i.and_then(|i| self.record.get(i)).unwrap_or("").trim().to_owned()
    }

    fn bad(&self, name: &str, value: &str, want: &str) -> Diagnostic {
        Diagnostic::error(format!("`{name}` is `{}`, but must be {want}", value.chars().take(60).collect::<String>()))
            .at_line(self.file, self.line as usize)
            .hint("leave the cell blank when the value is not known")
    }

    fn number(&self, name: &str) -> Result<Option<f64>, Diagnostic> {
        let t = self.text(name);
        if t.is_empty() {
            return Ok(None);
        }
        match t.parse::<f64>() {
            Ok(v) if (0.0..1e18).contains(&v) => Ok(Some(v)),
            _ => Err(self.bad(name, &t, "a finite number that is not negative")),
        }
    }

    fn count(&self, name: &str) -> Result<Option<f64>, Diagnostic> {
        match self.number(name)? {
            Some(v) if v.fract() != 0.0 || v > 4e9 => Err(self.bad(name, &self.text(name), "a whole number below 4 billion")),
            v => Ok(v),
        }
    }

    fn positive(&self, name: &str) -> Result<Option<f64>, Diagnostic> {
        match self.count(name)? {
            Some(0.0) => Err(self.bad(name, "0", "at least 1")),
            v => Ok(v),
        }
    }

    fn choice<T: Copy>(&self, name: &str, table: &[(&str, T)], blank: T) -> Result<T, Diagnostic> {
        let t = self.text(name);
        if t.is_empty() {
            return Ok(blank);
        }
        table.iter().find(|(k, _)| *k == t).map(|(_, v)| *v).ok_or_else(|| {
            let names: Vec<&str> = table.iter().map(|(k, _)| *k).collect();
            self.bad(name, &t, &format!("one of {}", names.join(", "))).suggest(&t, names)
        })
    }

    fn row(&self) -> Result<RunRow, Diagnostic> {
        let id = self.text("id");
        if id.is_empty() {
            return Err(self.bad("id", "", "a name"));
        }
        let source = id.rsplit_once('-').map_or(id.as_str(), |(s, _)| s).to_owned();
        Ok(RunRow {
            line: self.line,
            source,
            id,
            date: self.text("source_date"),
            vendor: self.text("vendor"),
            chip: self.text("chip"),
            chips: self.positive("chips")?,
            chips_per_node: self.positive("chips_per_node")?,
            interconnect: self.text("interconnect_note"),
            model: self.text("model"),
            params_b: self.number("params_b")?,
            layers: self.positive("layers")?,
            hidden: self.positive("hidden")?,
            ffn_hidden: self.positive("ffn_hidden")?,
            heads: self.positive("heads")?,
            kv_heads: self.positive("kv_heads")?,
            head_dim: self.positive("head_dim")?,
            vocab: self.positive("vocab")?,
            experts: self.count("experts")?.filter(|e| *e > 0.0),
            experts_per_token: self.count("experts_per_token")?,
            moe_ffn_hidden: self.count("moe_ffn_hidden")?,
            shared_experts: self.count("shared_experts")?,
            attention: self.text("attention"),
            seq_len: self.positive("seq_len")?,
            global_batch: self.positive("global_batch_seqs")?,
            micro_batch: self.number("micro_batch")?.filter(|m| *m > 0.0),
            tp: self.positive("tp")?,
            pp: self.positive("pp")?,
            vpp: self.positive("vpp")?,
            cp: self.positive("cp")?,
            ep: self.positive("ep")?,
            dp: self.positive("dp")?,
            zero: self.text("zero_stage_or_fsdp"),
            sequence_parallel: self.text("sequence_parallel"),
            recompute: self.text("recompute"),
            precision: self.text("precision"),
            framework: self.text("framework"),
            metric_name: self.text("metric_name"),
            metric_value: self.number("metric_value")?,
            notes: self.text("notes"),
            grade: self.choice("grade", &[("A", Grade::A), ("B", Grade::B), ("C", Grade::C)], Grade::C)?,
            workload: self.choice(
                "workload",
                &[("pretrain", Workload::Pretrain), ("sft", Workload::Sft), ("lora", Workload::Lora)],
                Workload::Pretrain,
            )?,
            mlp_gated: self.choice("mlp_gated", &[("yes", Some(true)), ("no", Some(false))], None)?,
            derived_step_s: self.number("derived_step_s")?,
            derived_tokens_per_s_per_chip: self.number("derived_tokens_per_s_per_chip")?,
        })
    }
}

impl RunRow {
    /// Measured seconds per step: the derived cell, or what the metric gives.
    pub fn measured_step(&self) -> Option<f64> {
        if let Some(s) = self.derived_step_s.filter(|s| *s > 0.0) {
            return Some(s);
        }
        let value = self.metric_value.filter(|v| *v > 0.0)?;
        let tokens = self.global_batch? * self.seq_len?;
        match self.metric_name.as_str() {
            "step_s" => Some(value),
            "tokens_per_s_per_chip" => Some(tokens / (value * self.chips?)),
            "seq_per_s" => Some(self.global_batch? / value),
            _ => self.derived_tokens_per_s_per_chip.filter(|v| *v > 0.0).and_then(|v| Some(tokens / (v * self.chips?))),
        }
    }
}
