//! A chart of latencies: one column a run, newest at the right, a sign below each run that failed.

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
    let top = shown.iter().filter_map(|point| point.latency).fold(0.0_f64, f64::max);
    let mut lines: Vec<Line> = (0..height.saturating_sub(1))
        .map(|line| {
            let scale = match line {
                0 if top > 0.0 => format::latency(top),
                _ if line + 2 == height => "0".into(),
                _ => String::new(),
            };
            let columns: String = shown.iter().map(|point| block(point, top, line, height - 1, glyphs)).collect();
            vec![dim(format!("{scale:>SCALE$} ")), part(Meaning::Chart, columns)]
        })
        .collect();
    lines.push(signs(shown, glyphs));
    lines
}

/// The part of a column in one line, counted from the top.
fn block(point: &Point, top: f64, line: usize, height: usize, glyphs: &Glyphs) -> &'static str {
    let Some(latency) = point.latency.filter(|_| top > 0.0) else { return " " };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a few lines of eight steps"
    )]
    let steps = (latency / top * (height * 8) as f64).ceil().max(1.0) as usize;
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
