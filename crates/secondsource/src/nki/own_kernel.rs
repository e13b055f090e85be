//! A kernel of the user's in the place of the library's: what was typed, and its time over the library's.

use super::kernel_time::library_seconds;
use secondsource_base::Diagnostic;
use secondsource_catalog::profile::{Kernel, KernelProfile};
use secondsource_neuroncore::{Calibration, Gen};
use serde::Deserialize;

/// Where the time of an own kernel comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum KernelSource {
    /// Seconds of one run, as given.
    Seconds(f64),
    /// A Python script to run, or the report of such a run (JSON).
    File(String),
}

/// `NAME=SOURCE@AXIS=N,...`: a kernel, where its time comes from, and the shape of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnKernel {
    pub kernel: Kernel,
    pub source: KernelSource,
    /// In the order of [`Kernel::axes`].
    pub shape: Vec<f64>,
    /// Rows of a streamed kernel.
    pub rows: f64,
    /// How many such operators one run computes (heads, layers).
    pub times: f64,
}

const FORM: &str = "for example attention=my_attn.py@seq=4096,width=128,times=8, or norm=0.00031s@rows=4096,width=8192";

/// Reads what was typed.
///
/// # Errors
/// An unknown kernel, a dimension that is missing, unknown or out of bounds.
pub fn parse_own_kernel(text: &str) -> Result<OwnKernel, Diagnostic> {
    let bad = |what: String| Diagnostic::error(what).hint(FORM);
    let (name, rest) = text.split_once('=').ok_or_else(|| bad(format!("`{text}` names no source")))?;
    let (source, shape) = rest.rsplit_once('@').ok_or_else(|| bad(format!("`{text}` does not say the shape of the run")))?;
    // `attention` is short for its forward pass, which is what inference kernels are.
    let name = if name.trim() == "attention" { "attention-forward" } else { name.trim() };
    let Some(kernel) = Kernel::ALL.into_iter().find(|k| k.name() == name) else {
        let d = Diagnostic::error(format!("there is no kernel `{name}` in the library")).suggest(name, Kernel::ALL.map(Kernel::name));
        return Err(d.hint(format!("one of {}", Kernel::ALL.map(Kernel::name).join(", "))));
    };
    let streamed = kernel.axes().len() == 1;
    let mut names: Vec<&str> = kernel.axes().to_vec();
    names.extend(if streamed { ["rows", "times"].as_slice() } else { &["times"] });
    let mut values: Vec<Option<f64>> = vec![None; names.len()];
    for part in shape.split(',') {
        let (key, value) = part.split_once('=').ok_or_else(|| bad(format!("`{part}` is no dimension")))?;
        let at = names.iter().position(|n| *n == key.trim()).ok_or_else(|| {
            let d = Diagnostic::error(format!("{} has no dimension `{}`", kernel.name(), key.trim()))
                .suggest(key.trim(), names.iter().copied());
            d.hint(format!("it has {}", names.join(", ")))
        })?;
        let n: f64 = value
            .trim()
            .parse()
            .ok()
            .filter(|n| (1.0..=1e7).contains(n))
            .ok_or_else(|| bad(format!("{} is `{}`; it must be a number from 1 to 10 million", key.trim(), value.trim())))?;
        if values[at].replace(n).is_some() {
            return Err(bad(format!("`{}` is given twice", key.trim())));
        }
    }
    let need = |i: usize| values[i].ok_or_else(|| bad(format!("{} needs {}", kernel.name(), names[i])));
    let axes = kernel.axes().len();
    let source = match source.strip_suffix('s').and_then(|n| n.trim().parse::<f64>().ok()) {
        Some(s) if (1e-9..=1e6).contains(&s) => KernelSource::Seconds(s),
        Some(s) => return Err(bad(format!("a kernel of {s} s"))),
        None if source.trim().trim_end_matches(char::is_alphabetic).parse::<f64>().is_ok() => {
            return Err(bad(format!("`{source}` is no time in seconds: they end in s, as 0.0009s")));
        }
        None => KernelSource::File(source.to_owned()),
    };
    Ok(OwnKernel {
        kernel,
        source,
        shape: (0..axes).map(need).collect::<Result<_, _>>()?,
        rows: if streamed { need(axes)? } else { 1.0 },
        times: values.last().copied().flatten().unwrap_or(1.0),
    })
}

impl OwnKernel {
    /// Time of one run over that of the library's kernel on one core.
    ///
    /// # Errors
    /// A core without such a unit, or a factor beyond 1,000 either way.
    pub fn factor(&self, profile: &KernelProfile, core_seconds: f64) -> Result<f64, Diagnostic> {
        let library = library_seconds(profile, self.kernel, &self.shape, self.rows)
            .ok_or_else(|| Diagnostic::error(format!("{} has no {}", profile.chips.join(", "), self.kernel.name())))?;
        let factor = core_seconds / (library * self.times);
        if factor.is_finite() && (1e-3..=1e3).contains(&factor) {
            return Ok(factor);
        }
        Err(Diagnostic::error(format!("one run takes {factor:.3e} times as long as the library's {}", self.kernel.name()))
            .hint("is the shape that of the run, and `times` the number of operators in it?"))
    }

    /// The shape in words.
    pub fn words(&self) -> String {
        let axes: Vec<String> = self.kernel.axes().iter().zip(&self.shape).map(|(a, x)| format!("{a} {x}")).collect();
        axes.join(", ")
    }
}

/// The part of a launch that is needed here, as `python -m secondsource.nki --json` writes it.
#[derive(Deserialize)]
struct Launch {
    target: String,
    cores: f64,
    time_us: f64,
}

#[derive(Deserialize)]
struct Report {
    launches: Vec<Launch>,
}

/// Chip and core-seconds of the last launch in a report, without the start and stop of a program.
///
/// # Errors
/// A text that is no such report, or one without a launch.
pub fn reported_seconds(file: &str, text: &str) -> Result<(Gen, f64), Diagnostic> {
    let bad = |what: String| {
        Diagnostic::error(what).in_file(file).hint("`python -m secondsource.nki SCRIPT.py --target trn2 --json FILE` writes one")
    };
    let report: Report = serde_json::from_str(text).map_err(|e| bad(format!("not a report of launches: {e}")))?;
    let last = report.launches.last().ok_or_else(|| bad("the script launched no kernel".into()))?;
    let version = Gen::parse(&last.target).ok_or_else(|| bad(format!("`{}` is no Trainium chip", last.target)))?;
    let launch = Calibration::embedded()?.fitted().launch * 1e-9;
    let seconds = (last.time_us * 1e-6 - launch) * last.cores;
    if seconds.is_finite() && seconds > 0.0 {
        return Ok((version, seconds));
    }
    Err(bad(format!("the last launch takes {} us, no longer than starting it does", last.time_us)))
}
