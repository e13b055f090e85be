//! Who stands behind a supplier of record: the one that books wafers is not always the one that gets the chips.

use secondsource_base::random::Stream;

use crate::seller::Range;

/// A supplier of record: its share of a line, and the part of it that is made for each end customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub name: String,
    /// Share of the line in 0..=1.
    pub share: Range,
    /// (customer, part of the record's share), parts between 0 and 1. What they leave is nobody's in the list.
    pub to: Vec<(usize, Range)>,
}

/// Shares of a line by end customer in one scenario. Each record draws its share and its parts; where the shares of all records
/// pass 1 together they are scaled down to it, and so are the parts of a record.
pub fn shares(records: &[Record], customers: usize, stream: &mut Stream) -> Vec<f64> {
    let drawn: Vec<f64> = records.iter().map(|r| r.share.at(stream.normal()).clamp(0.0, 1.0)).collect();
    let all: f64 = drawn.iter().sum();
    let scale = if all > 1.0 { 1.0 / all } else { 1.0 };
    let mut out = vec![0.0; customers];
    for (record, share) in records.iter().zip(drawn) {
        let parts: Vec<f64> = record.to.iter().map(|(_, r)| r.at(stream.normal()).clamp(0.0, 1.0)).collect();
        let sum: f64 = parts.iter().sum::<f64>().max(1.0);
        for ((customer, _), part) in record.to.iter().zip(parts) {
            if let Some(o) = out.get_mut(*customer) {
                *o += share * scale * part / sum;
            }
        }
    }
    out
}

/// The same at the middle of all ranges.
pub fn middle_shares(records: &[Record], customers: usize) -> Vec<f64> {
    let all: f64 = records.iter().map(|r| r.share.middle).sum::<f64>().max(1.0);
    let mut out = vec![0.0; customers];
    for r in records {
        let sum: f64 = r.to.iter().map(|(_, p)| p.middle).sum::<f64>().max(1.0);
        for (customer, part) in &r.to {
            if let Some(o) = out.get_mut(*customer) {
                *o += r.share.middle / all * part.middle / sum;
            }
        }
    }
    out
}
