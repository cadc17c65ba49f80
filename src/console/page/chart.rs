//! Charts: one column a value, newest at the right. Of latencies with a sign below each run that failed.

use crate::console::format;
use crate::console::table::{dim, part};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::health::observation::Outcome;
use crate::health::view::Point;

use super::Line;

/// Columns to the left of the chart.
const SCALE: usize = 9;

/// The chart in so many columns and lines, its line of signs included.
pub fn draw(points: &[Point], width: usize, height: usize, glyphs: &Glyphs) -> Vec<Line> {
    let room = width.saturating_sub(SCALE + 1);
    let shown = points.get(points.len().saturating_sub(room)..).unwrap_or_default();
    let latencies: Vec<Option<f64>> = shown.iter().map(|point| point.latency).collect();
    let mut lines = columns(&latencies, format::latency, width, height.saturating_sub(1), glyphs);
    lines.push(signs(shown, glyphs));
    lines
}

/// The columns alone, in so many lines, with the greatest value and 0 at their left.
pub fn columns(
    values: &[Option<f64>],
    words: impl Fn(f64) -> String,
    width: usize,
    height: usize,
    glyphs: &Glyphs,
) -> Vec<Line> {
    let room = width.saturating_sub(SCALE + 1);
    let shown = values.get(values.len().saturating_sub(room)..).unwrap_or_default();
    let top = shown.iter().flatten().copied().fold(0.0_f64, f64::max);
    let line = |line: usize| {
        let scale = match line {
            0 if top > 0.0 => words(top),
            _ if line + 1 == height => "0".into(),
            _ => String::new(),
        };
        let columns: String = shown.iter().map(|value| block(*value, top, line, height, glyphs)).collect();
        vec![dim(format!("{scale:>SCALE$} ")), part(Meaning::Chart, columns)]
    };
    (0..height).map(line).collect()
}

/// The part of a column in one line, counted from the top. Nothing is less than the least of something.
fn block(value: Option<f64>, top: f64, line: usize, height: usize, glyphs: &Glyphs) -> &'static str {
    let Some(value) = value.filter(|value| top > 0.0 && *value > 0.0) else { return " " };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a few lines of eight steps"
    )]
    let steps = (value / top * (height * 8) as f64).ceil().max(1.0) as usize;
    match steps.saturating_sub((height - 1 - line) * 8) {
        0 => " ",
        filled => glyphs.heights[filled.min(8) - 1],
    }
}

fn signs(shown: &[Point], glyphs: &Glyphs) -> Line {
    let mut line = vec![dim(" ".repeat(SCALE + 1))];
    for run in shown.chunk_by(|a, b| a.outcome == b.outcome) {
        let (meaning, sign) = match run.first().map(|point| point.outcome) {
            Some(Outcome::Fail) => (Meaning::Bad, glyphs.bad),
            Some(Outcome::Unknown) => (Meaning::Unknown, glyphs.unknown),
            _ => (Meaning::Dim, glyphs.none),
        };
        line.push(part(meaning, sign.repeat(run.len())));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::console::table::words;
    use crate::console::theme::glyphs::UNICODE;

    #[test]
    fn a_chart_has_its_scale_its_columns_and_its_signs() {
        let point = |latency: Option<f64>| Point {
            at: Timestamp::UNIX_EPOCH,
            outcome: if latency.is_some() { Outcome::Pass } else { Outcome::Fail },
            latency,
            reason: None,
        };
        let points = [point(Some(0.001)), point(Some(0.002)), point(None), point(Some(0.004))];
        let lines: Vec<String> = draw(&points, 40, 3, &UNICODE).iter().map(|line| words(line)).collect();
        assert_eq!(lines, ["   4.0 ms    █", "        0 ▄█ █", "          ––✗–"]);
    }

    #[test]
    fn a_narrow_chart_shows_the_newest() {
        assert_eq!(draw(&[], 5, 3, &UNICODE).len(), 3);
    }
}
