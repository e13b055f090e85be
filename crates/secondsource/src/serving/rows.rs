//! The table of published serving measurements, and what the model of serving says of each row.

use crate::runs::Grade;
use secondsource_base::{Diagnostic, Dtype, nearest};
use secondsource_catalog::Catalog;
use secondsource_catalog::calibration::Params;
use secondsource_catalog::hardware::Hardware;
use secondsource_fabric::Library;
use secondsource_step::seat;
use secondsource_step::serve::{Formats, Limits, Load, Replica, ServeParams, Server, Split};
use secondsource_workload::builtin;
use secondsource_workload::model::Model;
use secondsource_workload::recipe::AttentionKernel;

/// The table that ships (`validation/serving_published.csv`).
pub const EMBEDDED: &str = include_str!("../../../../validation/serving_published.csv");

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Output tokens a second and chip.
    TokensPerSecondChip,
    /// Seconds from request to first token.
    FirstToken,
    /// Seconds between two tokens of a request.
    InterToken,
    /// Seconds of a whole batch.
    Batch,
}

impl Metric {
    const NAMES: [(&'static str, Metric); 4] = [
        ("tokens-per-s-chip", Metric::TokensPerSecondChip),
        ("first-token-s", Metric::FirstToken),
        ("inter-token-s", Metric::InterToken),
        ("batch-s", Metric::Batch),
    ];

    /// What an interval is kept for: rates, time between tokens, time to the first.
    pub const fn group(self) -> &'static str {
        match self {
            Metric::TokensPerSecondChip => "tokens/s",
            Metric::FirstToken => "first token",
            Metric::InterToken | Metric::Batch => "between tokens",
        }
    }
}

/// How requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One batch, all prompts first, nobody joins or leaves.
    Batch,
    /// A stream that keeps the replica at a number of requests.
    Steady,
    /// A queue of equal requests, emptied as fast as possible.
    Queue,
}

/// A row that the model of serving can be asked about.
#[derive(Debug, Clone)]
pub struct ServeCase {
    pub id: String,
    pub source: String,
    pub grade: Grade,
    pub system: String,
    pub chip: String,
    pub model: Model,
    pub replica: Replica,
    pub formats: Formats,
    pub mode: Mode,
    pub batch: Option<f64>,
    pub requests: Option<f64>,
    pub load: Load,
    pub metric: Metric,
    pub value: f64,
    pub inferred: String,
    attention: AttentionKernel,
    hw: Hardware,
    library: Library,
}

/// A row that cannot be predicted, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct ServeSkipped {
    pub id: String,
    pub source: String,
    pub why: String,
}

const COLUMNS: [&str; 23] = [
    "id", "source", "grade", "model", "system", "tp", "pp", "split", "weights", "math", "cache", "mode", "batch", "requests", "prompt",
    "output", "metric", "value", "software", "date", "url", "inferred", "note",
];
const MAX_ROWS: usize = 100_000;

/// Limits of a serving engine that nobody states otherwise: vLLM's default share of memory, chunks of 8,192 prompt tokens
/// and TensorRT-LLM's default of 2,048 requests (docs/tokens.md).
pub const LIMITS: Limits = Limits { memory_share: 0.9, chunk: 8192.0, slots: 2048.0 };

/// Reads the table. A bad cell is an error with its line; a row that cannot be predicted says why.
pub fn read(catalog: &Catalog, file: &str, text: &str) -> Result<(Vec<ServeCase>, Vec<ServeSkipped>), Vec<Diagnostic>> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
    let header = match reader.headers() {
        Ok(h) => h.clone(),
        Err(e) => return Err(vec![Diagnostic::error(format!("not a CSV table: {e}")).at_line(file, 1)]),
    };
    let mut errors = Vec::new();
    for name in COLUMNS.iter().take(18) {
        if !header.iter().any(|h| h == *name) {
            let near = nearest(name, header.iter()).map(|n| format!("is `{n}` meant to be `{name}`?"));
            let d = Diagnostic::error(format!("column `{name}` is missing")).at_line(file, 1);
            errors.push(near.into_iter().fold(d, Diagnostic::hint));
        }
    }
    for name in header.iter().filter(|h| !COLUMNS.contains(h)) {
        errors.push(Diagnostic::error(format!("column `{name}` is not known")).at_line(file, 1).suggest(name, COLUMNS));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let (mut cases, mut skipped): (Vec<ServeCase>, Vec<ServeSkipped>) = (Vec::new(), Vec::new());
    let mut seen = std::collections::BTreeSet::new();
    for (n, record) in reader.records().enumerate() {
        let record = match record {
            Ok(r) => r,
            Err(e) => {
                errors.push(Diagnostic::error(format!("cannot read the row: {e}")).at_line(file, n + 2));
                break;
            }
        };
        let line = record.position().map_or(n + 2, |p| p.line() as usize);
        if n >= MAX_ROWS {
            errors.push(Diagnostic::error(format!("more than {MAX_ROWS} rows")).at_line(file, line));
            break;
        }
        let cells = Cells { file, line, header: &header, record: &record };
        match cells.case(catalog) {
            Ok(Ok(c)) if seen.insert(c.id.clone()) => cases.push(c),
            Ok(Ok(c)) => errors.push(Diagnostic::error(format!("id `{}` stands twice", c.id)).at_line(file, line)),
            Ok(Err(s)) => skipped.push(s),
            Err(e) => errors.push(e),
        }
        if errors.len() >= 20 {
            break;
        }
    }
    if errors.is_empty() { Ok((cases, skipped)) } else { Err(errors) }
}

struct Cells<'a> {
    file: &'a str,
    line: usize,
    header: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
}

impl Cells<'_> {
    fn text(&self, name: &str) -> &str {
        self.header.iter().position(|h| h == name).and_then(|i| self.record.get(i)).unwrap_or("").trim()
    }

    fn bad(&self, name: &str, want: &str) -> Diagnostic {
        let shown: String = self.text(name).chars().take(60).collect();
        Diagnostic::error(format!("`{name}` is `{shown}`, but must be {want}")).at_line(self.file, self.line)
    }

    /// A number in a range; blank is `None`.
    fn number(&self, name: &str, low: f64, high: f64) -> Result<Option<f64>, Diagnostic> {
        let t = self.text(name);
        if t.is_empty() {
            return Ok(None);
        }
        match t.parse::<f64>() {
            Ok(v) if (low..=high).contains(&v) => Ok(Some(v)),
            _ => Err(self.bad(name, &format!("a number from {low} to {high}"))),
        }
    }

    fn need(&self, name: &str, low: f64, high: f64) -> Result<f64, Diagnostic> {
        self.number(name, low, high)?.ok_or_else(|| self.bad(name, "given"))
    }

    fn choice<T: Copy>(&self, name: &str, table: &[(&str, T)]) -> Result<T, Diagnostic> {
        let t = self.text(name);
        table.iter().find(|(k, _)| *k == t).map(|(_, v)| *v).ok_or_else(|| {
            let names: Vec<&str> = table.iter().map(|(k, _)| *k).collect();
            self.bad(name, &format!("one of {}", names.join(", "))).suggest(t, names)
        })
    }

    fn dtype(&self, name: &str) -> Result<Dtype, Diagnostic> {
        Dtype::parse(self.text(name)).ok_or_else(|| self.bad(name, "a number format").suggest(self.text(name), Dtype::ALL.map(Dtype::name)))
    }

    fn case(&self, catalog: &Catalog) -> Result<Result<ServeCase, ServeSkipped>, Diagnostic> {
        let (id, source) = (self.text("id").to_owned(), self.text("source").to_owned());
        if id.is_empty() || source.is_empty() {
            return Err(self.bad(if id.is_empty() { "id" } else { "source" }, "a name"));
        }
        let tp = self.need("tp", 1.0, 4096.0)?;
        let pp = self.need("pp", 1.0, 1024.0)?;
        let replica = Replica {
            tp: tp as u32,
            pp: pp as u32,
            split: self.choice("split", &[("heads", Split::Heads), ("requests", Split::Requests)])?,
        };
        let (weights, math, cache) = (self.dtype("weights")?, self.dtype("math")?, self.dtype("cache")?);
        let mode = self.choice("mode", &[("batch", Mode::Batch), ("steady", Mode::Steady), ("queue", Mode::Queue)])?;
        let batch = self.number("batch", 1.0, 1e6)?;
        let requests = self.number("requests", 1.0, 1e9)?;
        let load = Load { prompt: self.need("prompt", 1.0, 1e7)?, output: self.need("output", 1.0, 1e7)? };
        let metric = self.choice("metric", &Metric::NAMES)?;
        let value = self.need("value", 1e-9, 1e12)?;
        let grade = self.choice("grade", &[("A", Grade::A), ("B", Grade::B), ("C", Grade::C)])?;
        if mode == Mode::Queue && requests.is_none() {
            return Err(self.bad("requests", "given for a queue"));
        }
        if mode == Mode::Batch && batch.is_none() {
            return Err(self.bad("batch", "given for a batch"));
        }
        let skip = |why: String| Ok(Err(ServeSkipped { id: id.clone(), source: source.clone(), why }));
        let (name, system) = (self.text("model"), self.text("system"));
        let model = match builtin(name) {
            Ok(m) => m,
            Err(d) => return skip(d.message),
        };
        let hw = match catalog.hardware(system) {
            Ok(h) => h,
            Err(d) => return skip(d.message),
        };
        let library = crate::setup::library(catalog, &hw);
        let case = ServeCase {
            system: system.to_owned(),
            chip: hw.chip.id.clone(),
            grade,
            model,
            replica,
            formats: Formats { weights, math, cache_bytes: cache.bytes() },
            mode,
            batch,
            requests,
            load,
            metric,
            value,
            inferred: self.text("inferred").to_owned(),
            attention: if hw.chip.family == "neuron" && self.text("date") < "2024-07" {
                AttentionKernel::Unfused
            } else {
                AttentionKernel::Vendor
            },
            hw: seat(&hw, u64::from(replica.chips())),
            library,
            id: id.clone(),
            source: source.clone(),
        };
        Ok(Ok(case))
    }
}

impl ServeCase {
    /// What the model says of the row, in the row's own unit; why not, where it cannot.
    pub fn predict(&self, params: &Params, energy: &[(String, f64)], serve: &ServeParams) -> Result<f64, String> {
        let limits = Limits { slots: self.batch.unwrap_or(LIMITS.slots), ..LIMITS };
        let server =
            Server::new(&self.model, &self.hw, self.library, self.replica, self.formats, limits, self.attention, params, energy, serve)
                .map_err(|e| e.to_string())?;
        let load = self.load;
        let chips = f64::from(self.replica.chips());
        let batch = match (self.mode, self.batch) {
            // A static batch was run, so it fitted; the account of memory has no say.
            (Mode::Batch, Some(b)) => b,
            _ => server.capacity(load.prompt + load.output).map_err(|e| e.to_string())?,
        };
        Ok(match (self.mode, self.metric) {
            (Mode::Batch, Metric::FirstToken) => server.first_token_seconds(batch, load.prompt),
            (Mode::Batch, Metric::InterToken) => server.token_seconds(batch, load.prompt + load.output / 2.0),
            (Mode::Batch, Metric::Batch) => server.batch_seconds(batch, load),
            (Mode::Batch, Metric::TokensPerSecondChip) => batch * load.output / server.batch_seconds(batch, load) / chips,
            (_, Metric::FirstToken) => server.steady(batch, load).first_token_s,
            (_, Metric::InterToken) => server.steady(batch, load).inter_token_s,
            (_, Metric::Batch) => server.steady(batch, load).inter_token_s * load.output,
            (Mode::Steady, Metric::TokensPerSecondChip) => server.steady(batch, load).tokens_per_s_per_chip,
            (Mode::Queue, Metric::TokensPerSecondChip) => server.queue_rate(self.requests.unwrap_or(batch), batch, load),
        })
    }
}
