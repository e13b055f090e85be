//! What the kernels of a chip reach: rates over shapes, written by `secondsource profile` (`calibration/profile-*.toml`).

use secondsource_base::{Diagnostic, SourceText};
use serde::Deserialize;
use toml::Spanned;

/// A kernel of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kernel {
    MatmulBf16,
    MatmulFp8,
    MatmulMxFp8,
    AttentionForward,
    AttentionBackward,
    Norm,
    Rotary,
    SwiGlu,
    Softmax,
    CrossEntropy,
    AdamW,
    Dispatch,
}

impl Kernel {
    pub const ALL: [Kernel; 12] = [
        Kernel::MatmulBf16,
        Kernel::MatmulFp8,
        Kernel::MatmulMxFp8,
        Kernel::AttentionForward,
        Kernel::AttentionBackward,
        Kernel::Norm,
        Kernel::Rotary,
        Kernel::SwiGlu,
        Kernel::Softmax,
        Kernel::CrossEntropy,
        Kernel::AdamW,
        Kernel::Dispatch,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Kernel::MatmulBf16 => "matmul-bf16",
            Kernel::MatmulFp8 => "matmul-fp8",
            Kernel::MatmulMxFp8 => "matmul-mxfp8",
            Kernel::AttentionForward => "attention-forward",
            Kernel::AttentionBackward => "attention-backward",
            Kernel::Norm => "norm",
            Kernel::Rotary => "rotary",
            Kernel::SwiGlu => "swiglu",
            Kernel::Softmax => "softmax",
            Kernel::CrossEntropy => "cross-entropy",
            Kernel::AdamW => "adamw",
            Kernel::Dispatch => "dispatch",
        }
    }

    /// Names of the shape's dimensions.
    pub const fn axes(self) -> &'static [&'static str] {
        match self {
            Kernel::MatmulBf16 | Kernel::MatmulFp8 | Kernel::MatmulMxFp8 => &["m", "n", "k"],
            Kernel::AttentionForward | Kernel::AttentionBackward => &["seq", "width"],
            _ => &["width"],
        }
    }

    /// Whether every core has it: products in narrow formats need units that Trainium1 lacks.
    pub const fn always(self) -> bool {
        !matches!(self, Kernel::MatmulFp8 | Kernel::MatmulMxFp8)
    }

    /// What a rate counts: FLOP (multiply-adds times two, masked ones not counted) or bytes that must cross HBM once.
    pub const fn unit(self) -> &'static str {
        if self.axes().len() > 1 { "FLOP/s" } else { "B/s" }
    }
}

/// Rate of one core over a grid of shapes.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    pub kernel: Kernel,
    /// Rising values of each axis.
    pub grid: Vec<Vec<f64>>,
    /// Per second on one core; the last axis runs fastest.
    pub rate: Vec<f64>,
    /// ln of `rate`.
    log: Vec<f64>,
}

/// Rates that a core may have, per second.
const RATES: std::ops::RangeInclusive<f64> = 1.0..=1e18;

/// Points of one curve that a file may have.
const MAX_POINTS: usize = 4096;

impl Curve {
    /// # Errors
    /// A grid that does not rise, or rates that are not positive or not one a point, in words.
    pub fn new(kernel: Kernel, grid: Vec<Vec<f64>>, rate: Vec<f64>) -> Result<Curve, String> {
        if grid.len() != kernel.axes().len() {
            return Err(format!("`grid` has {} lists; {} has {} axes", grid.len(), kernel.name(), kernel.axes().len()));
        }
        let rising = |g: &Vec<f64>| !g.is_empty() && g.iter().all(|x| (1.0..=1e9).contains(x)) && g.windows(2).all(|w| w[0] < w[1]);
        if !grid.iter().all(rising) {
            return Err("each list of `grid` must rise, from 1 to 1e9".to_owned());
        }
        let points = grid.iter().fold(1usize, |n, g| n.saturating_mul(g.len()));
        if points > MAX_POINTS || rate.len() != points {
            return Err(format!("`rate` has {} numbers; the grid has {points} points, and {MAX_POINTS} are the most", rate.len()));
        }
        if !rate.iter().all(|r| RATES.contains(r)) {
            return Err("rates must lie between 1 and 1e18".to_owned());
        }
        let log = rate.iter().map(|r| r.ln()).collect();
        Ok(Curve { kernel, grid, rate, log })
    }

    /// Rate at a shape: linear in the logarithms between grid points, held beyond them. `shape` has one number an axis.
    pub fn at(&self, shape: &[f64]) -> f64 {
        // Corners of the cell: at most 2^3, with their weights.
        let mut corners = [(0usize, 1.0f64); 8];
        let mut count = 1;
        for (axis, x) in self.grid.iter().zip(shape) {
            let high = axis.iter().position(|g| g >= x).unwrap_or(axis.len() - 1);
            let low = high.saturating_sub(1);
            let (a, b) = (axis[low], axis[high]);
            let share = if high == low { 0.0 } else { ((x.max(a) / a).ln() / (b / a).ln()).clamp(0.0, 1.0) };
            for i in 0..count {
                let (at, weight) = corners[i];
                corners[i] = (at * axis.len() + low, weight * (1.0 - share));
                corners[count + i] = (at * axis.len() + high, weight * share);
            }
            count *= 2;
        }
        corners[..count].iter().map(|(i, w)| if *w > 0.0 { w * self.log[*i] } else { 0.0 }).sum::<f64>().exp()
    }
}

/// Rates of a chip's kernels on one core.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelProfile {
    /// Catalog ids of the chips that have this core.
    pub chips: Vec<String>,
    curves: Vec<Option<Curve>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    chips: Spanned<Vec<Spanned<String>>>,
    kernel: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    axes: Spanned<Vec<String>>,
    unit: Spanned<String>,
    grid: Spanned<Vec<Vec<f64>>>,
    rate: Vec<Spanned<f64>>,
}

/// Chips of the profiles that ship: those that run these kernels.
pub const CHIPS: [&str; 4] = ["trn1", "inf2", "trn2", "trn3"];

const FILES: [(&str, &str); 3] = [
    ("calibration/profile-trn1.toml", include_str!("../../../calibration/profile-trn1.toml")),
    ("calibration/profile-trn2.toml", include_str!("../../../calibration/profile-trn2.toml")),
    ("calibration/profile-trn3.toml", include_str!("../../../calibration/profile-trn3.toml")),
];

impl KernelProfile {
    pub fn new(chips: Vec<String>, list: Vec<Curve>) -> KernelProfile {
        let mut curves = vec![None; Kernel::ALL.len()];
        for c in list {
            let slot = c.kernel as usize;
            curves[slot] = Some(c);
        }
        KernelProfile { chips, curves }
    }

    pub fn curve(&self, kernel: Kernel) -> Option<&Curve> {
        self.curves.get(kernel as usize)?.as_ref()
    }

    pub fn curves(&self) -> impl Iterator<Item = &Curve> {
        self.curves.iter().flatten()
    }

    /// The profiles that ship. A file that cannot be read is left out; a test keeps them sound.
    pub fn embedded() -> Vec<KernelProfile> {
        FILES.iter().filter_map(|(name, text)| KernelProfile::read(name, text).ok()).collect()
    }

    /// # Errors
    /// A file that is no TOML, is for no chip or for one that has no such kernels, names an unknown kernel or one twice, lacks one
    /// that every core has, or has a grid that does not fit its rates.
    pub fn read(name: &str, text: &str) -> Result<KernelProfile, Diagnostic> {
        let source = SourceText { name, text };
        let file: File = toml::from_str(text).map_err(|e| {
            let d = Diagnostic::error(e.message().to_owned());
            match e.span() {
                Some(s) => d.at_offset(source, s.start),
                None => d.in_file(name),
            }
        })?;
        let told = |what: String, at: usize| Diagnostic::error(what).at_offset(source, at);
        if file.chips.get_ref().is_empty() {
            return Err(told("a profile of no chip".to_owned(), file.chips.span().start).hint(format!("one of {}", CHIPS.join(", "))));
        }
        for chip in file.chips.get_ref() {
            if !CHIPS.contains(&chip.get_ref().as_str()) {
                let d = told(format!("`{}` is no chip that runs these kernels", chip.get_ref()), chip.span().start);
                return Err(d.suggest(chip.get_ref(), CHIPS).hint(format!("one of {}", CHIPS.join(", "))));
            }
        }
        let mut curves: Vec<Curve> = Vec::with_capacity(file.kernel.len());
        for e in file.kernel {
            let (word, at) = (e.name.get_ref().as_str(), e.name.span().start);
            let Some(kernel) = Kernel::ALL.into_iter().find(|k| k.name() == word) else {
                return Err(told(format!("there is no kernel `{word}`"), at).suggest(word, Kernel::ALL.map(Kernel::name)));
            };
            if curves.iter().any(|c| c.kernel == kernel) {
                return Err(told(format!("`{word}` stands twice"), at));
            }
            if e.axes.get_ref() != kernel.axes() {
                let d = told(format!("the axes of `{word}` are not {}", e.axes.get_ref().join(", ")), e.axes.span().start);
                return Err(d.hint(format!("axes = {:?}", kernel.axes())));
            }
            if e.unit.get_ref() != kernel.unit() {
                let d = told(format!("`{word}` does not count {}", e.unit.get_ref()), e.unit.span().start);
                return Err(d.hint(format!("unit = \"{}\"", kernel.unit())));
            }
            if let Some(r) = e.rate.iter().find(|r| !RATES.contains(r.get_ref())) {
                let d = told(format!("a rate of {}; it must lie between 1 and 1e18", r.get_ref()), r.span().start);
                return Err(d);
            }
            let at = e.grid.span().start;
            let rate = e.rate.into_iter().map(Spanned::into_inner).collect();
            curves.push(Curve::new(kernel, e.grid.into_inner(), rate).map_err(|w| told(format!("{word}: {w}"), at))?);
        }
        if let Some(k) = Kernel::ALL.into_iter().find(|k| k.always() && !curves.iter().any(|c| c.kernel == *k)) {
            let d = Diagnostic::error(format!("the profile has no `{}`", k.name())).in_file(name);
            return Err(d.hint("`secondsource profile CHIP --write FILE.toml` writes a whole one"));
        }
        let chips = file.chips.into_inner().into_iter().map(Spanned::into_inner).collect();
        Ok(KernelProfile::new(chips, curves))
    }
}
