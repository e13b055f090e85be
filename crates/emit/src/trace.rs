//! Traces in the JSON trace event format ("Trace Event Format", Google 2016), which ui.perfetto.dev and chrome://tracing open.
//!
//! Only complete (`X`) and metadata (`M`) events are written, one a line, as they come: memory does not grow with the
//! number of spans. The same calls write the same bytes.

use std::io::{self, Write};

use secondsource_step::schedule::{Plan, Timeline, timeline_spans};

/// Where a span is drawn: a process row (a device) and a thread row in it (a stream).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Track {
    pub device: u32,
    pub stream: u32,
}

/// Value of a span's argument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arg<'a> {
    Text(&'a str),
    Int(i64),
    /// Not a number and infinities become `null`, which JSON can hold.
    Num(f64),
}

/// One bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceSpan<'a> {
    pub track: Track,
    pub name: &'a str,
    pub category: &'a str,
    pub start_s: f64,
    pub dur_s: f64,
    pub args: &'a [(&'a str, Arg<'a>)],
}

/// Writes one trace. Spans of one track come by rising start, else [`TraceWriter::span`] fails; tracks may alternate.
pub struct TraceWriter<W: Write> {
    out: W,
    empty: bool,
    /// Tracks in rising order, with the start (ns) of each one's last span.
    tracks: Vec<(Track, u64)>,
}

impl<W: Write> TraceWriter<W> {
    /// Opens the JSON object. Give a buffered writer: every event is several small writes.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(b"{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
        Ok(TraceWriter { out, empty: true, tracks: Vec::new() })
    }

    /// Names a device; devices are drawn by rising number.
    pub fn device(&mut self, device: u32, name: &str) -> io::Result<()> {
        self.metadata("process_name", device, None, "name", name)?;
        self.begin_metadata("process_sort_index", device, None)?;
        write!(self.out, "\"sort_index\":{device}}}}}")
    }

    /// Names a stream of a device.
    pub fn stream(&mut self, track: Track, name: &str) -> io::Result<()> {
        self.metadata("thread_name", track.device, Some(track.stream), "name", name)?;
        self.begin_metadata("thread_sort_index", track.device, Some(track.stream))?;
        write!(self.out, "\"sort_index\":{}}}}}", track.stream)
    }

    /// Writes one bar; times are rounded to whole nanoseconds, ends too, so that bars which touch still touch.
    pub fn span(&mut self, span: &TraceSpan<'_>) -> io::Result<()> {
        let (start, end) = (nanoseconds(span.start_s)?, nanoseconds(span.start_s + span.dur_s)?);
        if span.dur_s.is_nan() || end < start {
            return Err(invalid(format!("span `{}` lasts {} s", span.name, span.dur_s)));
        }
        match self.tracks.binary_search_by_key(&span.track, |(t, _)| *t) {
            Ok(at) if self.tracks[at].1 > start => {
                return Err(invalid(format!("span `{}` starts before the one before it on its track", span.name)));
            }
            Ok(at) => self.tracks[at].1 = start,
            Err(at) => self.tracks.insert(at, (span.track, start)),
        }
        self.separate()?;
        self.out.write_all(b"{\"ph\":\"X\",\"name\":")?;
        self.text(span.name)?;
        self.out.write_all(b",\"cat\":")?;
        self.text(span.category)?;
        let (pid, tid) = (span.track.device, span.track.stream);
        write!(self.out, ",\"pid\":{pid},\"tid\":{tid},\"ts\":{},\"dur\":{}", Micro(start), Micro(end - start))?;
        if !span.args.is_empty() {
            self.out.write_all(b",\"args\":{")?;
            for (i, (key, value)) in span.args.iter().enumerate() {
                if i > 0 {
                    self.out.write_all(b",")?;
                }
                self.text(key)?;
                self.out.write_all(b":")?;
                match value {
                    Arg::Text(t) => self.text(t)?,
                    Arg::Int(n) => write!(self.out, "{n}")?,
                    Arg::Num(x) => serde_json::to_writer(&mut self.out, x)?,
                }
            }
            self.out.write_all(b"}")?;
        }
        self.out.write_all(b"}")
    }

    /// Closes the JSON object and gives the writer back, flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(b"\n]}\n")?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn metadata(&mut self, what: &str, pid: u32, tid: Option<u32>, key: &str, value: &str) -> io::Result<()> {
        self.begin_metadata(what, pid, tid)?;
        write!(self.out, "\"{key}\":")?;
        self.text(value)?;
        self.out.write_all(b"}}")
    }

    fn begin_metadata(&mut self, what: &str, pid: u32, tid: Option<u32>) -> io::Result<()> {
        self.separate()?;
        write!(self.out, "{{\"ph\":\"M\",\"name\":\"{what}\",\"pid\":{pid},")?;
        if let Some(tid) = tid {
            write!(self.out, "\"tid\":{tid},")?;
        }
        self.out.write_all(b"\"args\":{")
    }

    fn separate(&mut self) -> io::Result<()> {
        let between: &[u8] = if self.empty { b"\n" } else { b",\n" };
        self.empty = false;
        self.out.write_all(between)
    }

    fn text(&mut self, s: &str) -> io::Result<()> {
        Ok(serde_json::to_writer(&mut self.out, s)?)
    }
}

/// Whole nanoseconds, shown as microseconds with three decimals.
///
/// The viewer reads a double, multiplies it by 1000 and cuts off the rest: 1.001 becomes 1000 ns, and two bars that touch
/// overlap by a nanosecond, for which it drops the second. Where that would happen a fourth decimal keeps the nanosecond.
struct Micro(u64);

impl std::fmt::Display for Micro {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = ((self.0 as f64 / 1000.0) * 1000.0) as u64 != self.0;
        write!(f, "{}.{:03}{}", self.0 / 1000, self.0 % 1000, if short { "1" } else { "" })
    }
}

fn nanoseconds(s: f64) -> io::Result<u64> {
    let ns = (s * 1e9).round();
    // Above 2^53 ns (104 days) neighbours are no longer told apart.
    if ns.is_finite() && (0.0..9_007_199_254_740_992.0).contains(&ns) {
        return Ok(ns as u64);
    }
    Err(invalid(format!("time {s} s cannot stand in a trace")))
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Writes the timeline of a pipeline schedule: a process a pipeline device; the backward halves of overlapped pairs on a
/// second stream.
pub fn write_pipeline<W: Write>(out: W, plan: &Plan, line: &Timeline) -> io::Result<W> {
    let mut trace = TraceWriter::new(out)?;
    for device in 0..plan.pp() {
        trace.device(device, &format!("pipeline rank {device}"))?;
        trace.stream(Track { device, stream: 0 }, "compute")?;
        if plan.device(device as usize).iter().any(|i| i.paired) {
            trace.stream(Track { device, stream: 1 }, "compute, overlapped")?;
        }
    }
    for span in timeline_spans(plan, line) {
        let kind = span.item.kind.name();
        trace.span(&TraceSpan {
            track: Track { device: span.device, stream: span.lane },
            name: &format!("{kind} {}", span.item.micro_batch),
            category: kind,
            start_s: span.start_s,
            dur_s: span.dur_s,
            args: &[
                ("micro_batch", Arg::Int(i64::from(span.item.micro_batch))),
                ("chunk", Arg::Int(i64::from(span.item.chunk))),
                ("stage", Arg::Int(i64::from(span.stage))),
            ],
        })?;
    }
    trace.finish()
}
