//! Flags that say what to train on what; shared by `plan`, `step` and `fit`.

use super::units::{count, of_flag, whole};
use crate::failure::Failure;
use crate::io;
use clap::Args;
use secondsource::job::{self, Chips, Job, ModelSource};
use secondsource::nki::{self, KernelSource};
use secondsource::overrides::PARTS;
use secondsource::{Diagnostic, Twin};
use std::path::Path;

#[derive(Args, Debug)]
pub struct JobArgs {
    /// A job file (TOML) that says all of the below; flags override what it says
    ///
    /// Keys: model, tokens, on, chips, within-days, budget-usd, ordered, seq, global-batch, precision, lora-rank, era,
    /// top, a table [recipe] with parts of the recipe, a table [fix] with parts of a layout, and a table
    /// [campaign] for `campaign`. Paths in it are relative to the file. The folder examples/ has some.
    #[arg(value_name = "JOB.toml")]
    pub job: Option<String>,

    /// Built-in model, or path of a Hugging Face config.json
    ///
    /// `secondsource model --list` names the built-in ones; case and punctuation do not matter. A directory
    /// that holds a config.json will do.
    #[arg(short, long, value_name = "NAME|PATH.json", help_heading = "What to train")]
    pub model: Option<String>,
    /// Tokens to train on (15.6T, 300B, 1e12); gives days, cost and energy
    #[arg(short, long, value_name = "COUNT", help_heading = "What to train")]
    pub tokens: Option<String>,
    /// Tokens per sequence
    #[arg(long, value_name = "N", help_heading = "What to train")]
    pub seq: Option<String>,
    /// Sequences per optimizer step
    #[arg(long, value_name = "N", help_heading = "What to train")]
    pub global_batch: Option<String>,
    /// Number format of the linear layers: bf16, fp8, mxfp8, nvfp4, mxfp4, int8, tf32, fp32
    #[arg(long, value_name = "FORMAT", help_heading = "What to train")]
    pub precision: Option<String>,
    /// Train LoRA adapters of this rank instead of all weights
    #[arg(long, value_name = "RANK", help_heading = "What to train")]
    pub lora: Option<String>,
    /// Software stack to assume: 2023, 2025 or 2026
    #[arg(long, value_name = "YEAR", help_heading = "What to train")]
    pub era: Option<String>,

    /// Recompute these parts of a layer too: norms, activation, mlp, mla-up, half (every other operator); or none
    #[arg(long, value_name = "PART,...", help_heading = "What to train")]
    pub recompute_modules: Option<String>,
    /// Bytes of optimizer state per parameter, master copy included [usual: 12, Adam in fp32]
    #[arg(long, value_name = "BYTES", help_heading = "What to train")]
    pub optimizer_bytes: Option<String>,
    /// Bytes per gradient element [usual: 4, fp32]
    #[arg(long, value_name = "BYTES", help_heading = "What to train")]
    pub grad_bytes: Option<String>,
    /// Keep activations in host memory between forward and backward: on, off
    #[arg(long, value_name = "on|off", help_heading = "What to train")]
    pub offload_activations: Option<String>,

    /// Systems or chips, separated by commas; a bare chip means its usual node
    #[arg(long, value_name = "ID,...", value_delimiter = ',', help_heading = "On what")]
    pub on: Vec<String>,
    /// A catalog file of your own (a private price, a chip under NDA), laid over the built-in catalog;
    /// may be repeated
    #[arg(long, value_name = "FILE.toml", help_heading = "On what", display_order = 900)]
    pub catalog: Vec<String>,
    /// Corrections from runs of your own, as `secondsource calibrate --mine` writes them
    #[arg(long, value_name = "MINE.toml", help_heading = "On what", display_order = 901)]
    pub calibration: Option<String>,
    #[command(flatten)]
    pub kernels: KernelArgs,
}

/// Which kernels Trainium chips run.
#[derive(Args, Debug)]
pub struct KernelArgs {
    /// Operator rates of Trainium chips, as `secondsource profile` writes them, instead of those that the program
    /// carries; `none` leaves both out
    #[arg(long, value_name = "FILE.toml|none", help_heading = "On what", display_order = 902)]
    pub profile: Option<String>,
    /// A kernel of your own instead of the library's, as NAME=SOURCE@SHAPE; may be repeated
    ///
    /// NAME is one of `secondsource profile trn2`'s kernels (`attention` is attention-forward). SOURCE is a Python
    /// script that launches it (it is run on each Trainium chip of the job by `python3 -m secondsource.nki`; its
    /// last launch counts), the JSON report of such a run, or seconds of one run on one core (0.0012s). SHAPE
    /// says what one run computes: m, n, k of a product; seq, width of causal attention of one head; rows, width of
    /// the others; and times=N where a run computes N of them. The ratio to the library's time at that shape is
    /// taken for all shapes.
    #[arg(long = "kernel", value_name = "NAME=SOURCE@SHAPE", help_heading = "On what", display_order = 903)]
    pub own: Vec<String>,
}

impl KernelArgs {
    /// The twin with another profile or none. A profile of none of a job's chips would change nothing, and is refused.
    pub fn profiled(&self, twin: Twin, job: Option<&Job>) -> Result<Twin, Failure> {
        match self.profile.as_deref() {
            None => Ok(twin),
            Some("none") => Ok(twin.without_profiles()),
            Some(path) => {
                let chips = job.map(|j| twin.profiled_chips(j));
                let (twin, of) = twin.with_profile(path, &io::read_text(path, "profile of kernels", io::MAX_CONFIG)?)?;
                match chips {
                    Some(chips) if !chips.iter().any(|c| of.contains(c)) => {
                        let d = Diagnostic::error(format!("the profile is of {}, which no system of the job has", of.join(", ")));
                        let d = if chips.is_empty() { d } else { d.hint(format!("the job is on {}", chips.join(", "))) };
                        Err(d.in_file(path).into())
                    }
                    _ => Ok(twin),
                }
            }
        }
    }

    /// Puts the user's kernels in the place of the library's on the Trainium chips of the job.
    pub fn apply(&self, twin: &mut Twin, job: &Job, quiet: bool) -> Result<(), Failure> {
        if self.own.is_empty() {
            return Ok(());
        }
        let chips = twin.profiled_chips(job);
        if chips.is_empty() {
            let d = Diagnostic::error("--kernel: no system of the job has Trainium chips with a profile of kernels");
            let none = self.profile.as_deref() == Some("none");
            return Err(if none { d.hint("`--profile none` leaves the profiles out") } else { d }.into());
        }
        let mut seen = Vec::new();
        for typed in &self.own {
            let own = nki::parse_own_kernel(typed).map_err(|d| of_flag("--kernel", d))?;
            if seen.contains(&own.kernel) {
                return Err(Diagnostic::error(format!("--kernel: {} is given twice", own.kernel.name())).into());
            }
            seen.push(own.kernel);
            match &own.source {
                KernelSource::Seconds(s) => {
                    let [chip] = chips.as_slice() else {
                        return Err(Diagnostic::error("--kernel: seconds are of one chip, and the job names several Trainium chips").into());
                    };
                    twin.with_kernel(&own, chip, *s)?;
                }
                KernelSource::File(path) if path.ends_with(".py") => {
                    for chip in &chips {
                        let report = io::run_kernel(path, chip, quiet)?;
                        twin.with_kernel(&own, chip, nki::reported_seconds(path, &report)?.1)?;
                    }
                }
                KernelSource::File(path) => {
                    let text = io::read_text(path, "report of a kernel", io::MAX_CONFIG)?;
                    let (version, seconds) = nki::reported_seconds(path, &text)?;
                    if !chips.iter().any(|c| c == version.chip()) {
                        let d = Diagnostic::error(format!("the report is of {}, and the job is on {}", version.chip(), chips.join(", ")));
                        return Err(d.in_file(path).into());
                    }
                    twin.with_kernel(&own, version.chip(), seconds)?;
                }
            }
        }
        Ok(())
    }
}

/// The twin that ships, with a user's catalog files over its catalog.
pub fn twin_over(catalog: &[String]) -> Result<Twin, Failure> {
    let mut twin = Twin::embedded().map_err(Failure::Internal)?;
    for path in catalog {
        let text = io::read_text(path, "catalog file", io::MAX_CONFIG)?;
        twin = twin.with_overlay(path, &text)?;
    }
    Ok(twin)
}

/// The twin with the corrections of a user's own runs.
pub fn with_own_runs(twin: Twin, path: Option<&str>) -> Result<Twin, Failure> {
    let Some(path) = path else { return Ok(twin) };
    let text = io::read_text(path, "file of own runs", io::MAX_CONFIG)?;
    Ok(twin.with_own_runs(path, &text)?)
}

impl JobArgs {
    /// The catalog that ships, with the user's files and kernels over it.
    pub fn twin(&self, job: &Job, quiet: bool) -> Result<Twin, Failure> {
        let twin = twin_over(&self.catalog)?;
        let mut twin = self.kernels.profiled(with_own_runs(twin, self.calibration.as_deref())?, Some(job))?;
        self.kernels.apply(&mut twin, job, quiet)?;
        Ok(twin)
    }

    /// The job file with the flags over it, or the flags alone. `chips` is the flag of that name.
    pub fn job(&self, chips: Option<&str>) -> Result<Job, Failure> {
        let mut job = match (&self.job, &self.model) {
            (Some(path), _) => self.job_file(path)?,
            (None, Some(word)) => Job::new(read_model(word)?),
            (None, None) => {
                return Err(Diagnostic::error("no model was given").hint("--model NAME, --model PATH/config.json, or a job file").into());
            }
        };
        if !self.on.is_empty() {
            job.on = self.on.iter().map(|w| w.trim().to_owned()).collect();
        }
        if let Some(empty) = job.on.iter().position(String::is_empty) {
            return Err(Diagnostic::error(format!("--on: name {} of the list is empty", empty + 1))
                .hint("for example --on h100-sxm,trn2-ultraserver")
                .into());
        }
        if job.on.is_empty() {
            return Err(Diagnostic::error("no system was given")
                .hint("--on ID,... names systems to compare; `secondsource catalog list` lists them")
                .into());
        }
        if let Some(word) = chips {
            job.chips =
                if word.trim() == "auto" { Chips::Auto } else { Chips::Count(whole("--chips", word).map_err(|d| d.hint("or `auto`"))?) };
        }
        if let Some(word) = &self.tokens {
            job.tokens = Some(count("--tokens", word)?);
        }
        if let Some(word) = &self.seq {
            job.seq = Some(whole("--seq", word)?);
        }
        if let Some(word) = &self.global_batch {
            job.global_batch = Some(whole("--global-batch", word)?);
        }
        if let Some(word) = &self.precision {
            job.precision = Some(job::parse_precision(word).map_err(|d| of_flag("--precision", d))?);
        }
        if let Some(word) = &self.era {
            job.era = job::parse_era(word).map_err(|d| of_flag("--era", d))?;
        }
        if let Some(word) = &self.lora {
            let rank = whole("--lora", word)?;
            job.lora_rank = Some(u32::try_from(rank).map_err(|_| Diagnostic::error(format!("--lora: a rank of {rank} is too large")))?);
        }
        let recipe = [&self.recompute_modules, &self.optimizer_bytes, &self.grad_bytes, &self.offload_activations];
        for (key, value) in PARTS.iter().zip(recipe) {
            if let Some(value) = value {
                job.overrides.set(key, value).map_err(|d| of_flag(&format!("--{key}"), d))?;
            }
        }
        Ok(job)
    }

    /// The job file; a `--model` flag replaces its model without the file's own being read.
    fn job_file(&self, path: &str) -> Result<Job, Failure> {
        if !path.ends_with(".toml") && !Path::new(path).exists() {
            let d = Diagnostic::error(format!("`{path}` is not a job file"))
                .hint("job files end in .toml")
                .hint(format!("did you mean `--model {path}`?"));
            return Err(d.into());
        }
        let text = io::read_text(path, "job file", io::MAX_CONFIG)?;
        let folder = Path::new(path).parent();
        let replaced = self.model.is_some();
        let mut job = job::read_job(path, &text, &|p| {
            if replaced {
                return Ok(String::new());
            }
            let beside = folder.map_or_else(|| p.into(), |f| f.join(p));
            io::read_text(&beside.to_string_lossy(), "model configuration", io::MAX_CONFIG)
        })?;
        if let Some(word) = &self.model {
            job.model = read_model(word)?;
        }
        Ok(job)
    }
}

/// A built-in name, a `config.json`, or a directory that holds one.
pub fn read_model(word: &str) -> Result<ModelSource, Diagnostic> {
    let inside = Path::new(word).join("config.json");
    let word = if word.contains(['/', '\\']) && inside.is_file() { inside.to_string_lossy().into_owned() } else { word.to_owned() };
    job::model_source(&word, &|path| io::read_text(path, "model configuration", io::MAX_CONFIG))
}

/// Parts of a layout, each as typed.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Layout (a part not given is 1 or the usual; dp fills up)")]
pub struct LayoutArgs {
    /// Tensor parallelism: chips that share each matrix
    #[arg(long, value_name = "N")]
    tp: Option<String>,
    /// Context parallelism: chips that share a sequence
    #[arg(long, value_name = "N")]
    cp: Option<String>,
    /// Pipeline stages
    #[arg(long, value_name = "N")]
    pp: Option<String>,
    /// Virtual stages per device (interleaving)
    #[arg(long, value_name = "N")]
    vpp: Option<String>,
    /// Data parallelism: copies of the model
    #[arg(long, value_name = "N")]
    dp: Option<String>,
    /// Expert parallelism
    #[arg(long, value_name = "N")]
    ep: Option<String>,
    /// Tensor parallelism inside an expert
    #[arg(long, value_name = "N")]
    etp: Option<String>,
    /// What data parallelism shards: 0 nothing, 1 optimizer, 2 and gradients, 3 and weights (FSDP)
    #[arg(long, value_name = "0..3")]
    zero: Option<String>,
    /// Devices over which ZeRO shards, when fewer than all copies (hybrid sharding)
    #[arg(long, value_name = "N")]
    shard_group: Option<String>,
    /// Sequences per micro-batch
    #[arg(long, value_name = "N")]
    micro_batch: Option<String>,
    /// What the backward pass recomputes: none, selective, full
    #[arg(long, value_name = "WHAT")]
    recompute: Option<String>,
    /// Pipeline schedule: 1f1b, zero-bubble, dualpipe, gpipe
    #[arg(long, value_name = "NAME")]
    schedule: Option<String>,
    /// How context parallelism moves keys and values: ring, all-gather, ulysses
    #[arg(long, value_name = "HOW")]
    cp_mode: Option<String>,
    /// Sequence parallelism beside tensor parallelism: on, off
    #[arg(long, value_name = "on|off")]
    sequence_parallel: Option<String>,
}

impl LayoutArgs {
    /// Sets what was typed in `fix`.
    pub fn apply(&self, fix: &mut job::Fix) -> Result<(), Diagnostic> {
        let parts = [
            ("tp", &self.tp),
            ("cp", &self.cp),
            ("pp", &self.pp),
            ("vpp", &self.vpp),
            ("dp", &self.dp),
            ("ep", &self.ep),
            ("etp", &self.etp),
            ("zero", &self.zero),
            ("shard-group", &self.shard_group),
            ("micro-batch", &self.micro_batch),
            ("recompute", &self.recompute),
            ("schedule", &self.schedule),
            ("cp-mode", &self.cp_mode),
            ("sequence-parallel", &self.sequence_parallel),
        ];
        for (name, value) in parts {
            if let Some(value) = value {
                job::apply_fix(fix, &format!("{name}={value}")).map_err(|d| of_flag(&format!("--{name}"), d))?;
            }
        }
        Ok(())
    }
}

/// What `step` and `fit` share beyond the job: one system, a number of chips, a layout.
#[derive(Args, Debug)]
pub struct OneLayoutArgs {
    #[command(flatten)]
    pub job: JobArgs,
    /// Number of chips
    #[arg(short, long, value_name = "N", help_heading = "On what")]
    chips: Option<String>,
    #[command(flatten)]
    layout: LayoutArgs,
}

impl OneLayoutArgs {
    pub fn job(&self, command: &str) -> Result<Job, Failure> {
        let mut job = self.job.job(self.chips.as_deref())?;
        self.layout.apply(&mut job.fix)?;
        if let [_, second, ..] = job.on.as_slice() {
            let d = Diagnostic::error(format!("`{command}` takes one system, but `{second}` was given too"));
            return Err(d.hint("`secondsource plan` compares several").into());
        }
        if job.chips == Chips::Auto {
            let d = Diagnostic::error(format!("`{command}` needs the number of chips"));
            return Err(d.hint("--chips N; `secondsource plan --chips auto` finds the smallest count").into());
        }
        Ok(job)
    }
}
