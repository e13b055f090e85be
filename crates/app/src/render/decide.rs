//! The page of `decide`: the choice in words first.

use super::Page;
use secondsource::decide::DecideAnswer;

pub fn page(answer: &DecideAnswer, _page: &Page) -> String {
    format!("{answer:#?}")
}
