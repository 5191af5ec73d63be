//! Figures as Prometheus reads them. The table's are put together here, as they were counted elsewhere.
#![expect(
    single_use_lifetimes,
    reason = "within `impl Trait` a lifetime has to have a name"
)]

use prometheus::{
    TextEncoder,
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

/// What `Content-Type` says of the text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A label and its value.
pub(crate) type Label<'a> = (&'static str, &'a str);

/// Figures by their names.
#[derive(Default)]
pub(crate) struct Exposition(Vec<MetricFamily>);

impl Exposition {
    /// One figure that goes up and down.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.gauges(name, help, [(Vec::new(), value)]);
    }

    /// Several of them under one name.
    pub(crate) fn gauges<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<Label<'a>>, f64)>,
    ) {
        let samples = samples.into_iter().map(|(labels, value)| {
            let (mut metric, mut gauge) = (labelled(labels), Gauge::default());
            gauge.set_value(value);
            metric.set_gauge(gauge);
            metric
        });
        self.family(name, help, MetricType::GAUGE, samples.collect());
    }

    /// Figures that only go up.
    pub(crate) fn counters<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<Label<'a>>, u64)>,
    ) {
        let samples = samples.into_iter().map(|(labels, value)| {
            let (mut metric, mut counter) = (labelled(labels), Counter::default());
            counter.set_value(value as f64);
            metric.set_counter(counter);
            metric
        });
        self.family(name, help, MetricType::COUNTER, samples.collect());
    }

    /// Histograms of times, from counts by their bounds in milliseconds. The last bound stands for no bound.
    pub(crate) fn histograms<'a, B>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<Label<'a>>, B, u64)>,
    ) where
        B: IntoIterator<Item = (i64, u64)>,
    {
        let samples = samples.into_iter().map(|(labels, buckets, ms)| {
            let mut metric = labelled(labels);
            metric.set_histogram(histogram(buckets, ms));
            metric
        });
        self.family(name, help, MetricType::HISTOGRAM, samples.collect());
    }

    /// Figures that were counted by the library.
    pub(crate) fn families(&mut self, families: Vec<MetricFamily>) {
        self.0.extend(families);
    }

    /// All of them as text.
    pub(crate) fn text(self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.0)
    }

    fn family(&mut self, name: &str, help: &str, kind: MetricType, samples: Vec<Metric>) {
        // A name without figures is nothing that the format knows.
        if samples.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(samples);
        self.0.push(family);
    }
}

fn labelled(labels: Vec<Label<'_>>) -> Metric {
    let pair = |(name, value): Label<'_>| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    Metric::from_label(labels.into_iter().map(pair).collect())
}

fn histogram(buckets: impl IntoIterator<Item = (i64, u64)>, ms: u64) -> Histogram {
    let (mut histogram, mut so_far) = (Histogram::default(), 0);
    let mut bounded = Vec::new();
    for (bound, builds) in buckets {
        so_far += builds;
        if bound < i64::MAX {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound as f64 / 1000.0);
            bucket.set_cumulative_count(so_far);
            bounded.push(bucket);
        }
    }
    histogram.set_bucket(bounded);
    histogram.set_sample_count(so_far);
    histogram.set_sample_sum(ms as f64 / 1000.0);
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_added_up_and_names_are_escaped() {
        let mut all = Exposition::default();
        let buckets = [(50, 1), (1000, 2), (i64::MAX, 4)];
        all.histograms("t", "Time.", [(vec![("k", "a\"b\\\n")], buckets, 2500)]);
        all.counters("none", "Nothing yet.", []);
        all.gauge("g", "Now.", 0.5);
        let expected = "# HELP t Time.\n# TYPE t histogram\n\
            t_bucket{k=\"a\\\"b\\\\\\n\",le=\"0.05\"} 1\n\
            t_bucket{k=\"a\\\"b\\\\\\n\",le=\"1\"} 3\n\
            t_bucket{k=\"a\\\"b\\\\\\n\",le=\"+Inf\"} 7\n\
            t_sum{k=\"a\\\"b\\\\\\n\"} 2.5\nt_count{k=\"a\\\"b\\\\\\n\"} 7\n\
            # HELP g Now.\n# TYPE g gauge\ng 0.5\n";
        assert_eq!(all.text().unwrap(), expected);
    }
}
