//! The graph of a play: memory, what is open, the journal and the disk, over time.

use std::fmt::Write as _;

use crate::samples::{Sample, Series};
use crate::{Plan, TIMES};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 150.0;
const HEIGHT: f64 = 110.0;
const BETWEEN: f64 = 46.0;
const TOP: f64 = 54.0;
/// Points of a line at most: what is drawn is small.
const POINTS: usize = 240;

type Of = fn(&Sample) -> f64;

/// One field of the picture: its title, its unit, its lines with their colours.
type Field = (&'static str, &'static [(&'static str, &'static str, Of)]);

const BLUE: &str = "#1f6feb";
const ORANGE: &str = "#d9730d";
const GREY: &str = "#6e7781";

const FIELDS: [Field; 4] = [
    (
        "resident memory, MiB",
        &[
            ("engine", BLUE, |sample| sample.engine.rss as f64 / 1024.0),
            ("console", ORANGE, |sample| sample.console.rss as f64 / 1024.0),
        ],
    ),
    (
        "engine",
        &[
            ("tasks", BLUE, |sample| sample.tasks.unwrap_or(0) as f64),
            ("descriptors", ORANGE, |sample| sample.engine.fds as f64),
            ("threads", GREY, |sample| sample.engine.threads as f64),
        ],
    ),
    (
        "state folder, MiB",
        &[
            ("state.db", BLUE, |sample| sample.state_db as f64 / 1024.0),
            ("log", ORANGE, |sample| sample.log as f64 / 1024.0),
            ("wal", GREY, |sample| sample.wal as f64 / 1024.0),
        ],
    ),
    ("from a remark to the picture, ms", &[("latency", BLUE, |sample| sample.beat.unwrap_or(0.0))]),
];

pub(crate) fn svg(series: &Series, plan: &Plan) -> String {
    let samples = &series.0;
    let end = samples.last().map_or(1.0, |sample| sample.at).max(1.0);
    let height = TOP + FIELDS.len() as f64 * (HEIGHT + BETWEEN);
    let x = |at: f64| LEFT + at / end * (WIDTH - LEFT - RIGHT);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">The demo at {TIMES} times its pace for {:.1} h, seed {}</text>\n",
        end / 3600.0,
        plan.seed
    );
    for (number, (title, lines)) in FIELDS.iter().enumerate() {
        let top = TOP + number as f64 * (HEIGHT + BETWEEN);
        let most = lines.iter().flat_map(|(_, _, of)| samples.iter().map(of)).fold(0.0, f64::max).max(1.0) * 1.1;
        let y = |value: f64| top + HEIGHT - value / most * HEIGHT;
        let right = x(end);
        let _a_string_takes_all = write!(
            text,
            "<text x=\"{LEFT}\" y=\"{:.0}\">{title}</text>\n\
             <path d=\"M{LEFT} {top:.0}V{:.0}H{right:.0}\" fill=\"none\" stroke=\"#8c959f\"/>\n",
            top - 8.0,
            top + HEIGHT
        );
        for share in [0.0, 0.5, 1.0] {
            let value = most / 1.1 * share;
            let _a_string_takes_all = writeln!(
                text,
                "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\" fill=\"#57606a\">{}</text>",
                LEFT - 6.0,
                y(value) + 4.0,
                if value < 10.0 && value > 0.0 { format!("{value:.1}") } else { format!("{value:.0}") }
            );
        }
        // Where the warm-up ends.
        let warm = x(plan.warm().as_secs_f64().min(end));
        let _a_string_takes_all = writeln!(
            text,
            "<path d=\"M{warm:.0} {top:.0}V{:.0}\" stroke=\"#8c959f\" stroke-dasharray=\"3 3\"/>",
            top + HEIGHT
        );
        for (row, (name, colour, of)) in lines.iter().enumerate() {
            let step = samples.len().div_ceil(POINTS).max(1);
            let points: Vec<String> = samples
                .iter()
                .step_by(step)
                .map(|sample| format!("{:.1},{:.1}", x(sample.at), y(of(sample))))
                .collect();
            let last = samples.last().map_or(0.0, of);
            let _a_string_takes_all = write!(
                text,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.3\"/>\n\
                 <text x=\"{:.0}\" y=\"{:.0}\" fill=\"{colour}\">{name} {last:.0}</text>\n",
                points.join(" "),
                right + 8.0,
                top + 12.0 + row as f64 * 16.0
            );
        }
        for quarter in 0..=4 {
            let at = end * f64::from(quarter) / 4.0;
            let when = if end >= 7200.0 { format!("{:.1} h", at / 3600.0) } else { format!("{:.0} min", at / 60.0) };
            let _a_string_takes_all = writeln!(
                text,
                "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#57606a\">{when}</text>",
                x(at),
                top + HEIGHT + 15.0
            );
        }
    }
    text + "</svg>\n"
}
