//! What operators measure, for Prometheus: counters that cost one addition a batch, and gauges taken when somebody asks.
//! No label names a task: there are as many series on a quiet day as on a busy one.

use std::fmt::Write;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axiom_hub::Place;
use axiom_proto::event::{Event, Happening};
use axiom_proto::fault::Fault;
use axiom_proto::frame::Offset;
use axiom_proto::id::TaskId;
use axiom_proto::task::{LinkView, Status};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use crate::background::beside;
use crate::disk;
use crate::fleet::Fleet;

/// The form of [`crate::Operations::metrics`]: Prometheus reads it, and everything that reads OpenMetrics.
pub const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Buckets of latencies: from 100 µs, each twice the one before, to 13 s.
const LATENCY_FIRST_S: f64 = 0.0001;
const LATENCY_BUCKETS: u16 = 18;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabel {
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FaultLabel {
    operation: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabel {
    event: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabel {
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabel {
    version: &'static str,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    output_bytes: Counter,
    frames: Counter,
    worker_restarts: Counter,
    gaps: Counter,
    interventions: Family<VerdictLabel, Counter>,
    events: Family<EventLabel, Counter>,
    operations: Family<OperationLabel, Histogram>,
    faults: Family<FaultLabel, Counter>,
    tasks: Family<StatusLabel, Gauge>,
    links: Family<StateLabel, Gauge>,
    subscribers: Gauge,
    subscriber_lag_bytes_max: Gauge,
    pub(crate) listeners: Gauge,
    disk_free_bytes: Gauge,
    readers: Mutex<Vec<Weak<ReaderPlace>>>,
}

/// Where a subscriber stands, for the lag.
#[derive(Debug)]
pub(crate) struct ReaderPlace {
    task: TaskId,
    offset: AtomicU64,
}

impl ReaderPlace {
    /// It has been given everything before this place.
    pub(crate) fn moved(&self, offset: Offset) {
        self.offset.store(offset.0, Ordering::Relaxed);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let latency = || Histogram::new(exponential_buckets(LATENCY_FIRST_S, 2.0, LATENCY_BUCKETS));
        let mut metrics = Self {
            registry: Registry::with_prefix("axiom"),
            output_bytes: Counter::default(),
            frames: Counter::default(),
            worker_restarts: Counter::default(),
            gaps: Counter::default(),
            interventions: Family::default(),
            events: Family::default(),
            operations: Family::new_with_constructor(latency),
            faults: Family::default(),
            tasks: Family::default(),
            links: Family::default(),
            subscribers: Gauge::default(),
            subscriber_lag_bytes_max: Gauge::default(),
            listeners: Gauge::default(),
            disk_free_bytes: Gauge::default(),
            readers: Mutex::default(),
        };
        metrics.register_counters();
        metrics.register_gauges();
        metrics
    }
}

impl Metrics {
    fn register_counters(&mut self) {
        let registry = &mut self.registry;
        let help = "Bytes that children printed, as they came over links";
        registry.register("output_bytes", help, self.output_bytes.clone());
        registry.register("frames", "Frames that came over links", self.frames.clone());
        let help = "Workers that took over from another one of their session";
        registry.register("worker_restarts", help, self.worker_restarts.clone());
        registry.register("gaps", "Gaps in outputs", self.gaps.clone());
        let help = "Interventions, by what came of them";
        registry.register("interventions", help, self.interventions.clone());
        registry.register("events", "Events that were made, by name", self.events.clone());
        let help = "How long operations took; those that wait by their nature are not among them";
        registry.register("operation_seconds", help, self.operations.clone());
        let help = "Operations that were refused or failed, by code";
        registry.register("operation_faults", help, self.faults.clone());
    }

    fn register_gauges(&mut self) {
        let registry = &mut self.registry;
        registry.register("tasks", "Tasks by status", self.tasks.clone());
        let help = "Links to workers of sessions that are not over, by state";
        registry.register("links", help, self.links.clone());
        let help = "Readers of frames that are subscribed";
        registry.register("subscribers", help, self.subscribers.clone());
        let help = "Output that the slowest subscriber has not been given yet";
        let lag = self.subscriber_lag_bytes_max.clone();
        registry.register("subscriber_lag_bytes_max", help, lag);
        registry.register("listeners", "Readers of events", self.listeners.clone());
        let help = "Free bytes on the home's disk";
        registry.register("disk_free_bytes", help, self.disk_free_bytes.clone());
        let build = Family::<VersionLabel, Gauge>::default();
        build.get_or_create(&VersionLabel { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build", "1, with the server's version", build);
    }

    /// One batch of frames came over a link.
    pub(crate) fn came(&self, before: Place, after: Place) {
        self.frames.inc_by(after.seq.0.saturating_sub(before.seq.0));
        self.output_bytes.inc_by(after.offset.0.saturating_sub(before.offset.0));
    }

    /// A worker took over.
    pub(crate) fn worker_restarted(&self) {
        self.worker_restarts.inc();
    }

    /// Events were made: each is counted once, as it is told once.
    pub(crate) fn made(&self, events: &[Event]) {
        for Event { happening, .. } in events {
            self.events.get_or_create(&EventLabel { event: happening.word() }).inc();
            if let Happening::Gap { .. } = happening {
                self.gaps.inc();
            }
            if let Happening::Intervention { verdict, .. } = happening {
                self.interventions.get_or_create(&VerdictLabel { verdict: verdict.word() }).inc();
            }
        }
    }

    /// Somebody reads a task's frames from now on.
    pub(crate) fn subscribed(&self, task: TaskId, offset: Offset) -> Arc<ReaderPlace> {
        let place = Arc::new(ReaderPlace { task, offset: AtomicU64::new(offset.0) });
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that left are cleared away when the list would grow.
        if readers.len() == readers.capacity() {
            readers.retain(|reader| reader.strong_count() > 0);
        }
        readers.push(Arc::downgrade(&place));
        place
    }

    /// Carries an operation out, and keeps how long it took and whether it failed.
    pub(crate) async fn timed<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let began = Instant::now();
        let answer = work.await;
        let operations = self.operations.get_or_create(&OperationLabel { operation });
        operations.observe(began.elapsed().as_secs_f64());
        self.refused(operation, &answer);
        answer
    }

    /// Keeps whether an operation failed.
    pub(crate) fn refused<T>(&self, operation: &'static str, answer: &Result<T, Fault>) {
        if let Err(fault) = answer {
            let code = fault.code.word();
            tracing::debug!(operation, code, "refused");
            self.faults.get_or_create(&FaultLabel { operation, code }).inc();
        }
    }

    fn take_gauges(&self, fleet: &Fleet) {
        let counts = fleet.counts(|_| true);
        for status in Status::ALL {
            let count = counts.get(&status).copied().unwrap_or(0);
            let gauge = self.tasks.get_or_create(&StatusLabel { status: status.word() });
            gauge.set(wide(count));
        }
        let (mut connected, mut away) = (0, 0);
        for task in fleet.tasks() {
            match task.look_live(crate::session::Session::link_view) {
                Some(LinkView::Connected) => connected += 1,
                Some(LinkView::Away { .. }) => away += 1,
                Some(LinkView::None) | None => {}
            }
        }
        self.links.get_or_create(&StateLabel { state: "connected" }).set(connected);
        self.links.get_or_create(&StateLabel { state: "away" }).set(away);
        let (subscribers, lag) = self.lag(fleet);
        self.subscribers.set(subscribers);
        self.subscriber_lag_bytes_max.set(wide(lag));
    }

    /// How many subscribers there are.
    pub(crate) fn subscribers(&self) -> u64 {
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.iter().filter(|reader| reader.strong_count() > 0).count() as u64
    }

    /// How many subscribers there are, and how many bytes the slowest has not been given.
    fn lag(&self, fleet: &Fleet) -> (i64, u64) {
        let readers: Vec<Arc<ReaderPlace>> = {
            let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            readers.retain(|reader| reader.strong_count() > 0);
            readers.iter().filter_map(Weak::upgrade).collect()
        };
        let lags = readers.iter().filter_map(|reader| {
            let head = fleet.task(reader.task)?.announced().head?;
            Some(head.offset.0.saturating_sub(reader.offset.load(Ordering::Relaxed)))
        });
        let lag = lags.max().unwrap_or(0);
        (i64::try_from(readers.len()).unwrap_or(i64::MAX), lag)
    }
}

/// Everything, in Prometheus' form.
pub(crate) async fn text(fleet: &Arc<Fleet>) -> String {
    let fleet = fleet.clone();
    beside(move || {
        fleet.metrics.take_gauges(&fleet);
        if let Ok(space) = disk::space(fleet.home.root()) {
            fleet.metrics.disk_free_bytes.set(wide(space.free_bytes));
        }
        let mut text = String::new();
        let encoded = text::encode(&mut text, &fleet.metrics.registry);
        if encoded.is_err() {
            // A string takes whatever is written to it; a broken page is worse than an empty one.
            text.clear();
            let _taken: std::fmt::Result = text.write_str("# EOF\n");
        }
        text
    })
    .await
}

fn wide(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Counts one of something for as long as it lives.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Counted {
    pub(crate) fn in_gauge(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use axiom_proto::fault::ErrorCode;
    use axiom_proto::frame::Seq;

    use super::*;
    use crate::fleet::Machine;
    use crate::home::Home;
    use crate::options::Options;

    fn fleet(folder: &std::path::Path) -> Arc<Fleet> {
        let home = Home::at(folder).unwrap();
        home.prepare().unwrap();
        let cgroup = Err(String::new());
        let machine = Machine {
            cgroup,
            priority: None,
            disk_min_free_bytes: 0,
            started_at_ms: 0,
            task_tokens: crate::task_tokens::TaskTokens::for_tests(),
        };
        Fleet::new(Options::for_tests(home), machine)
    }

    #[tokio::test]
    async fn what_was_counted_is_in_the_text_and_nothing_names_a_task() {
        let folder = tempfile::tempdir().unwrap();
        let fleet = fleet(folder.path());
        let at = |seq, offset| Place { seq: Seq(seq), offset: Offset(offset) };
        fleet.metrics.came(at(1, 5), at(4, 105));
        let task = TaskId::from_random([7; 10]);
        let gap = Happening::Gap { bytes_max: 1, certain: true };
        fleet.metrics.made(&[Event { task: Some(task), ..Event::new(0, gap) }]);
        let refused: Result<(), Fault> =
            fleet.metrics.timed("stop", async { Err(Fault::new(ErrorCode::Busy, "", "")) }).await;
        assert!(refused.is_err());
        let _reader = fleet.metrics.subscribed(task, Offset(0));
        let text = text(&fleet).await;
        for line in [
            "axiom_output_bytes_total 100",
            "axiom_frames_total 3",
            "axiom_gaps_total 1",
            "axiom_events_total{event=\"gap\"} 1",
            "axiom_operation_faults_total{operation=\"stop\",code=\"busy\"} 1",
            "axiom_operation_seconds_count{operation=\"stop\"} 1",
            "axiom_tasks{status=\"lost\"} 0",
            "axiom_subscribers 1",
            "axiom_subscriber_lag_bytes_max 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in:\n{text}");
        }
        assert!(!text.contains(task.as_str()));
    }
}
