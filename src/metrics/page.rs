//! The page under construction: families of samples, in the order in which they are put.

use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Error, TextEncoder};

use crate::clock::Timestamp;

/// One sample: its value, under its labels.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    labels: Vec<LabelPair>,
    value: f64,
}

/// A sample with these labels.
pub(super) fn sample<const N: usize>(labels: [(&str, &str); N], value: f64) -> Sample {
    let pair = |(name, value): (&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    Sample { labels: labels.into_iter().map(pair).collect(), value }
}

/// A sample without labels.
pub(super) fn alone(value: f64) -> [Sample; 1] {
    [sample([], value)]
}

/// 1 where it is so, 0 where it is not.
pub(super) const fn flag(so: bool) -> f64 {
    if so { 1.0 } else { 0.0 }
}

/// Seconds since 1970.
#[allow(clippy::cast_precision_loss, reason = "exact until the year 285,000")]
pub(super) fn time(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// A count or a number of bytes. Prometheus knows no other numbers: beyond 2^53 the last digits are rounded.
#[allow(clippy::cast_precision_loss, reason = "see above")]
pub(super) const fn count(of: u64) -> f64 {
    of as f64
}

/// The same of something that is counted in memory.
pub(super) const fn number(of: usize) -> f64 {
    count(of as u64)
}

/// The families so far.
#[derive(Debug, Default)]
pub(super) struct Page {
    families: Vec<MetricFamily>,
}

impl Page {
    /// Something that goes up and down.
    pub(super) fn gauge(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = Sample>) {
        self.put(name, help, MetricType::GAUGE, samples);
    }

    /// Something that only grows, until the engine starts again.
    pub(super) fn counter(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = Sample>) {
        self.put(name, help, MetricType::COUNTER, samples);
    }

    /// A family without a sample is left out.
    fn put(&mut self, name: &str, help: &str, kind: MetricType, samples: impl IntoIterator<Item = Sample>) {
        let metric = |sample: Sample| {
            let mut metric = Metric::from_label(sample.labels);
            if kind == MetricType::COUNTER {
                let mut counter = Counter::default();
                counter.set_value(sample.value);
                metric.set_counter(counter);
            } else {
                let mut gauge = Gauge::default();
                gauge.set_value(sample.value);
                metric.set_gauge(gauge);
            }
            metric
        };
        let metrics: Vec<Metric> = samples.into_iter().map(metric).collect();
        if metrics.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(metrics);
        self.families.push(family);
    }

    /// All of it.
    pub(super) fn text(&self) -> Result<String, Error> {
        TextEncoder::new().encode_to_string(&self.families)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_have_their_help_their_type_and_their_labels_escaped() {
        let mut page = Page::default();
        page.gauge("a_seconds", "How \\ long.", [sample([("name", "x\"y\\z\nw")], 1.5), sample([("name", "b")], 0.0)]);
        page.gauge("nothing", "Left out.", []);
        page.counter("b_total", "Counted.", alone(count(3)));
        let wanted = "# HELP a_seconds How \\\\ long.\n# TYPE a_seconds gauge\na_seconds{name=\"x\\\"y\\\\z\\nw\"} 1.5\n\
                      a_seconds{name=\"b\"} 0\n# HELP b_total Counted.\n# TYPE b_total counter\nb_total 3\n";
        assert_eq!(page.text().unwrap(), wanted);
    }

    #[test]
    fn times_and_flags_are_numbers() {
        let second = |at: Timestamp| (time(at) * 1000.0).round();
        assert!((second(Timestamp::from_millisecond(1_700_000_000_250).unwrap()) - 1_700_000_000_250.0).abs() < 0.5);
        assert!(flag(true) > flag(false));
    }
}
