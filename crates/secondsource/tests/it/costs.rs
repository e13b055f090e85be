//! The job of `own`, mutilated: errors with a place, never a panic, never a figure that is not finite.

use crate::twin;
use secondsource::costs::{OwnJob, RentJob, read_own};
use secondsource_base::Stream;

const EXAMPLE: &str = include_str!("../../../../examples/own-gb200.toml");

/// Cuts, doubles, swaps and changes of characters and lines.
fn mutilated(stream: &mut Stream) -> String {
    let mut lines: Vec<String> = EXAMPLE.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect();
    for _ in 0..=stream.below(2) {
        let at = stream.below(lines.len() as u64) as usize;
        match stream.below(5) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => {
                let other = stream.below(lines.len() as u64) as usize;
                lines.swap(at, other);
            }
            3 => {
                let mut chars: Vec<char> = lines[at].chars().collect();
                if !chars.is_empty() {
                    let c = stream.below(chars.len() as u64) as usize;
                    chars[c] = ['0', '9', '-', 'e', '"', '[', ']', '=', 'é', '.'][stream.below(10) as usize];
                }
                lines[at] = chars.into_iter().collect();
            }
            _ => lines[at] = lines[at].replace(|c: char| c.is_ascii_digit(), ["", "99999", "1e308", "-1"][stream.below(4) as usize]),
        }
        if lines.is_empty() {
            break;
        }
    }
    lines.join("\n")
}

#[test]
fn no_job_file_breaks_own() {
    let twin = twin();
    let (mut read, mut refused) = (0, 0);
    for i in 0..600 {
        let text = mutilated(&mut Stream::numbered(1, "own job", i));
        match read_own("job.toml", &text) {
            Err(diags) => {
                refused += 1;
                assert!(diags.iter().all(|d| d.file.is_some() && !d.message.is_empty()), "{text}\n{diags:?}");
            }
            Ok(job) => {
                let Ok(answer) = twin.own(&OwnJob { scenarios: Some(4), ..job }) else { continue };
                read += 1;
                let figures = [answer.cost.usd_per_effective_hour, answer.bill.once_usd, answer.usd_per_effective_hour.p95];
                assert!(figures.iter().all(|v| v.is_finite()), "{text}\n{figures:?}");
                assert!(answer.against.iter().all(|a| a.npv_usd.is_finite() && a.npv_interval_usd.p5.is_finite()));
            }
        }
    }
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
}

/// Extreme jobs of `rent` have a finite bill or are refused.
#[test]
fn no_job_breaks_rent() {
    let twin = twin();
    for chips in [0, 1, 7, 1_000_000_000, u64::MAX] {
        for hours in [f64::NAN, -1.0, 0.0, 1e-9, 24.0, 876_000.0, 1e300] {
            let job =
                RentJob { on: vec!["h100-sxm".into(), "trn2".into()], chips, hours, scenarios: Some(3), seed: 1, ..RentJob::default() };
            let Ok(answer) = twin.rent(&job) else { continue };
            assert!(chips > 0 && hours > 0.0);
            for o in answer.systems.iter().flat_map(|s| &s.offers) {
                assert!(o.bill_usd.is_finite() && o.bill_interval_usd.p95.is_finite() && o.usd_per_used_chip_hour.is_finite(), "{o:?}");
            }
        }
    }
}
